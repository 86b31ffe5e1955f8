"""Who may do what to which project: rules, tokens and publishers as plain values."""

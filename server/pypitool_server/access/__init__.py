"""Who may, for one request."""

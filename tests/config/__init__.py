"""The configuration: every source, one precedence, all faults at once."""

"""Units of systemd: one template for all of them, and what `setup` makes of a machine."""

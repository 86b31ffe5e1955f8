"""The settings: read from flags, variables and files, checked, and explained."""

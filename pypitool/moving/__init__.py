"""Moving in from another server: its files are read, the plan of it is carried out."""

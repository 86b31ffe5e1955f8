"""The directories and their state as one thing: open, scan, publish, yank, delete, verify, back up."""

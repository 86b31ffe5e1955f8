"""The command line, through its boundary: real directories, real packages, real processes."""

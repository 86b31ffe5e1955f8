"""The decisions of the mirror: which files for which machines, what is missing, what a run says."""

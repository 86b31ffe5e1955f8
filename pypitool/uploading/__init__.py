"""Uploading: which files, where to, as whom, what is checked before, and how it goes."""

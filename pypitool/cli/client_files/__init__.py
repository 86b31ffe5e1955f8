"""The configuration files of pip, uv, twine and the like, changed without losing a line."""

"""A private Python package index, and the mirror that keeps it filled."""

__version__ = "0.1.0"

"""A client of other indexes."""

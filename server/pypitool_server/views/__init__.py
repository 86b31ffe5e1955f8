"""A request is parsed, the library called, the answer given."""

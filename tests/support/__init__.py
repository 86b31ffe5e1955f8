"""Real packages, real processes and real clients for the tests."""

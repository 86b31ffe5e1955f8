"""Processes: supervision, workers, listening, TLS."""

"""The access log, the download log, counters and metrics."""

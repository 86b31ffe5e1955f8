"""The tests mirror the source; `support` builds real packages and starts real processes."""

"""Ready answers, and what makes them stale."""

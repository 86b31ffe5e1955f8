"""The mirror: select, fetch and prove; update, prune, bundle and schedule."""

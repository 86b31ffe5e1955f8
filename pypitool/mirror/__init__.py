"""The mirror: pinned sets fetched for every target, proven to install, on a schedule."""

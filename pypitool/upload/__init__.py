"""What `pypitool upload` does: check files, and send them as twine would."""

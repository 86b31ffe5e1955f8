"""What is wrong, or will be soon."""

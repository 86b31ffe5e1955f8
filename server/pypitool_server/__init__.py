"""The Flask application that serves a package index."""

"""Tests of installing, upgrading and going back, as the documents tell it."""

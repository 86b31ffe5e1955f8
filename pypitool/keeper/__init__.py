"""The process that keeps the catalogue true to the directories."""

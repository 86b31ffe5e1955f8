"""The beginning of a container of our image: who it shall be, and whether its server answers."""

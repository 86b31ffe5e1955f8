"""The other side of the mirror: a client of simple indexes, whatever dialect they speak."""

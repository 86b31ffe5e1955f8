"""How fast the mirror is: pins fetched from an upstream on loopback, against pip and bandersnatch."""

"""What we hold: a database that can be lost, and the log of facts from which it is rebuilt."""

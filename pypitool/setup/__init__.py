"""A service of this machine: what is there is looked at, and the steps of a plan are carried out."""

"""Moving in: what other servers' files say, and what is to be done about it."""

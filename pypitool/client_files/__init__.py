"""The configuration files of clients: where they lie, and how one index is put into them."""

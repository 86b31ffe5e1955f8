"""What people do with a server, on its own machine or over the network."""

"""What HTTP asks of us: bodies, proxies, browsers."""

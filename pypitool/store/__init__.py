"""Package files where they lie: directories today, a bucket later."""

"""What is inside a wheel or an sdist, read safely: hostile, damaged and half-copied ones too."""

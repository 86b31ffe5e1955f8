"""Where settings come from: flags, environment, TOML files, defaults; one precedence, one error style."""

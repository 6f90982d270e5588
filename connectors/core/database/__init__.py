"""Sources that are other people's databases."""

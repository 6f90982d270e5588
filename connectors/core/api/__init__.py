"""Sources that ask an API: lists, changes, exports."""

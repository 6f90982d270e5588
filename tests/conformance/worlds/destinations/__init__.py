"""Worlds of destinations: one joins by a module here that names its worlds `DESTINATIONS`."""

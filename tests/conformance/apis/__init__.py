"""Vendors' APIs on loopback, as far as Parley asks them."""

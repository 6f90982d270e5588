"""Fitting the weights of signals to this shop, from closed windows of its own past."""

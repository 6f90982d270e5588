"""Lists at destinations, kept equal to audiences."""

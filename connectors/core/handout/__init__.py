"""What destinations that write files have in common: safe cells, whole files, batches by name."""

"""One suite a vendor: what its landed batches have to be, beyond what every batch has to be."""

"""What a vendor's source and destination share: log-in, addresses, limits, status to remedy."""

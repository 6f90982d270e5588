"""The outside world: sources, destinations, the ledger, and the core that they share."""

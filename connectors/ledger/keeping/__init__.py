"""Keeping the ledger itself: backup, restore, retention."""

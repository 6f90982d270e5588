"""The ledger: manifest, cursors, runs and the outbox of messages, in one small database."""

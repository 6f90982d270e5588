"""A Marketo account on loopback, with its own traps; answers are built as recorded ones were."""

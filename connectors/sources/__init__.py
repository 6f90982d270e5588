"""Sources: one module a vendor, each a `SPEC` value that `connectors.core.registry` finds."""

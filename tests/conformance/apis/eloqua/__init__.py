"""Oracle Eloqua on loopback, shaped by recorded exchanges."""

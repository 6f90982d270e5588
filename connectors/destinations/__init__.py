"""Where messages and tables go, one file each."""

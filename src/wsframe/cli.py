"""wsframe on the command line."""

"""Commands of `wsframe` that talk to servers: one file each, imported when the command runs."""

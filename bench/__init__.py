"""How fast wsframe is, always beside somebody else: `python -m bench`."""

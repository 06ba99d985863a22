"""Servers as in the manuals of their libraries: every message goes back. Each prints its port."""

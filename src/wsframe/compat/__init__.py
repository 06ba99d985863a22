"""Modules that can replace those of other libraries."""

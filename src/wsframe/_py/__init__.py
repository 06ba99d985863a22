"""The pure twin: the codec on the standard library alone."""

backend: str = "py"

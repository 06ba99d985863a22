"""The compiled twin: the codec in C."""

from .kernel import selected

backend: str = f"c-{selected()}"

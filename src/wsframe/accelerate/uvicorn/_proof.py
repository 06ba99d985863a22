"""What the proofs of both protocols have in common."""

from __future__ import annotations

from typing import Any

# Of a text and a binary message, as the application gets them.
EVENTS: list[dict[str, Any]] = [
    {"type": "websocket.receive", "text": "text"},
    {"type": "websocket.receive", "bytes": b"bytes"},
]


def long_way(*_: object) -> None:
    """Stand where only the code of uvicorn comes by."""
    raise RuntimeError("the code of uvicorn answered")

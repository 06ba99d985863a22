"""The fast paths of `receive` and `send` of ASGI: in Python, the coroutines of the connection."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any


def asgi_calls(
    stream: Any,
) -> tuple[
    Callable[[], Coroutine[Any, Any, dict[str, Any]]], Callable[[dict[str, Any]], Coroutine[Any, Any, None]]
]:
    """Make `receive` and `send` of a connection, which look like its `asgi_receive` and `asgi_send`.

    Args:
        stream: of a server, with these two coroutine methods.

    Returns:
        Two functions; what they return is to be awaited.
    """
    return stream.asgi_receive, stream.asgi_send

"""The messages of a connection, one after the other: what `async for` uses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .receiver import Receiver


async def Messages(receiver: Receiver, end: Any) -> AsyncIterator[Any]:
    """Return an asynchronous iterator over the messages of a connection.

    Args:
        receiver: the connection.
        end: the type of the exception that ends the iteration.
    """
    try:
        while True:
            while not receiver._queued:
                await receiver._message_waiter()
            yield receiver._pop()
    except end:
        return

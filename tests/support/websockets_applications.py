"""What an application on a connection of websockets does, of either of its asyncio implementations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any


async def react(ws: Any, message: Any) -> None:
    """Do what a message asks for."""
    if message == "raise":
        raise RuntimeError("as was asked for")
    if message == "close":
        await ws.close(3001, "as was asked for")
    elif message == "twice":
        await ws.send(message)
        await ws.send(b"again")
    elif message == "odd":
        await ws.send(bytearray(b"odd"))
        await ws.send(["in ", "pieces"])
    elif message == "ping":
        await ws.ping(b"from this side")
    await ws.send(message)


async def react_to_all(ws: Any, messages: AsyncIterator[Any], style: str, seen: list[Any]) -> None:
    """React to messages at once, a bit later, in tasks, or to three at a time; note all that is seen."""
    tasks: list[asyncio.Task[None]] = []
    waiting: list[Any] = []
    try:
        async for message in messages:
            seen.append((type(message), message))
            if style == "tasks":
                tasks.append(asyncio.ensure_future(react(ws, message)))
                continue
            if style == "slow":
                await asyncio.sleep(0)
            waiting.append(message)
            if style != "late" or len(waiting) == 3:
                for one in waiting:
                    await react(ws, one)
                waiting.clear()
    except Exception as exc:
        note(seen, exc)
    for end in await asyncio.gather(*tasks, ws.close(), return_exceptions=True):
        note(seen, end)
    await ws.wait_closed()
    protocol = getattr(ws, "protocol", ws)  # before 14.0 only the protocol has `close_code`
    seen.append((ws.state, protocol.close_code, protocol.close_reason))


def note(seen: list[Any], exc: Any) -> None:
    chain = [exc, exc.__cause__, exc.__context__] if exc else []
    seen.append([(type(link).__name__, str(link)) for link in chain if link])

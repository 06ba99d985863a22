"""Several `receive` calls that wait at once get the events in the order of the calls."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from serving import Raw, serving

from wsframe import Opcode, encode_frame

MASK = b"abcd"
DISCONNECT = {"type": "websocket.disconnect", "code": 3001, "reason": "bye"}
LATER = {"type": "websocket.disconnect", "code": 1005}


def close_frame() -> bytes:
    return encode_frame(Opcode.CLOSE, (3001).to_bytes(2, "big") + b"bye", mask_key=MASK)


def text_frame(text: str) -> bytes:
    return encode_frame(Opcode.TEXT, text, mask_key=MASK)


def received(loop: str, sent: bytes, cancelled: int | None = None) -> list[Any]:
    """Return what four waiting calls return; one of them may be cancelled before a fifth one comes."""
    results: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        tasks = [asyncio.ensure_future(receive()) for _ in range(4)]
        await asyncio.sleep(0)
        if cancelled is not None:
            tasks.pop(cancelled).cancel()
            await asyncio.sleep(0)
            tasks.append(asyncio.ensure_future(receive()))
            await asyncio.sleep(0)
        await send({"type": "websocket.send", "text": "go"})
        results.extend(await asyncio.gather(*tasks))

    with serving(app, loop=loop) as port, Raw(port) as client:
        assert client.receive(1) == ["go"]
        client.send(sent)
        client.receive_all()
    return [event.get("text", event) for event in results]


@pytest.mark.parametrize("cancelled", [None, 0, 1, 3])
def test_the_first_call_gets_the_disconnect_event(loop: str, cancelled: int | None) -> None:
    assert received(loop, close_frame(), cancelled) == [DISCONNECT, LATER, LATER, LATER]


@pytest.mark.parametrize("cancelled", [None, 0, 1, 3])
def test_messages_and_the_disconnect_event_keep_their_order(loop: str, cancelled: int | None) -> None:
    sent = text_frame("one") + text_frame("two") + close_frame()
    assert received(loop, sent, cancelled) == ["one", "two", DISCONNECT, LATER]


def test_calls_that_are_cancelled_leave_nothing_behind(loop: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        first = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        for _ in range(100):
            more = asyncio.ensure_future(receive())
            await asyncio.sleep(0)
            more.cancel()
            await asyncio.sleep(0)
        waiters = len(receive.__self__._more_waiters)
        await send({"type": "websocket.send", "text": str(waiters)})
        assert (await first)["text"] == "end"

    with serving(app, loop=loop) as port, Raw(port) as client:
        (waiters,) = client.receive(1)
        client.send(text_frame("end"))
        client.receive_all()
    assert int(waiters) <= 1

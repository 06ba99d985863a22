"""The ASGI extension `wsframe.fragments`: an application receives messages in parts, as they arrive."""

from __future__ import annotations

import hashlib
from typing import Any

from serving import serving
from websockets.sync.client import connect

SIZE = 2**25


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Reply to each message with what was received of it, and how."""
    assert scope["extensions"]["wsframe.fragments"] == {}
    await receive()
    await send({"type": "websocket.accept", "wsframe.fragments": scope["path"] == "/parts"})
    digest, parts, most, kinds = hashlib.sha256(), 0, 0, set()
    while True:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            return
        kind = "text" if event.get("text") is not None else "bytes"
        data = event[kind]
        digest.update(data.encode() if kind == "text" else data)
        parts, most = parts + 1, max(most, len(data))
        kinds.add(kind)
        if not event.get("more_body"):
            in_parts = "more_body" in event
            await send(
                {
                    "type": "websocket.send",
                    "text": f"{digest.hexdigest()} {kind} {in_parts} {parts > 1} {most}",
                }
            )
            digest, parts, most = hashlib.sha256(), 0, 0


def reply_to(ws: Any, message: Any) -> list[str]:
    ws.send(message)
    return ws.recv().split()


def test_an_application_that_asks_for_it_receives_parts() -> None:
    large = bytes(range(256)) * (SIZE // 256)
    with (
        serving(app, ws_max_size=2 * SIZE) as port,
        connect(f"ws://127.0.0.1:{port}/parts", compression=None) as ws,
    ):
        digest, kind, in_parts, several, most = reply_to(ws, large)
        assert (digest, kind, in_parts, several) == (
            hashlib.sha256(large).hexdigest(),
            "bytes",
            "True",
            "True",
        )
        assert int(most) <= 2**18
        text = "aé€😊" * 100_000
        digest, kind, in_parts, several, most = reply_to(ws, text)
        assert (digest, kind, in_parts) == (hashlib.sha256(text.encode()).hexdigest(), "text", "True")
        assert reply_to(ws, "small")[1:] == ["text", "True", "False", "5"]


def test_others_receive_whole_messages() -> None:
    with serving(app) as port, connect(f"ws://127.0.0.1:{port}/") as ws:
        assert reply_to(ws, b"a" * 2**19)[1:] == ["bytes", "False", "False", str(2**19)]

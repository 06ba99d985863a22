"""Dialogs between a raw client and an ASGI application, and what both sides, and the log, saw of them.

    python tests/uvicorn/dialogs.py WS[+ours] [NAME ...]

plays them on a server of the installed uvicorn with `--ws WS`, or with our class in the place of that one,
and prints JSON.  It needs nothing but uvicorn, so that it also runs in environments of older versions.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dialog import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    App,
    Client,
    Conversation,
    Dialog,
    Side,
    close,
    frame,
    play,
    text,
)

CASES: dict[str, Dialog] = {}


def case(name: str, app: App, converse: Conversation, **settings: Any) -> None:
    """Add a dialog; settings that begin with `client_` go to the client, the others to uvicorn."""
    CASES[name] = app, converse, settings


async def echo(side: Side) -> None:
    await side.accept()
    while True:
        event = await side.receive()
        if event["type"] != "websocket.receive":
            await side.send("send", text="too late")
            return
        await side.send(
            "send", **{key: event[key] for key in ("text", "bytes") if event.get(key) is not None}
        )


def script(*steps: bytes | int) -> Conversation:
    """Send bytes, and wait for so many frames; then end the stream."""

    def converse(client: Client, side: Side) -> None:
        if client.head() != 101:
            client.body()
            return
        for step in steps:
            if isinstance(step, int):
                client.frames(step)
            else:
                client.send(step)
        client.end()
        client.frames()

    return converse


def opened(then: App, **accept: Any) -> App:
    async def app(side: Side) -> None:
        await side.accept(**accept)
        await then(side)

    return app


# The scope and the opening handshake.

case("plain", echo, script(close(), 1))
case("path and query", echo, script(close(), 1), client_path="/a%20b/%C3%A9?q=1&r=%20")
case("root path", echo, script(close(), 1), root_path="/root")
case("subprotocols", echo, script(close(), 1), client_extra="Sec-WebSocket-Protocol: one, two\r\n")
case(
    "subprotocols in two fields",
    echo,
    script(close(), 1),
    client_extra="Sec-WebSocket-Protocol: one,two\r\nSec-WebSocket-Protocol:  three\r\n",
)
case("empty subprotocol", echo, script(close(), 1), client_extra="Sec-WebSocket-Protocol: one,, two,\r\n")
case("empty subprotocols", echo, script(close(), 1), client_extra="Sec-WebSocket-Protocol: \r\n")
case("invalid subprotocol", echo, script(close(), 1), client_extra="Sec-WebSocket-Protocol: Bearer abc=\r\n")
case(
    "subprotocol chosen",
    opened(Side.receive, subprotocol="two"),
    script(close(), 1),
    client_extra="Sec-WebSocket-Protocol: one, two\r\n",
)
case("subprotocol not offered", opened(Side.receive, subprotocol="x"), script(close(), 1))
case(
    "headers of the application",
    opened(Side.receive, headers=[(b"X-A", b"1"), (b"x-b", b"\xe9")]),
    script(close(), 1),
)
case(
    "a broken header of the application",
    opened(Side.receive, headers=[(b"x", b"1\r\ny: 2")]),
    script(close(), 1),
)
case(
    "headers of the client",
    echo,
    script(close(), 1),
    client_extra="X-A: \xe9\r\nx-a: 2\r\nOrigin: http://a\r\n",
)
case("default headers", echo, script(close(), 1), headers=[("X-Default", "1")])
case("extensions", echo, script(close(), 1), client_extra="Sec-WebSocket-Extensions: permessage-deflate\r\n")
case(
    "extensions of a browser",
    echo,
    script(close(), 1),
    client_extra="Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
)
case(
    "extensions with a small window",
    echo,
    script(close(), 1),
    client_extra="Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n",
)
case(
    "extensions switched off",
    echo,
    script(close(), 1),
    ws_per_message_deflate=False,
    client_extra="Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
)
case("malformed extensions", echo, script(close(), 1), client_extra="Sec-WebSocket-Extensions: ;;\r\n")
case("no version", echo, script(close(), 1), client_drop="Sec-WebSocket-Version")
case("version 12", echo, script(close(), 1), client_version="12")
case("no key", echo, script(close(), 1), client_drop="Sec-WebSocket-Key")
case("two keys", echo, script(close(), 1), client_extra="Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
case(
    "a bad key",
    echo,
    script(close(), 1),
    client_drop="Sec-WebSocket-Key",
    client_extra="Sec-WebSocket-Key: dGhl\r\nSec-WebSocket-Key2: x\r\n",
)
case("no host", echo, script(close(), 1), client_drop="Host")
case("many headers", echo, script(close(), 1), client_extra="".join(f"x-{n}: 1\r\n" for n in range(100)))
case("a long header", echo, script(close(), 1), client_extra=f"x: {'a' * 7000}\r\n")


async def deny(side: Side) -> None:
    await side.receive()
    await side.send("close", code=4003)
    await side.receive()
    await side.send("send", text="x")


async def deny_with_response_in_two_parts(side: Side) -> None:
    await side.receive()
    await side.send("http.response.start", status=401, headers=[(b"x-a", b"1"), (b"content-length", b"4")])
    await side.send("http.response.body", body=b"no", more_body=True)
    await side.send("http.response.body", body=b"no")
    await side.receive()
    await side.send("send", text="x")


async def deny_with_complete_response(side: Side) -> None:
    await side.receive()
    await side.send("http.response.start", status=401, headers=[])
    await side.send("http.response.body", body=b"no")
    await side.receive()


async def deny_with_incomplete_response(side: Side) -> None:
    await side.receive()
    await side.send("http.response.start", status=401, headers=[(b"content-length", b"4")])
    await side.send("http.response.body", body=b"no", more_body=True)


async def deny_wrongly(side: Side) -> None:
    await side.receive()
    await side.send("http.response.start", status=700, headers=[])
    await side.send("http.response.start", status=401, headers=[(b"content-length", b"0")])
    await side.send("accept")
    await side.send("http.response.body", body=b"")


async def wrong_first(side: Side) -> None:
    await side.receive()
    await side.send("send", text="x")
    await side.send("accept")


async def raises(side: Side) -> None:
    await side.receive()
    raise ValueError("told to")


async def returns(side: Side) -> None:
    await side.receive()


case("denied", deny, script())
case("denied with a response in two parts", deny_with_response_in_two_parts, script())
case("denied with a complete response", deny_with_complete_response, script())
case("denied with an incomplete response", deny_with_incomplete_response, script())
case("denied wrongly", deny_wrongly, script())
case("sends before accept", wrong_first, script(close(), 1))
case("raises before accept", raises, script())
case("returns before accept", returns, script())


async def lost_before_accept(side: Side) -> None:
    await side.receive()
    await side.wait()
    await side.receive()
    await side.send("accept")
    await side.send("send", text="x")
    await side.receive()


def leave_early(client: Client, side: Side) -> None:
    client.reset()
    time.sleep(0.2)
    side.go.set()


case("lost before accept", lost_before_accept, leave_early)

# Messages.

case("text", echo, script(text("h\u00e9"), 1, close(), 1))
case("binary", echo, script(frame(BINARY, b"\0\xff"), 1, close(), 1))
case("empty", echo, script(text("") + frame(BINARY), 2, close(), 1))
case("long", echo, script(text("x" * 70000), 1, close(), 1))
case("burst", echo, script(b"".join(text(str(n)) for n in range(20)), 20, close(), 1))
case(
    "fragments",
    echo,
    script(frame(TEXT, b"\xc3", fin=False) + frame(PING, b"p") + frame(0, b"\xa9"), 2, close(), 1),
)
case("ping", echo, script(frame(PING, b"x" * 125) + frame(PONG, b"unasked"), 1, close(), 1))


async def odd_sends(side: Side) -> None:
    await side.accept()
    await side.send("send")
    await side.send("send", text=None, bytes=b"b")
    await side.send("send", text="t", bytes=None)
    await side.send("send", text="t", bytes=b"both")
    await side.send("send", text="", bytes=None)
    await side.send("accept")
    await side.send("nonsense")
    await side.receive()


case("odd sends", odd_sends, script(4, close(), 1))


async def wrong_types(side: Side) -> None:
    await side.accept()
    await side.send("send", text=b"binary")
    await side.send("send", bytes="text")
    await side.send("send", text="t", bytes="text")
    await side.send("send", text=bytearray(b"binary"))
    await side.send("send", text=5)
    await side.send("send", bytes=5)
    await side.send("send", bytes=bytearray(b"binary"))
    await side.send("send", bytes=memoryview(b"last"))
    await side.receive()


def until_the_last(client: Client, side: Side) -> None:
    client.head()
    while client.saw[-1][1:] != ["last"]:
        client.frames(1)
    client.send(close())
    client.end()
    client.frames()


case("wrong types", wrong_types, until_the_last)

# The end, by the client.

case("close", echo, script(close(1000), 1))
case("close without a code", echo, script(close(None), 1))
case("close with a reason", echo, script(close(4000, "h\u00e9"), 1))
case("going away", echo, script(close(1001), 1))
case("end of stream", echo, script(text("a"), 1))
case("message and close at once", echo, script(text("a") + close(), 2))
case("backlog and close at once", echo, script(b"".join(text(str(n)) for n in range(300)) + close(), 301))


def reset(client: Client, side: Side) -> None:
    client.head()
    client.send(text("a"))
    client.frames(1)
    client.reset()


case("reset", echo, reset)


async def starts_late(side: Side) -> None:
    await side.accept()
    await side.wait()
    while (event := await side.receive())["type"] == "websocket.receive":
        await side.send("send", text=event["text"])


def close_before_the_start(client: Client, side: Side) -> None:
    client.head()
    client.send(text("a"))
    time.sleep(0.1)  # a read of its own
    client.send(close())
    time.sleep(
        0.5
    )  # longer than the Close of a client waits for an application that reading does not wait for
    side.go.set()
    client.frames()


case("close before the application starts to receive", starts_late, close_before_the_start)


async def receives_on(side: Side) -> None:
    await side.accept()
    for _ in range(3):
        await side.receive()


case("receives after the end", receives_on, script(close(1000), 1))


async def two_receive(side: Side) -> None:
    await side.accept()
    tasks = [asyncio.ensure_future(side.receive()) for _ in range(2)]
    await asyncio.sleep(0.05)
    await side.send("send", text="ready")
    await asyncio.gather(*tasks)
    while (await side.receive())["type"] == "websocket.receive":
        pass


case("two receive at once", two_receive, script(1, text("a") + text("b"), close(), 1))

# The end, by the application.


def closing(**content: Any) -> App:
    async def app(side: Side) -> None:
        await side.accept()
        await side.send("close", **content)
        await side.receive()
        await side.send("send", text="x")
        await side.send("close")
        await side.receive()

    return app


def reply(*codes: int) -> Conversation:
    return script(1, *(close(code) for code in codes))


case("closes", closing(), reply(1000))
case("closes with a code", closing(code=4001, reason="good bye"), reply(4001))
case("closes with reason None", closing(code=1001, reason=None), reply(1001))
case("closes with 1005", closing(code=1005), reply(1000))
case("closes with 1006", closing(code=1006), reply(1000))
case("closes with 999", closing(code=999), reply(1000))
case("closes with a long reason", closing(code=1000, reason="x" * 124), reply(1000))


async def close_and_return(side: Side) -> None:
    await side.accept()
    await side.send("close", code=4002)


case("closes and returns", close_and_return, reply(4002))
case("raises", opened(raises), script(text("a")))
case("returns", opened(returns), script(text("a")))


async def return_at_once(side: Side) -> None:
    await side.accept()
    side.go.set()


def close_after_the_return(client: Client, side: Side) -> None:
    client.head()
    side.go.wait(10)
    client.send(close(4000))
    client.frames()


case("returns before the client closes", return_at_once, close_after_the_return)


async def return_something(side: Side) -> Any:
    await side.accept()
    return 1


case("returns something", return_something, script())

# What breaks a rule.

case("bad utf-8", echo, script(frame(TEXT, b"\xff"), 1))
case("reserved bit", echo, script(frame(TEXT, b"a", rsv=2), 1))
case(
    "corrupt compressed data",
    echo,
    script(frame(TEXT, b"\xff\xff\xff", rsv=4), 1),
    client_extra="Sec-WebSocket-Extensions: permessage-deflate\r\n",
)
case("unmasked", echo, script(frame(TEXT, b"a", mask=False), 1))
case("continuation of nothing", echo, script(frame(0, b"a"), 1))
case("reserved opcode", echo, script(frame(3, b"a"), 1))
case("long ping", echo, script(frame(PING, b"x" * 126), 1))
case("bad close code", echo, script(close(1006), 1))
case("short close", echo, script(frame(CLOSE, b"\x03"), 1))
case("too big", echo, script(text("x" * 2001), 1), ws_max_size=2000)
case("message before a violation", echo, script(text("a") + frame(TEXT, b"\xff"), 2))

# The end, by the server.


def wait_for_end(client: Client, side: Side) -> None:
    client.head()
    client.send(text("a"))
    client.frames(1)
    client.saw.append("shutdown")
    side.server.should_exit = True  # type: ignore[attr-defined]
    client.frames()


case("shutdown", echo, wait_for_end)
case("keep-alive", echo, script(1), ws_ping_interval=0.1, ws_ping_timeout=5.0)
case("keep-alive times out", echo, script(3), ws_ping_interval=0.1, ws_ping_timeout=0.1)


def play_all(ws: str, instead: Any, names: Iterable[str]) -> dict[str, Any]:
    """Play dialogs, many at a time: each waits for most of its time."""
    with ThreadPoolExecutor(12) as pool:
        told = {name: pool.submit(play, CASES[name], ws, instead) for name in names}
        return {name: story.result() for name, story in told.items()}


def main() -> None:
    ws, _, ours = sys.argv[1].partition("+")
    instead = None
    if ours:  # "wsproto+ours": our class in the place of that one
        from wsframe.uvicorn import WebSocketProtocol as instead  # type: ignore[assignment]
    stories = play_all(ws, instead, sys.argv[2:] or list(CASES))
    print(json.dumps(stories, indent=1, default=repr))


if __name__ == "__main__":
    main()

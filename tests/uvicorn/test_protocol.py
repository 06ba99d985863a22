"""What an application sees of a connection, and what its client sees, beside uvicorn's own class."""

from __future__ import annotations

import asyncio
import struct
import threading
import time
from collections.abc import Callable
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

import pytest
from serving import OURS, Raw, running, serving
from websockets.sync.client import connect

from wsframe import Close, Opcode, Ping, Pong, encode_binary, encode_frame, encode_text

KEY = b"\x01\x02\x03\x04"


class Recorder:
    """An ASGI application that does as messages say, and remembers what it saw."""

    def __init__(self) -> None:
        self.scope: dict[str, Any] = {}
        self.events: list[dict[str, Any]] = []
        self.raised: list[str] = []
        self.done = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope = scope

        async def report(kind: str, **content: Any) -> None:
            try:
                await send({"type": f"websocket.{kind}", **content})
            except Exception as exc:
                self.raised.append(type(exc).__name__)

        try:
            while True:
                event = await receive()
                self.events.append(event)
                if event["type"] == "websocket.disconnect":
                    await report("send", text="too late")
                    return
                if event["type"] == "websocket.connect":
                    if scope["path"] == "/deny":
                        await report("close", code=4003)
                    elif scope["path"] == "/raise":
                        raise RuntimeError("told to")
                    elif scope["path"] == "/return":
                        return
                    else:
                        await report("accept", headers=[(b"x-path", scope["raw_path"])])
                    continue
                words = (event.get("text") or "").split()
                if words[:1] == ["!close"]:
                    await report("close", code=int(words[1]), reason=" ".join(words[2:]))
                    await report("close", code=1000)
                elif words == ["!raise"]:
                    raise RuntimeError("told to")
                elif words == ["!return"]:
                    return
                elif words == ["!wrong"]:
                    await report("accept")
                else:
                    await report("send", text=event.get("text"), bytes=event.get("bytes"))
        finally:
            self.done.set()


def text(what: str) -> bytes:
    return encode_text(what, masked=True)


def frame(opcode: Opcode, payload: bytes, fin: bool = True, rsv: int = 0) -> bytes:
    return encode_frame(opcode, payload, fin=fin, rsv=rsv, mask_key=KEY)


def close(body: bytes = b"") -> bytes:
    return frame(Opcode.CLOSE, body)


# Each script: a path, what the client sends, and how many events it waits for before it sends more.
SCRIPTS: dict[str, tuple[str, list[tuple[bytes, int]]]] = {
    "one by one": ("/a%20b?q=1", [(text("é"), 1), (encode_binary(b"\0\xff", masked=True), 1), (close(), 1)]),
    "in a burst": ("/", [(b"".join(text(str(n)) for n in range(100)), 100), (close(b"\x03\xe8"), 1)]),
    "empty messages": ("/", [(text("") + encode_binary(b"", masked=True), 2), (close(b"\x03\xe8bye"), 1)]),
    "code and reason": ("/", [(close(b"\x0f\xa0later \xc3\xa9"), 1)]),
    "fragments": (
        "/",
        [
            (frame(Opcode.TEXT, b"\xc3", fin=False), 0),
            (frame(Opcode.PING, b"mid") + frame(Opcode.CONTINUATION, b"\xa9", fin=False), 1),
            (frame(Opcode.CONTINUATION, b""), 1),
            (close(b"\x03\xe9"), 1),
        ],
    ),
    "pings": ("/", [(frame(Opcode.PING, b"x" * 125) + frame(Opcode.PONG, b""), 1), (close(), 1)]),
    "messages and a close at once": ("/", [(text("1") + text("2"), 2), (text("3"), 1), (close(), 1)]),
    "closed by the application": ("/", [(text("!close 4001 good bye"), 1), (close(b"\x0f\xa1"), 0)]),
    "raises": ("/", [(text("!raise"), 1)]),
    "returns": ("/", [(text("!return"), 1)]),
    "says something wrong": ("/", [(text("!wrong") + text("on"), 1), (close(), 1)]),
    "denied": ("/deny", []),
    "raises before": ("/raise", []),
    "returns before": ("/return", []),
    "bad utf-8": ("/", [(frame(Opcode.TEXT, b"\xff"), 1)]),
    "reserved bit": ("/", [(frame(Opcode.TEXT, b"a", rsv=2), 1)]),
    "unmasked": ("/", [(encode_text("a"), 1)]),
    "unexpected continuation": ("/", [(frame(Opcode.CONTINUATION, b"a"), 1)]),
    "bad close code": ("/", [(close(b"\x03\xee"), 1)]),
    "too big": ("/", [(text("x" * 2001), 1)]),
    "end of stream": ("/", [(text("last"), 1)]),
}


def play(name: str, ws: str) -> dict[str, Any]:
    """Run a script; report what both sides saw."""
    path, steps = SCRIPTS[name]
    app = Recorder()
    with serving(app, ws=ws, ws_max_size=2000) as port, Raw(port, path) as client:
        saw = []
        for data, count in steps:
            client.send(data)
            saw += client.receive(count)
        if client.status == 101:
            client.end()
            saw += client.receive_all()
        assert app.done.wait(20)
    scope = {key: value for key, value in app.scope.items() if key not in ("client", "server", "headers")}
    extensions = app.scope["extensions"]
    scope["extensions"] = {
        name: value for name, value in extensions.items() if not name.startswith("wsframe.")
    }
    headers = [(key, value) for key, value in app.scope["headers"] if key != b"sec-websocket-key"]
    return {
        "scope": scope,
        "headers": sorted(headers),
        "events": app.events,
        "raised": app.raised,
        "status": client.status,
        "client saw": saw,
    }


# Where the texts of reasons are the library's own, and theirs takes our sending too late for a mistake of the
# application.
VIOLATIONS = {
    "denied",
    "bad utf-8",
    "reserved bit",
    "unmasked",
    "unexpected continuation",
    "bad close code",
    "too big",
}


def without_words(story: dict[str, Any]) -> dict[str, Any]:
    saw = [Close(event.code) if isinstance(event, Close) else event for event in story["client saw"]]
    events = [{key: value for key, value in event.items() if key != "reason"} for event in story["events"]]
    return {**story, "client saw": saw, "events": events, "raised": len(story["raised"])}


@pytest.mark.parametrize("name", SCRIPTS)
def test_behaviour_matches_the_class_of_uvicorn(name: str) -> None:
    theirs, ours = play(name, "websockets-sansio"), play(name, OURS)
    if name in VIOLATIONS:
        theirs, ours = without_words(theirs), without_words(ours)
    assert ours == theirs


Serve = Callable[..., int]


@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [(b"", 1005, ""), (b"\x03\xe8", 1000, ""), (b"\x0f\xa0bye", 4000, "bye")],
)
def test_close_of_the_client_becomes_disconnect(serve: Serve, body: bytes, code: int, reason: str) -> None:
    app = Recorder()
    with Raw(serve(app)) as client:
        client.send(close(body))
        assert client.receive_all() == [Close(code, reason)]
    assert app.done.wait(20)
    assert app.events[-1] == {"type": "websocket.disconnect", "code": code, "reason": reason}
    assert app.raised == ["ClientDisconnected"]


def test_reset_connection_disconnects_with_1005(serve: Serve) -> None:
    app = Recorder()
    with Raw(serve(app)) as client:
        client.socket.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    assert app.done.wait(20)
    assert app.events[-1] == {"type": "websocket.disconnect", "code": 1005}


@pytest.mark.parametrize("deflate", [False, True])
def test_message_over_the_limit_closes_with_1009(serve: Serve, deflate: bool) -> None:
    app = Recorder()
    port = serve(app, ws_max_size=1000, ws_per_message_deflate=deflate)
    compression = "deflate" if deflate else None
    with connect(f"ws://127.0.0.1:{port}", compression=compression, proxy=None) as ws:
        ws.send("x" * 1000)
        assert ws.recv(10) == "x" * 1000
        ws.send("x" * 1001)
        with pytest.raises(Exception, match="1009"):
            ws.recv(10)
    assert app.done.wait(20)
    assert app.events[-1]["code"] == 1009


def test_compression_is_as_configured(serve: Serve) -> None:
    for agreed in (True, False):
        port = serve(Recorder(), ws_per_message_deflate=agreed)
        with connect(f"ws://127.0.0.1:{port}", proxy=None) as ws:
            assert ("Sec-WebSocket-Extensions" in ws.response.headers) is agreed
            ws.send(["frag", "ments" * 1000])
            assert ws.recv(10) == "frag" + "ments" * 1000


def test_frames_arriving_in_single_bytes_are_decoded(serve: Serve) -> None:
    with Raw(serve(Recorder())) as client:
        for sent in (text("slow"), close(b"\x03\xe8")):
            for byte in sent:
                client.send(bytes([byte]))
            (event,) = client.receive(1)
            assert event in ("slow", Close(1000))
        assert client.receive_all() == []


def test_burst_with_pings_gets_all_replies_and_pongs(serve: Serve) -> None:
    numbers = range(2000)
    with Raw(serve(Recorder())) as client:
        client.send(b"".join(text(str(n)) + frame(Opcode.PING, b"%d" % n) for n in numbers))
        events = client.receive(2 * len(numbers))
        client.send(close(b"\x03\xe8"))
        assert client.close_code() == 1000
    assert [event for event in events if type(event) is str] == [str(n) for n in numbers]
    assert [event for event in events if type(event) is Pong] == [Pong(b"%d" % n) for n in numbers]


def test_keepalive_pings_are_sent(serve: Serve) -> None:
    app = Recorder()
    with Raw(serve(app, ws_ping_interval=0.05, ws_ping_timeout=20)) as client:
        for _ in range(3):
            (ping,) = client.receive(1)
            assert isinstance(ping, Ping)
            client.send(frame(Opcode.PONG, ping.data))


def test_the_time_of_the_last_ping_is_under_the_name_of_uvicorn() -> None:
    app = Recorder()
    with running(app, ws_ping_interval=0.05, ws_ping_timeout=20) as (port, server), Raw(port) as client:
        (ping,) = client.receive(1)
        (connection,) = server.server_state.connections
        assert connection.last_ping_rtt == 0
        client.send(frame(Opcode.PONG, ping.data))
        client.receive(1)
        assert 0 < connection.last_ping_rtt < 20


def test_client_that_sends_no_pong_is_closed_with_1011(serve: Serve) -> None:
    app = Recorder()
    with Raw(serve(app, ws_ping_interval=0.05, ws_ping_timeout=0.05)) as client:
        assert client.close_code() == 1011
    assert app.done.wait(20)
    assert app.events[-1]["type"] == "websocket.disconnect"


def test_shutdown_closes_connections_with_1012() -> None:
    app = Recorder()
    with serving(app) as port:
        client = Raw(port)
        client.send(text("hello"))
        assert client.receive(1) == ["hello"]
    with client:
        assert client.close_code() == 1012
    assert app.done.wait(20)
    assert app.events[-1] == {"type": "websocket.disconnect", "code": 1012}


# Back-pressure: what one side does not take, the other does not get rid of.

PIECE = 2**16
PIECES = 1024


def stalled(count: Callable[[], int]) -> int:
    """Wait until a counter stands still."""
    while True:
        before = count()
        time.sleep(0.5)
        if count() == before:
            return before


def test_client_that_does_not_read_blocks_send(serve: Serve) -> None:
    done = threading.Event()
    last = [0]

    async def flood(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        for number in range(PIECES):
            await send({"type": "websocket.send", "bytes": bytes(PIECE)})
            last[0] = number
        done.set()
        await send({"type": "websocket.close"})

    with Raw(serve(flood)) as client:
        assert stalled(lambda: last[0]) < PIECES - 1
        assert not done.is_set()
        events = client.receive(PIECES)
        assert [len(event) for event in events] == [PIECE] * PIECES
        client.send(close(b"\x03\xe8"))
        assert client.close_code() == 1000


def test_application_that_does_not_receive_pauses_reading(serve: Serve) -> None:
    go = threading.Event()

    async def late(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await asyncio.get_running_loop().run_in_executor(None, go.wait)
        size = 0
        for _ in range(PIECES):
            size += len((await receive())["bytes"])
        await send({"type": "websocket.send", "text": str(size)})

    with Raw(serve(late)) as client:
        taken = [0]
        piece = encode_binary(bytes(PIECE), masked=True)

        def push() -> None:
            for _ in range(PIECES):
                client.send(piece)
                taken[0] += 1

        pushing = threading.Thread(target=push)
        pushing.start()
        assert stalled(lambda: taken[0]) < PIECES
        go.set()
        pushing.join(60)
        assert client.receive(1) == [str(PIECE * PIECES)]

"""WebSocket over HTTP/2 (RFC 8441) in uvicorn, spoken by a client of another library."""

from __future__ import annotations

import ssl
from asyncio import Event as AsyncEvent
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from serving import OURS, running

from wsframe import Close, accelerate, encode_text
from wsframe.accelerate.hosts.uvicorn import http2_proof

pytest.importorskip("zttp")
pytest.importorskip("h2")
pytest.importorskip("uvicorn.protocols.http.auto_zttp_impl")

from support.http2_client import Client, Stream

pytestmark = pytest.mark.filterwarnings("ignore")  # websockets.legacy is deprecated

CLASSES = [OURS, "websockets", "websockets-sansio", "wsproto"]
WINDOW = 65_535  # bytes

Tls = tuple[dict[str, Path], ssl.SSLContext]


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The classes of uvicorn stay: HTTP/2 serves them all."""
    monkeypatch.setenv("WSFRAME_OWN_PROTOCOL", "0")
    accelerate.install("uvicorn")
    yield
    accelerate.uninstall("uvicorn")


@pytest.fixture(params=CLASSES, ids=["wsframe", *CLASSES[1:]])
def ws(request: pytest.FixtureRequest) -> str:
    """uvicorn's name of a class."""
    return str(request.param)


@contextmanager
def connected(app: Any, certificates: Tls, **options: Any) -> Iterator[Client]:
    """Run a server, and connect a client."""
    files, context = certificates
    options = {"http": "zttp", "http2": True, **files, **options}
    with running(app, **options) as (port, _), Client(port, context) as client:
        yield client


class Application:
    """Echoes messages, answers GET, and keeps the scopes and the codes of the disconnects."""

    def __init__(self) -> None:
        self.scopes: Queue[Any] = Queue()
        self.codes: Queue[int] = Queue()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.put(scope)
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": scope["method"].encode()})
            return
        await receive()
        await send({"type": "websocket.accept", "subprotocol": next(iter(scope["subprotocols"]), None)})
        while (event := await receive())["type"] == "websocket.receive":
            await send({**event, "type": "websocket.send"})
        self.codes.put(event["code"])


def echoes(stream: Stream, message: str | bytes = "Hello") -> bool:
    assert stream.status == 200
    stream.send(message)
    return bool(stream.receive() == message)


def test_messages_are_echoed(ws: str, loop: str, certificates: Tls) -> None:
    app = Application()
    with connected(app, certificates, ws=ws, loop=loop) as client:
        stream = client.websocket("/caf%C3%A9?a=1", ("cookie", "a=1"), ("cookie", "b=2"), ("x-y", "z"))
        assert stream.status == 200
        assert echoes(stream) and echoes(stream, bytes(200_000))
    scope = app.scopes.get(timeout=20)
    assert scope["type"] == "websocket"
    assert scope["http_version"] == "2"
    assert scope["scheme"] == "wss"
    assert (scope["path"], scope["query_string"]) == ("/café", b"a=1")
    assert sorted(scope["headers"]) == [
        (b"cookie", b"a=1; b=2"),
        (b"host", b"localhost"),
        (b"sec-websocket-version", b"13"),
        (b"x-y", b"z"),
    ]


def test_response_has_no_fields_of_http_1(ws: str, certificates: Tls) -> None:
    with connected(Application(), certificates, ws=ws) as client:
        stream = client.websocket(
            "/",
            ("sec-websocket-protocol", "chat, superchat"),
            ("sec-websocket-extensions", "permessage-deflate"),
        )
        assert stream.status == 200
        assert stream.headers["sec-websocket-protocol"] == "chat"
        assert "permessage-deflate" in stream.headers["sec-websocket-extensions"]
        assert not {"connection", "upgrade", "sec-websocket-accept"} & stream.headers.keys()


def test_http_and_many_websockets_share_a_connection(ws: str, certificates: Tls) -> None:
    app = Application()
    with connected(app, certificates, ws=ws) as client:
        streams = [client.websocket(f"/{number}") for number in range(100)]
        for stream in streams:
            assert stream.status == 200
        for number, stream in enumerate(streams):
            stream.send(str(number))
        for number, stream in enumerate(streams):
            assert stream.receive() == str(number)
        get = client.get()
        get.until_ended()
        assert (get.status, get.body) == (200, b"GET")
        for stream in streams:
            stream.send_close()
        for stream in streams:
            assert stream.receive().code == 1000
            stream.until_ended()
    assert [app.codes.get(timeout=20) for _ in streams] == [1000] * 100


def test_close_of_the_client_is_replied_to_before_the_stream_ends(ws: str, certificates: Tls) -> None:
    app = Application()
    with connected(app, certificates, ws=ws) as client:
        stream = client.websocket()
        assert echoes(stream)
        stream.send_close(4000, end=True)
        assert stream.receive().code == 4000
        stream.until_ended()
        assert stream.ended and stream.reset is None
        assert app.codes.get(timeout=20) == 4000
        assert echoes(client.websocket())


def test_end_without_close(ws: str, certificates: Tls) -> None:
    app = Application()
    with connected(app, certificates, ws=ws) as client:
        stream = client.websocket()
        assert echoes(stream)
        stream.end()
        stream.until_ended()
        assert app.codes.get(timeout=20) in (1005, 1006)  # as each class has it over HTTP/1.1
        assert echoes(client.websocket())


@pytest.mark.parametrize("ws", [OURS, "websockets-sansio", "wsproto"], ids=["wsframe", "sansio", "wsproto"])
def test_last_message_is_replied_to_before_the_end(ws: str, certificates: Tls) -> None:
    """END_STREAM comes with the DATA frame; the legacy class needs more than one loop iteration."""
    app = Application()
    with connected(app, certificates, ws=ws) as client:
        stream = client.websocket()
        assert stream.status == 200
        client.h2.send_data(stream.number, encode_text("Hello", masked=True) * 3, end_stream=True)
        client.flush()
        assert [stream.receive() for _ in range(3)] == ["Hello"] * 3
        stream.until_ended()
        assert stream.reset is None
        assert app.codes.get(timeout=20) in (1005, 1006)  # the classes differ
        assert echoes(client.websocket())


def test_reset_ends_one_websocket(ws: str, certificates: Tls) -> None:
    app = Application()
    with connected(app, certificates, ws=ws) as client:
        stream, other = client.websocket(), client.websocket()
        assert echoes(stream) and echoes(other)
        client.h2.reset_stream(stream.number, 8)
        client.flush()
        assert app.codes.get(timeout=20) in (1005, 1006)
        assert echoes(other)


def test_goaway_of_the_client_ends_the_connection_after_the_last_websocket(certificates: Tls) -> None:
    app = Application()
    with connected(app, certificates) as client:
        stream = client.websocket()
        assert echoes(stream)
        goaway = http2_proof.frame(7, 0, bytes(8), 0)
        client.socket.sendall(goaway)
        assert echoes(stream)
        stream.send_close(1000, end=True)
        client.until_closed()
    assert isinstance(stream.messages[0], Close)


def test_shutdown_closes_every_websocket(ws: str, certificates: Tls) -> None:
    files, context = certificates
    options = {"http": "zttp", "http2": True, "ws": ws, **files}
    with running(Application(), **options) as (port, server), Client(port, context) as client:
        streams = [client.websocket() for _ in range(3)]
        for stream in streams:
            assert echoes(stream)
        server.should_exit = True
        for stream in streams:
            assert stream.receive().code == 1012
        with suppress(OSError):  # some classes wait for no reply
            for stream in streams:
                if not stream.ended:
                    stream.send_close(1012, end=True)
        client.until_closed()
        assert client.goaway
        assert all(stream.ended for stream in streams)


def test_lost_connection_ends_every_websocket(ws: str, certificates: Tls) -> None:
    app = Application()
    with connected(app, certificates, ws=ws) as client:
        for _ in range(3):
            assert echoes(client.websocket())
        client.socket.close()
        assert {app.codes.get(timeout=20) for _ in range(3)} <= {1005, 1006}


@pytest.mark.parametrize("options", [{}, {"ws": "none"}], ids=["protocol", "no class"])
def test_unsupported_connect_is_501(certificates: Tls, options: Any) -> None:
    app = Application()
    with connected(app, certificates, **options) as client:
        stream = client.websocket(protocol="websocket" if options else "connect-udp")
        assert stream.status == 501
        stream.until_ended()
        get = client.get()
        assert get.status == 200
    assert app.scopes.get()["type"] == "http"


@pytest.mark.parametrize("target", ["/a b", "/ HTTP/1.1"])
def test_target_with_a_space_is_refused(certificates: Tls, target: str) -> None:
    with connected(Application(), certificates) as client:
        assert client.websocket(target).status == 400
        assert echoes(client.websocket())


def test_another_version_is_refused(ws: str, certificates: Tls) -> None:
    with connected(Application(), certificates, ws=ws) as client:
        stream = client.websocket(version="12")
        assert stream.status in (400, 426)
        stream.until_ended()
        assert stream.ended
        assert echoes(client.websocket())


async def denying(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    if scope["path"] == "/short":
        await send({"type": "websocket.close"})
        return
    headers = [(b"x-y", b"z"), (b"Connection", b"close")]
    await send({"type": "websocket.http.response.start", "status": 401, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b"first ", "more_body": True})
    await send({"type": "websocket.http.response.body", "body": b"second"})


def test_denial(ws: str, certificates: Tls) -> None:
    with connected(denying, certificates, ws=ws) as client:
        short, long = client.websocket("/short"), client.websocket("/long")
        assert (short.status, long.status) == (403, 401)
        short.until_ended()
        long.until_ended()
        assert long.body == b"first second"
        assert long.headers["x-y"] == "z" and "connection" not in long.headers


def test_connection_is_kept_alive_by_its_websockets(certificates: Tls) -> None:
    files, context = certificates
    options = {"http": "zttp", "http2": True, "timeout_keep_alive": 0.1, **files}
    with running(Application(), **options) as (port, _), Client(port, context) as client:
        stream = client.websocket()
        assert echoes(stream)
        with Client(port, context) as idle:
            idle.until_closed()
        assert echoes(stream)
        stream.send_close(1000, end=True)
        client.until_closed()
        assert stream.ended and client.goaway


def test_client_that_does_not_end_its_side_is_reset(certificates: Tls) -> None:
    with connected(Application(), certificates, timeout_keep_alive=0.1) as client:
        keeping, stream = client.websocket(), client.websocket()
        assert echoes(keeping) and echoes(stream)
        stream.send_close()
        client.until(lambda: stream.reset is not None)
        assert stream.ended and stream.reset == 0  # NO_ERROR
        assert echoes(keeping)


def test_limit_of_concurrency(certificates: Tls) -> None:
    with connected(Application(), certificates, limit_concurrency=3) as client:
        first, second = client.websocket(), client.websocket()
        assert echoes(first) and echoes(second)  # three with the connection
        third = client.websocket()
        third.until_ended()
        assert (third.status, third.body) == (503, b"Service Unavailable")


class Waiting(Application):
    """Receives nothing at /slow before it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go = AsyncEvent()
        self.sent = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/go":
            self.go.set()
        elif scope["path"] == "/slow":
            await receive()
            await send({"type": "websocket.accept"})
            await self.go.wait()
            while (event := await receive())["type"] == "websocket.receive":
                if event["text"] == "last":
                    await send({"type": "websocket.send", "text": "last"})
            return
        elif scope["path"] == "/flood":
            await receive()
            await send({"type": "websocket.accept"})
            for _ in range(100):
                await send({"type": "websocket.send", "bytes": bytes(16_384)})
                self.sent += 1
        await super().__call__(scope, receive, send)


def test_client_may_send_a_window_that_nobody_reads(ws: str, certificates: Tls) -> None:
    with connected(Waiting(), certificates, ws=ws, ws_max_queue=4) as client:
        slow, other = client.websocket("/slow"), client.websocket()
        assert slow.status == 200
        message, sent = "x" * 1000, 0
        while slow.room > len(message) + 8:
            while slow.room > len(message) + 8:
                slow.send(message)
                sent += 1
            client.ping()  # what has been read by now has made room
        assert sent < 500  # messages, about 8 windows
        assert echoes(other) and echoes(other, bytes(100_000))  # the others go on
        assert client.get("/go").status == 200
        for _ in range(300):
            slow.send(message)
        slow.send("last")
        assert slow.receive() == "last"


def test_client_that_sends_more_than_its_window_is_reset(certificates: Tls) -> None:
    with connected(Waiting(), certificates) as client:
        slow, other = client.websocket("/slow"), client.websocket()
        assert slow.status == 200 and echoes(other)
        slow.send("first")
        frames = b"\x82\xfe\x3e\x78\0\0\0\0" + bytes(15_992)
        data = http2_proof.frame(0, 0, frames, slow.number)
        for _ in range(20):
            client.socket.sendall(data)
        client.until(lambda: slow.reset is not None)
        assert slow.reset == 3  # FLOW_CONTROL_ERROR
        assert echoes(other)
        assert client.get("/go").status == 200


def test_application_waits_for_a_client_that_gives_no_credit(ws: str, certificates: Tls) -> None:
    app = Waiting()
    with connected(app, certificates, ws=ws, ws_per_message_deflate=False) as client:
        flood, other = client.websocket("/flood"), client.websocket()
        flood.acknowledges = False
        client.until(lambda: flood.unacknowledged == WINDOW)
        assert echoes(other) and echoes(other)
        assert app.sent < 20  # of 100
        flood.acknowledge()
        for _ in range(100):
            assert flood.receive() == bytes(16_384)


def test_both_sides_send_at_once(ws: str, certificates: Tls) -> None:
    with connected(Application(), certificates, ws=ws) as client:
        stream = client.websocket()
        assert stream.status == 200
        message = bytes(50_000)
        for _ in range(40):
            stream.send(message)
        for _ in range(40):
            assert stream.receive() == message


def test_cleartext(certificates: Tls) -> None:
    app = Application()
    with running(app, http="zttp", http2=True) as (port, _), Client(port, None) as client:
        assert echoes(client.websocket(scheme="http"))
    assert app.scopes.get()["scheme"] == "ws"


def test_uninstall(certificates: Tls) -> None:
    accelerate.uninstall("uvicorn")
    app = Application()
    with connected(app, certificates) as client:
        assert client.websocket().body == b""
        assert app.scopes.get(timeout=20)["type"] == "http"  # as uvicorn has it

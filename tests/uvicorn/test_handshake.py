"""Nothing that goes wrong in the opening handshake leaks a connection, or delays the shutdown."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from serving import Raw, running

Serve = Callable[..., int]


async def accept(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await receive()


def gone(server: uvicorn.Server) -> bool:
    """Wait until a server has no connection."""
    deadline = time.monotonic() + 20
    while server.server_state.connections and time.monotonic() < deadline:
        time.sleep(0.01)
    return not server.server_state.connections


@pytest.mark.parametrize("value", ["Bearer abc=", "a;b", "\xe9", "", ","])
def test_a_malformed_subprotocol_is_400(loop: str, value: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "uvicorn.error")
    with running(accept, loop=loop) as (port, server):
        for _ in range(3):
            with Raw(port, extra=f"Sec-WebSocket-Protocol: {value}") as client:
                assert client.status == 400
        assert gone(server)
    assert caplog.messages.count("connection rejected (400 Bad Request)") == 3


def test_unexpected_exception_is_a_500_and_logged(loop: str, caplog: pytest.LogCaptureFixture) -> None:
    # A root path that no header can carry is met where the scope is made.
    with running(accept, loop=loop, root_path="/\u20ac") as (port, server):
        with Raw(port) as client:
            assert client.status == 500
        assert gone(server)
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage() == "opening handshake failed"
    assert record.exc_info


@pytest.mark.parametrize("body", [True, False])
def test_denial_with_invalid_headers_is_a_500(loop: str, body: bool) -> None:
    async def deny(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        headers = [(b"x", b"1\r\ny: 2")]
        await send({"type": "websocket.http.response.start", "status": 401, "headers": headers})
        if body:
            await send({"type": "websocket.http.response.body", "body": b"no"})

    with running(deny, loop=loop) as (port, server):
        with Raw(port) as client:
            assert client.status == 500
        assert gone(server)


@pytest.mark.parametrize(
    "content",
    [{"headers": [(b"x", b"1\r\n")]}, {"headers": [("\u20ac", "1")]}, {"headers": 1}, {"subprotocol": "a\n"}],
)
def test_accept_with_invalid_headers_is_a_500(loop: str, content: dict[str, Any]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept", **content})

    with running(app, loop=loop) as (port, server):
        with Raw(port) as client:
            assert client.status == 500
        assert gone(server)


@pytest.mark.parametrize(("setting", "allowed"), [(None, 2**16), (1000, 1000), (100_000, 100_000)])
def test_the_limit_of_the_request_head_is_that_of_uvicorn(
    serve: Serve, setting: int | None, allowed: int
) -> None:
    port = serve(accept, h11_max_incomplete_event_size=setting)
    for size, status in ((allowed - 500, 101), (allowed + 1, 431)):
        with Raw(port, extra=f"X: {'a' * size}") as client:
            assert client.status == status


def test_number_of_request_headers_is_not_limited(serve: Serve) -> None:
    with Raw(serve(accept), extra="".join(f"X-{n}: 1\r\n" for n in range(1000))) as client:
        assert client.status == 101


def test_log_lines_match_those_of_uvicorn(loop: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "uvicorn.error")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if scope["path"] == "/deny":
            await send({"type": "websocket.close"})
        else:
            await send({"type": "websocket.accept"})

    with running(app, loop=loop) as (port, server):
        for path in ("/a%20b?q=1", "/deny"):
            with Raw(port, path):
                pass
            assert gone(server)
    lines = [record for record in caplog.records if "onnection" in record.msg or "WebSocket" in record.msg]
    assert {(record.name, record.levelname) for record in lines} == {("uvicorn.error", "INFO")}
    assert [record.getMessage().rpartition(" - ")[2] for record in lines] == [
        '"WebSocket /a%20b?q=1" [accepted]',
        "connection open",
        "connection closed",
        '"WebSocket /deny" 403',
        "connection rejected (403 Forbidden)",
        "connection closed",
    ]

"""Functions of the application that decide on an opening handshake, and fail or return nonsense.

The client gets a 500 at once, or a 503 on a time-out; the log says why; nothing is left behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re

import pytest
from rawclient import SOON, ask, gone, local, request_to, uri_of

from wsframe import encode_binary
from wsframe.asyncio import InvalidStatus, Listener, Response, connect
from wsframe.deflate import ServerPolicy


def raise_(exc):
    raise exc


class Nonsense(Response):
    def serialize(self, method="GET"):
        raise KeyError("serialize")


WRONG = {
    "a tuple": (lambda: (200, [], b"OK"), "must return a Response or None, not tuple"),
    "a str": (lambda: "OK", "must return a Response or None, not str"),
    "an int": (lambda: 200, "must return a Response or None, not int"),
    "False": (lambda: False, "must return a Response or None, not bool"),
    "the class": (lambda: Response, "must return a Response or None, not type"),
    "status 101": (lambda: Response(101), "status must be from 200 to 599"),
    "status 100": (lambda: Response(100), "status must be from 200 to 599"),
    "status 600": (lambda: Response(600), "status must be from 200 to 599"),
    "status -1": (lambda: Response(-1), "status must be from 200 to 599"),
    "status None": (lambda: Response(None), "TypeError"),
    "status str": (lambda: Response("200"), "TypeError"),
    "status float": (lambda: Response(200.0), "TypeError"),
    "CR LF in a value": (lambda: Response(200, headers=[("X", "a\r\nb: c")]), "header X contains a byte"),
    "CR LF in a name": (lambda: Response(200, headers=[("X\r\nY", "a")]), "is not a token"),
    "not latin-1": (lambda: Response(200, headers={"X": "Łódź"}), "header X must be latin-1"),
    "a bytearray for a value": (
        lambda: Response(200, headers={"X": bytearray(b"y")}),
        "header X must be str or bytes, not bytearray",
    ),
    "an int for a name": (lambda: Response(200, headers=[(5, "x")]), "Error"),
    "no pair": (lambda: Response(200, headers=[("X",)]), "ValueError"),
    "headers that are no pairs": (lambda: Response(200, headers=5), "TypeError"),
    "no body": (lambda: Response(200, body=None), "body must be str or bytes-like, not NoneType"),
    "an int for a body": (lambda: Response(200, body=5), "TypeError"),
    "a dict for a body": (lambda: Response(200, body={"a": 1}), "TypeError"),
    "a surrogate in the body": (lambda: Response(200, body="\ud800"), "UnicodeEncodeError"),
    "LF in the reason": (lambda: Response(200, reason_phrase="a\nb"), "reason contains a byte"),
    "an int for the reason": (lambda: Response(200, reason_phrase=5), "reason must be str or bytes, not int"),
    "a response that fails": (lambda: Nonsense(200), "KeyError: 'serialize'"),
    "another length": (
        lambda: Response(200, headers={"Content-Length": "5"}, body="four"),
        "Content-Length must be 4",
    ),
    "a length that is none": (
        lambda: Response(200, headers={"content-length": "x"}),
        "Content-Length must be 0",
    ),
    "two lengths": (
        lambda: Response(200, headers=[("Content-Length", "1"), ("Content-Length", "2")], body="a"),
        "Content-Length must be 1",
    ),
    "chunks": (
        lambda: Response(200, headers={"Transfer-Encoding": "chunked"}, body="a"),
        "Transfer-Encoding is not for",
    ),
    "an exception": (lambda: raise_(ZeroDivisionError("boom")), "ZeroDivisionError: boom"),
    "a time-out of its own": (lambda: raise_(asyncio.TimeoutError("mine")), "TimeoutError"),
    "a cancellation": (lambda: raise_(asyncio.CancelledError("mine")), "CancelledError"),
}


@pytest.mark.parametrize("kind", ["sync", "async", "async later", "awaitable"])
@pytest.mark.parametrize(("make", "logged"), WRONG.values(), ids=WRONG)
async def test_process_request_that_fails_is_a_500_at_once(make, logged, kind, caplog):
    async def later(connection, request):
        if kind == "async later":
            await asyncio.sleep(0)
        return make()

    functions = {
        "sync": lambda connection, request: make(),
        "awaitable": lambda connection, request: asyncio.ensure_future(later(connection, request)),
    }
    async with local(process_request=functions.get(kind, later)) as server:
        status, text = await ask(server)
        assert status == 500
        assert "Connection: close" in text
        assert text.endswith("internal server error.\n")  # and no word of what went wrong
        await asyncio.wait_for(gone(server), SOON)
    assert logged in caplog.text
    assert "Traceback" in caplog.text
    assert {record.name for record in caplog.records if record.levelname == "ERROR"} == {"wsframe.server"}


@pytest.mark.parametrize(
    ("choose", "logged"),
    [
        (lambda connection, offered: raise_(ZeroDivisionError("boom")), "ZeroDivisionError: boom"),
        (lambda connection, offered: "other", "subprotocol 'other' was not offered"),
        (lambda connection, offered: "a\r\nX: y", "was not offered"),
        (lambda connection, offered: ["a"], "must be str or None, not list"),
        (lambda connection, offered: 5, "must be str or None, not int"),
        (lambda connection, offered: b"a", "must be str or None, not bytes"),
        (
            lambda connection, offered: asyncio.sleep(0, "a"),
            "must be str or None, not coroutine",
        ),
        (lambda: "a", "TypeError"),
    ],
    ids=["raises", "not offered", "CR LF", "list", "int", "bytes", "coroutine", "no argument"],
)
@pytest.mark.parametrize("process_request", [None, lambda connection, request: None])
async def test_select_subprotocol_that_fails_is_a_500(choose, logged, process_request, caplog):
    async with local(select_subprotocol=choose, process_request=process_request) as server:
        assert (await ask(server, request_to(server, subprotocols=["a"])))[0] == 500
        await asyncio.wait_for(gone(server), SOON)
    assert logged in caplog.text
    assert "Traceback" in caplog.text


async def test_policy_listener_or_origin_that_fails_is_a_500(caplog):
    class Policy(ServerPolicy):
        def accept(self, offers):
            raise KeyError("policy")

    class Broken(Listener):
        def __init__(self):
            raise KeyError("listener")

    class Origin(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other):
            raise KeyError("origin")

    wrong = [
        (local(compression=Policy()), "policy"),
        (local(Broken), "listener"),
        (local(origins=[Origin("a")]), "origin"),
    ]
    for serving, word in wrong:
        async with serving as server:
            with pytest.raises(InvalidStatus) as caught:
                await asyncio.wait_for(connect(uri_of(server), origin="a"), SOON)
            assert caught.value.response.status_code == 500
            await asyncio.wait_for(gone(server), SOON)
        assert f"KeyError: '{word}'" in caplog.text


# Time.


@pytest.mark.parametrize("stubborn", [False, True])
async def test_process_request_that_takes_too_long_is_a_503(stubborn, caplog):
    ended = asyncio.Event()

    async def slow(connection, request):
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            if not stubborn:
                raise
            return Response(200)  # nobody waits for it
        finally:
            ended.set()

    async with local(process_request=slow, open_timeout=0.2) as server:
        status, text = await ask(server)
        assert status == 503
        assert text.endswith("opening handshake timed out.\n")
        await asyncio.wait_for(ended.wait(), SOON)
        await asyncio.wait_for(gone(server), SOON)
    assert "process_request took longer than open_timeout, 0.2 s" in caplog.text


async def test_exception_of_a_cancelled_process_request_is_logged(caplog):
    async def slow(connection, request):
        try:
            await asyncio.sleep(1000)
        finally:
            raise KeyError("cleanup")

    async with local(process_request=slow, open_timeout=0.2) as server:
        assert (await ask(server))[0] == 503
        await asyncio.wait_for(gone(server), SOON)
    assert "KeyError: 'cleanup'" in caplog.text


def cancellable():
    """A process_request that returns when it is cancelled, and the events of its begin and its end."""
    begun, ended = asyncio.Event(), asyncio.Event()

    async def slow(connection, request):
        begun.set()
        try:
            await asyncio.sleep(1000)
        finally:
            ended.set()

    return begun, ended, slow


async def test_process_request_is_cancelled_when_the_client_leaves():
    begun, ended, slow = cancellable()
    async with local(process_request=slow) as server:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(connect(uri_of(server), open_timeout=None), 0.1)
        await begun.wait()
        await asyncio.wait_for(ended.wait(), SOON)
        await asyncio.wait_for(gone(server), SOON)


async def test_data_behind_the_request_is_bounded_during_process_request():
    decide = asyncio.Event()

    async def slow(connection, request):
        await decide.wait()

    async with local(process_request=slow, compression=None) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        frame = encode_binary(b"x" * 100_000, masked=True)
        writer.write(request_to(server))
        for _ in range(200):
            writer.write(frame)
        while writer.transport.get_write_buffer_size() == 0:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        (opening,) = server._all_connections
        assert 0 < len(opening._reader.rest) < 2**20
        decide.set()
        await reader.readuntil(b"\r\n\r\n")
        expected = encode_binary(b"x" * 100_000)
        for _ in range(200):  # and nothing is lost
            assert await asyncio.wait_for(reader.readexactly(len(expected)), SOON) == expected
        writer.transport.abort()


async def test_process_request_is_cancelled_when_the_connection_is_lost():
    begun, ended, slow = cancellable()
    async with local(process_request=slow) as server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(request_to(server))
        await begun.wait()
        (opening,) = server._all_connections
        opening.transport.abort()
        await asyncio.wait_for(ended.wait(), SOON)
        await asyncio.wait_for(gone(server), SOON)
        writer.close()


async def test_a_handshake_decided_while_the_server_closes_is_a_503():
    """Whatever process_request returns by then."""
    begun = asyncio.Event()

    async def slow(connection, request):
        begun.set()
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            return  # None: it would accept

    server = await local(process_request=slow)
    asking = asyncio.ensure_future(ask(server))
    await begun.wait()
    server.close()
    status, text = await asking
    assert status == 503
    assert "server is shutting down" in text
    await asyncio.wait_for(server.wait_closed(), SOON)


async def test_a_process_request_that_closes_the_server_is_a_503():
    async with local(process_request=lambda connection, request: connection.server.close()) as server:
        assert (await ask(server))[0] == 503
        await asyncio.wait_for(server.wait_closed(), SOON)


# What is sent reaches the client, and nothing stays.


async def test_a_refusal_reaches_a_client_that_still_sends():
    """Bytes that nobody reads would reset the connection."""
    data = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 100_000
    async with local() as server:
        for _ in range(5):
            status, _ = await ask(server, data)
            assert status == 431

    def refuse(connection, request):
        return Response(401, body="x" * 100_000)

    async with local(process_request=refuse) as server:
        for _ in range(5):
            status, text = await ask(server, request_to(server) + b"\x81" * 1_000_000)
            assert status == 401
            assert text.endswith("x" * 100_000)


async def test_client_that_never_reads_its_refusal_is_aborted():
    def refuse(connection, request):
        return Response(200, body=b"x" * 50_000_000)

    async with local(process_request=refuse, close_timeout=0.2) as server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), limit=100)
        writer.write(request_to(server))
        writer.transport.pause_reading()
        while not server._all_connections:
            await asyncio.sleep(0.01)
        await asyncio.wait_for(gone(server), SOON)
        writer.transport.abort()


async def test_client_that_stays_after_a_refusal_is_disconnected():
    async with local() as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b" 400 " in await reader.readline()
        await asyncio.wait_for(gone(server), SOON)
        writer.close()


async def test_data_of_a_refused_client_is_discarded():
    async with local() as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n" + request_to(server))
        response = await reader.read()
        writer.close()
        assert re.findall(rb"HTTP/1.1 \d+", response) == [b"HTTP/1.1 400"]


@pytest.mark.parametrize("host", ["", "a b", "a@b/c?d", "a\r\nHost: b", None])
async def test_invalid_host_is_refused_before_process_request(host):
    asked = []
    field = "" if host is None else f"Host: {host}\r\n"
    async with local(process_request=lambda connection, request: asked.append(request)) as server:
        status, _ = await ask(server, f"GET / HTTP/1.1\r\n{field}\r\n".encode())
    assert (status, asked) == (400, [])


@pytest.mark.parametrize("target", ["*", "http://evil/", "/a#b", "/a\x1b"])
async def test_invalid_target_is_refused_before_process_request(target):
    asked = []
    async with local(process_request=lambda connection, request: asked.append(request)) as server:
        status, _ = await ask(server, f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert (status, asked) == (400, [])


async def test_process_request_may_be_a_functools_partial():
    def respond(body, connection, request):
        return Response(200, body=body)

    async with local(process_request=functools.partial(respond, "partial")) as server:
        status, text = await ask(server)
    assert (status, text[-7:]) == (200, "partial")


async def test_head_response_may_have_a_content_length_without_a_body():
    def respond(connection, request):
        return Response(
            200, headers={"Content-Length": "5"}, body=b"" if request.method == "HEAD" else b"hello"
        )

    async with local(process_request=respond) as server:
        for method, body in (("HEAD", ""), ("GET", "hello")):
            status, text = await ask(server, f"{method} / HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            assert (status, text.partition("\r\n\r\n")[2]) == (200, body)
            assert "Content-Length: 5" in text


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "connection closed while reading HTTP request line"),
        (b"GET / HTTP/1.1\r\nHost: a", "connection closed while reading HTTP headers"),
        (b"HELO relay.invalid\r\n", "invalid HTTP request line: HELO relay.invalid"),
    ],
)
async def test_clients_that_send_no_request_get_no_response_and_a_debug_line(caplog, data, why):
    caplog.set_level("DEBUG", "wsframe.server")
    async with local(handler_that_waits) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        writer.write(data)
        if not data.startswith(b"HELO"):
            writer.write_eof()
        assert await asyncio.wait_for(reader.read(), SOON) == b""
        writer.close()
    (record,) = [record for record in caplog.records if record.levelname == "DEBUG"]
    assert record.getMessage() == "! no valid HTTP request"
    assert str(record.exc_info[1]) == why


async def handler_that_waits(ws):
    await ws.wait_closed()


async def test_process_response_that_takes_too_long_is_named_in_the_log(caplog):
    async def slow(connection, request, response):
        await asyncio.sleep(1000)

    async with local(process_response=slow, open_timeout=0.2) as server:
        assert (await ask(server))[0] == 503
    assert "process_response took longer than open_timeout, 0.2 s" in caplog.text


async def test_server_does_not_wait_for_a_process_request_that_ignores_its_cancellation():
    called, release = asyncio.Event(), asyncio.Event()

    async def stubborn(connection, request):
        called.set()
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await release.wait()

    async with local(process_request=stubborn) as server:
        waiting = asyncio.create_task(ask(server))
        await called.wait()
        server.close()
        await asyncio.wait_for(server.wait_closed(), SOON)
        assert (await waiting)[0] == 503
        release.set()

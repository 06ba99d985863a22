"""serve() and connect(), against each other."""

from __future__ import annotations

import asyncio
import ssl
from typing import ClassVar

import pytest

from wsframe import Opcode, encode_frame, encode_text
from wsframe.asyncio import (
    ConcurrencyError,
    ConnectionClosed,
    ConnectionClosedError,
    ConnectionClosedOK,
    InvalidStatus,
    Listener,
    Response,
    State,
    broadcast,
    connect,
    serve,
    unix_connect,
    unix_serve,
)
from wsframe.handshake import new_key, open_request, parse_uri


async def echo(ws):
    async for message in ws:
        await ws.send(message)


def address(server, scheme="ws"):
    return f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def local(handler, **options):
    return serve(handler, "127.0.0.1", 0, **options)


@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_messages_of_all_sizes_are_echoed(compression):
    async with local(echo, compression=compression) as server:
        async with connect(address(server), compression=compression) as ws:
            for message in ["", "text", "日本 😀", b"", b"\x00\xff", "x" * 200_000, b"y" * 500_000]:
                await ws.send(message)
                assert await ws.recv() == message
        assert ws.state is State.CLOSED
        assert ws.close_code == 1000


async def test_many_messages_in_flight_arrive_in_order():
    async with local(echo) as server, connect(address(server)) as ws:
        for number in range(1000):
            await ws.send(f"message {number}")
        for number in range(1000):
            assert await ws.recv() == f"message {number}"


async def test_fragments_arrive_as_one_message():
    async def parts():
        for part in ["one ", "two ", "three"]:
            await asyncio.sleep(0)
            yield part

    async with local(echo) as server, connect(address(server)) as ws:
        await ws.send(["a", "b", "c"])
        assert await ws.recv() == "abc"
        await ws.send(parts())
        assert await ws.recv() == "one two three"
        await ws.send([b"x", bytearray(b"y")])
        assert await ws.recv() == b"xy"
        await ws.send("after")
        assert await ws.recv() == "after"


async def test_iterator_that_raises_fails_the_connection_with_1011():
    def broken():
        yield "begun"
        yield "and"
        raise KeyError("gone")

    async with local(echo) as server:
        ws = await connect(address(server))
        with pytest.raises(KeyError):
            await ws.send(broken())
        await ws.wait_closed()
        assert ws.protocol.sent.code == 1011


async def test_send_of_a_wrong_type_raises_and_keeps_the_connection():
    async with local(echo) as server, connect(address(server)) as ws:
        for wrong in (None, 7, {"a": "b"}):
            with pytest.raises(TypeError):
                await ws.send(wrong)
        await ws.send("fine")
        assert await ws.recv() == "fine"


async def test_ping_returns_its_latency_and_checks_its_payload():
    async with local(echo) as server, connect(address(server)) as ws:
        pong_waiter = await ws.ping()
        assert 0 < await pong_waiter < 5
        assert ws.latency > 0
        first = await ws.ping("same")
        with pytest.raises(ConcurrencyError, match="already waiting for a pong"):
            await ws.ping("same")
        await first
        with pytest.raises(ValueError, match="125"):
            await ws.ping(b"x" * 126)
        await ws.pong(b"unasked")
        await ws.send("still open")
        assert await ws.recv() == "still open"


async def test_pong_completes_earlier_pings_too():
    async with local(echo) as server, connect(address(server)) as ws:
        pings = [await ws.ping(name) for name in ("a", "b", "c")]
        ws._acknowledge_pings(b"b")
        assert pings[0].done() or await pings[0] >= 0
        assert await pings[1] >= 0
        assert await pings[2] >= 0


async def test_close_code_and_reason_reach_both_sides():
    seen = asyncio.get_running_loop().create_future()

    async def handler(ws):
        try:
            await ws.recv()
        except ConnectionClosed as closed:
            seen.set_result((closed.code, closed.reason, type(closed)))

    async with local(handler) as server:
        ws = await connect(address(server))
        await ws.close(4321, "because")
        assert await seen == (4321, "because", ConnectionClosedError)
        assert (ws.close_code, ws.close_reason) == (4321, "because")
        await ws.close()  # again does nothing
        with pytest.raises(ConnectionClosedError, match="4321"):
            await ws.send("x")
        with pytest.raises(ConnectionClosedError):
            await ws.recv()


async def test_invalid_close_code_raises_and_leaves_it_open():
    async with local(echo) as server, connect(address(server)) as ws:
        with pytest.raises(ValueError, match="1006"):
            await ws.close(1006)
        await ws.send("open")
        assert await ws.recv() == "open"


async def test_messages_before_the_close_are_received():
    async def handler(ws):
        for number in range(5):
            await ws.send(str(number))

    async with local(handler) as server, connect(address(server)) as ws:
        await asyncio.sleep(0.05)
        assert [message async for message in ws] == ["0", "1", "2", "3", "4"]
        with pytest.raises(ConnectionClosedOK):
            await ws.recv()


async def test_handler_that_fails_closes_with_1011(caplog):
    async def handler(ws):
        raise RuntimeError("boom")

    async with local(handler) as server:
        ws = await connect(address(server))
        with pytest.raises(ConnectionClosedError):
            await ws.recv()
        assert ws.close_code == 1011
    assert "boom" in caplog.text


async def test_violation_is_the_cause_of_connection_closed():
    async with local(echo, max_size=10) as server:
        ws = await connect(address(server), compression=None)
        await ws.send("x" * 11)
        with pytest.raises(ConnectionClosedError, match="1009"):
            await ws.recv()

    async def loud(ws):
        ws.transport.write(b"\x83\x00")
        await ws.wait_closed()

    async with local(loud) as server:
        ws = await connect(address(server))
        with pytest.raises(ConnectionClosedError) as caught:
            await ws.recv()
        assert "reserved opcode 0x3" in str(caught.value.__cause__)


class Echo(Listener):
    def on_message(self, ws, message):
        ws.send_nowait(message)


@pytest.mark.parametrize("handler", [echo, Echo])
async def test_messages_before_a_violation_get_replies_first(handler):
    async with local(handler, compression=None) as server:
        ws = await connect(address(server), compression=None)
        ws.transport.write(encode_text("one", masked=True) + encode_text("two", masked=True) + b"\xf1\x00")
        assert [await ws.recv(), await ws.recv()] == ["one", "two"]
        with pytest.raises(ConnectionClosedError, match="1002"):
            await ws.recv()


async def test_violation_closes_even_if_nobody_receives():
    async def deaf(ws):
        await ws.wait_closed()

    async with local(deaf, compression=None) as server:
        ws = await connect(address(server), compression=None)
        ws.transport.write(encode_text("one", masked=True) + b"\xf1\x00")
        with pytest.raises(ConnectionClosedError, match="1002"):
            await ws.recv()


async def test_connection_lost_is_1006():
    async def handler(ws):
        ws.transport.abort()

    async with local(handler) as server:
        ws = await connect(address(server))
        with pytest.raises(ConnectionClosedError, match="no close frame"):
            await anext(aiter(ws))
        assert ws.close_code == 1006


# Waiting and cancelling


async def test_cancelled_recv_loses_no_message():
    async with local(echo) as server, connect(address(server)) as ws:
        for number in range(50):
            waiting = asyncio.ensure_future(ws.recv())
            await asyncio.sleep(0)
            await ws.send(str(number))
            if number % 2:
                # Cancelled in the same loop iteration in which the message arrives, or before.
                while not (ws._queued or waiting.done()):
                    await asyncio.sleep(0)
            waiting.cancel()
            try:
                got = await waiting
            except asyncio.CancelledError:
                got = await ws.recv()
            assert got == str(number)


async def test_recv_can_time_out_and_be_repeated():
    async with local(echo) as server, connect(address(server)) as ws:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(ws.recv(), 0.01)
        await ws.send("late")
        assert await asyncio.wait_for(ws.recv(), 5) == "late"


async def test_iteration_may_be_left_and_restarted():
    async def handler(ws):
        for number in range(4):
            await ws.send(str(number))

    async with local(handler) as server, connect(address(server)) as ws:
        messages = aiter(ws)
        assert await anext(messages) == "0"
        await messages.aclose()
        async for message in ws:
            assert message == "1"
            break
        assert [message async for message in ws] == ["2", "3"]
        assert [message async for message in ws] == []


async def test_concurrent_recv_raises_runtime_error():
    async with local(echo) as server, connect(address(server)) as ws:
        first = asyncio.ensure_future(ws.recv())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="while another coroutine is already running recv"):
            await ws.recv()
        await ws.send("x")
        assert await first == "x"


async def test_send_works_with_gather_tasks_and_wait_for():
    async with local(echo) as server, connect(address(server)) as ws:
        await asyncio.gather(ws.send("a"), ws.send("b"))
        await asyncio.get_running_loop().create_task(ws.send("c"))
        await asyncio.wait_for(ws.send("d"), 1)
        assert [await ws.recv() for _ in "abcd"] == ["a", "b", "c", "d"]


async def test_waiting_recv_raises_when_the_connection_closes():
    async with local(echo) as server:
        ws = await connect(address(server))
        waiting = asyncio.ensure_future(ws.recv())
        await asyncio.sleep(0)
        await ws.close()
        with pytest.raises(ConnectionClosedOK):
            await waiting


# Flow control


async def test_a_slow_reader_stops_a_fast_sender():
    """Backpressure reaches the sender: it waits, and what is buffered stays bounded."""
    sent = 0
    may_read = asyncio.Event()

    async def slow(ws):
        await may_read.wait()
        async for _ in ws:
            pass

    async with local(slow, compression=None) as server:
        ws = await connect(address(server), compression=None)

        async def pour():
            nonlocal sent
            for _ in range(2000):
                await ws.send(b"x" * 10_000)
                sent += 1

        pouring = asyncio.ensure_future(pour())
        await asyncio.sleep(0.5)
        assert not pouring.done() and sent < 2000
        assert ws.congested
        (slow_end,) = server._all_connections
        assert slow_end._backlog < 2**20
        may_read.set()
        await pouring
        assert sent == 2000
        await ws.close()


async def test_pongs_for_a_peer_that_never_reads_stay_bounded():
    """CASES 15: 10^5 Pings whose Pongs nobody reads: the pending Pongs stay bounded."""
    async with local(echo, compression=None) as server:
        request = open_request(parse_uri(address(server)), new_key())
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(request.serialize())
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()
        ping = encode_frame(Opcode.PING, b"p" * 125, mask_key=b"abcd")
        for _ in range(100):
            writer.write(ping * 1000)
            await asyncio.sleep(0)
        await asyncio.sleep(0.3)
        (ws,) = server._all_connections
        assert ws.transport.get_write_buffer_size() < 2**20
        writer.transport.abort()
        await ws.wait_closed()


async def test_first_write_is_sent_at_once_and_later_ones_are_coalesced():
    async with local(echo) as server, connect(address(server), compression=None) as ws:
        writes = []
        ws._use_socket(-1)
        ws._gap = 60
        write = ws._transport_write
        ws._transport_write = lambda data: (writes.append(len(data)), write(data))
        for number in range(10):
            await ws.send(f"{number}")
        assert len(writes) == 1
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(writes) == 2
        assert [await ws.recv() for _ in range(10)] == [str(number) for number in range(10)]


# Keep-alive and time-outs


async def test_keepalive_ends_a_dead_peer():
    async with local(echo, ping_interval=0.05, ping_timeout=0.05, close_timeout=0.1) as server:
        ws = await connect(address(server), ping_interval=None)
        (served,) = server._all_connections
        ws.transport.pause_reading()  # no Pong will come
        await served.wait_closed()
        assert served.protocol.sent.code == 1011
        ws.transport.abort()
        await ws.wait_closed()


async def test_keepalive_keeps_a_live_peer():
    quick = {"ping_interval": 0.02, "ping_timeout": 1000}  # it is the interval that counts
    async with local(echo, **quick) as server, connect(address(server), **quick) as ws:
        await asyncio.sleep(0.2)
        assert ws.state is State.OPEN and ws.latency > 0
        await ws.send("x")
        assert await ws.recv() == "x"


async def test_close_timeout_ends_a_peer_that_does_not_respond():
    async with local(echo, ping_interval=None) as server:
        ws = await connect(address(server), close_timeout=0.1)
        (served,) = server._all_connections
        served.transport.pause_reading()
        await ws.close()
        assert ws.close_code == 1006
        served.transport.abort()


async def test_server_open_timeout_closes_a_slow_handshake():
    async with local(echo, open_timeout=0.1) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"GET / HTTP/1.1\r\n")
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


async def test_client_open_timeout_raises_timeout_error():
    async def silent(reader, writer):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    with pytest.raises(TimeoutError, match="opening handshake"):
        await connect(address(server), open_timeout=0.1)
    server.close()
    await server.wait_closed()


# The opening handshake


async def test_handshake_options_and_addresses_reach_both_sides():
    seen = {}

    async def handler(ws):
        seen.update(subprotocol=ws.subprotocol, path=ws.request.path, x=ws.request.headers["X-Extra"])
        seen["status"] = ws.response.status_code
        seen["remote"] = ws.remote_address

    options = {"subprotocols": ["b", "a"], "origins": ["https://example.org"]}
    async with (
        local(handler, additional_headers={"X-Server": "yes"}, **options) as server,
        connect(
            address(server) + "/path?query",
            origin="https://example.org",
            subprotocols=["a", "b"],
            additional_headers=[("X-Extra", "1")],
        ) as ws,
    ):
        assert ws.subprotocol == "b"
        assert ws.response.headers["X-Server"] == "yes"
        await ws.wait_closed()
        local_address = ws.local_address
    assert seen == {
        "subprotocol": "b",
        "path": "/path?query",
        "x": "1",
        "status": 101,
        "remote": local_address,
    }


async def test_refused_origin_is_403():
    async with local(echo, origins=["https://example.org"]) as server:
        with pytest.raises(InvalidStatus) as caught:
            await connect(address(server), origin="https://evil.example")
    assert caught.value.response.status_code == 403


async def test_process_request_may_return_another_response():
    async def health(connection, request):
        await asyncio.sleep(0)
        if request.path == "/health":
            return Response(200, headers={"X-Health": "good"}, body="OK\n")
        return None

    async with local(echo, process_request=health) as server:
        with pytest.raises(InvalidStatus) as caught:
            await connect(address(server) + "/health")
        assert (caught.value.response.status_code, caught.value.response.body) == (200, b"OK\n")
        assert caught.value.response.headers["x-health"] == "good"
        async with connect(address(server)) as ws:
            await ws.send("x")
            assert await ws.recv() == "x"


async def test_process_request_that_fails_is_500(caplog):
    def broken(connection, request):
        raise KeyError("boom")

    async with local(echo, process_request=broken) as server:
        with pytest.raises(InvalidStatus) as caught:
            await connect(address(server))
    assert caught.value.response.status_code == 500
    assert "boom" in caplog.text


async def test_request_without_upgrade_is_refused():
    async with local(echo) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        response = await reader.read()
        assert response.startswith(b"HTTP/1.1 4")
        writer.close()


async def test_frames_behind_the_request_are_not_lost():
    async def slow(connection, request):
        await asyncio.sleep(0.05)

    for process_request in (None, slow):
        async with local(echo, compression=None, process_request=process_request) as server:
            request = open_request(parse_uri(address(server)), new_key())
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(request.serialize() + encode_text("early", masked=True))
            await asyncio.sleep(0.01)
            writer.write(encode_text("later", masked=True))
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(14) == b"\x81\x05early\x81\x05later"
            writer.transport.abort()


async def test_refusal_raises_invalid_status_with_the_response():
    async def teapot(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 402 Payment Required\r\nLocation: /there\r\nContent-Length: 4\r\n\r\nbody")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(teapot, "127.0.0.1", 0)
    with pytest.raises(InvalidStatus) as caught:
        await connect(address(server))
    assert caught.value.response.status_code == 402
    assert caught.value.location is None
    assert caught.value.response.body == b"body"
    server.close()
    await server.wait_closed()


async def test_bad_uris_and_headers_fail_before_anything_is_sent():
    for uri in ("http://example.org", "ws://", "ws://x/#fragment", "ws://x/a b"):
        with pytest.raises(ValueError, match="uri"):
            connect(uri)
    with pytest.raises(ValueError, match="Origin"):
        connect("ws://127.0.0.1:1", origin="evil\r\nX: y")
    with pytest.raises(ValueError, match="incompatible with a ws:"):
        connect("ws://127.0.0.1", ssl=ssl.create_default_context())


# Transports


async def test_messages_are_echoed_over_tls():
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(server_context)
    client_context = ssl.create_default_context()
    authority.configure_trust(client_context)
    async with local(echo, ssl=server_context) as server:
        uri = address(server, "wss")
        async with connect(uri, ssl=client_context) as ws:
            for message in ["hello", "x" * 300_000]:
                await ws.send(message)
                assert await ws.recv() == message
        assert ws.close_code == 1000
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect(uri)


async def test_messages_are_echoed_over_a_unix_socket(tmp_path):
    path = str(tmp_path / "socket")
    async with unix_serve(echo, path), unix_connect(path) as ws:
        await ws.send("x")
        assert await ws.recv() == "x"


async def test_messages_are_echoed_over_ipv6():
    try:
        server = await serve(echo, "::1", 0)
    except OSError as exc:
        pytest.skip(f"no IPv6 here: {exc}")
    async with server, connect(f"ws://[::1]:{server.sockets[0].getsockname()[1]}") as ws:
        await ws.send("x")
        assert await ws.recv() == "x"


# Listeners


class Recorder(Listener):
    made: ClassVar[list] = []

    def __init__(self):
        self.events = []
        Recorder.made.append(self)

    def on_open(self, ws):
        self.events.append("open")

    def on_message(self, ws, message):
        self.events.append(message)
        ws.send_nowait(message)

    def on_pong(self, ws, data):
        self.events.append(("pong", data))

    def on_close(self, ws):
        self.events.append(("close", ws.close_code))


async def test_server_listener_gets_all_events():
    Recorder.made.clear()
    async with local(Recorder) as server, connect(address(server)) as ws:
        await ws.send("a")
        await ws.send(b"b")
        assert [await ws.recv(), await ws.recv()] == ["a", b"b"]
        await ws.pong(b"!")
    assert Recorder.made[0].events == ["open", "a", b"b", ("pong", b"!"), ("close", 1000)]


async def test_client_listener_gets_all_events():
    Recorder.made.clear()

    async def greet(ws):
        await ws.send("hello")
        assert await ws.recv() == "hello"

    async with local(greet) as server:
        ws = await connect(address(server), listener=Recorder)
        await ws.wait_closed()
    assert Recorder.made[0].events == ["open", "hello", ("close", 1000)]


async def test_listener_that_fails_closes_with_1011(caplog):
    class Broken(Listener):
        def on_message(self, ws, message):
            raise RuntimeError("boom")

    async with local(Broken) as server:
        ws = await connect(address(server))
        await ws.send("x")
        await ws.wait_closed()
        assert ws.close_code == 1011
    assert "boom" in caplog.text


# Broadcast


@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_broadcast_reaches_all_open_connections(compression):
    async with local(echo, compression=compression) as server:
        clients = [await connect(address(server), compression=compression) for _ in range(5)]
        await clients[0].close()
        for message in ["to all " * 30, b"bytes"]:
            broadcast(server._all_connections, message)
            for client in clients[1:]:
                assert await client.recv() == message
        for client in clients:
            await client.close()


# The end of a server


async def test_server_close_sends_1001_to_all_clients():
    server = await local(echo)
    uri = address(server)
    clients = [await connect(uri) for _ in range(3)]
    server.close()
    await server.wait_closed()
    for client in clients:
        await client.wait_closed()
        assert client.close_code == 1001
    with pytest.raises(ConnectionRefusedError):
        await connect(uri)
    assert not server._all_connections


async def test_server_close_refuses_handshakes_under_way():
    server = await local(echo)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"GET / HTTP/1.1\r\n")
    await asyncio.sleep(0.05)
    server.close()
    assert (await reader.read()).startswith(b"HTTP/1.1 503")
    writer.close()
    await server.wait_closed()


async def test_server_close_waits_for_a_slow_process_request():
    async def slow(connection, request):
        await asyncio.sleep(0.2)

    server = await local(echo, process_request=slow)
    connecting = asyncio.ensure_future(connect(address(server))._open())
    await asyncio.sleep(0.1)
    (opening,) = server._all_connections
    assert opening.state is State.CONNECTING
    assert (opening.close_code, opening.close_reason) == (None, None)
    server.close()
    with pytest.raises(InvalidStatus) as caught:
        await connecting
    assert caught.value.response.status_code == 503
    await server.wait_closed()
    assert opening.state is State.CLOSED
    assert (opening.close_code, opening.close_reason) == (1006, "")


async def test_server_close_ends_peers_that_never_read():
    async def pour(ws):
        while True:
            await ws.send(b"x" * 100_000)

    server = await local(pour, close_timeout=0.2, compression=None)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), limit=100)
    writer.write(open_request(parse_uri(address(server)), new_key()).serialize())
    await asyncio.sleep(0.2)
    server.close()
    await asyncio.wait_for(server.wait_closed(), 5)
    writer.transport.abort()


async def test_server_close_can_leave_connections_open():
    server = await local(echo)
    ws = await connect(address(server))
    server.close(close_connections=False)
    await asyncio.sleep(0.05)
    await ws.send("still")
    assert await ws.recv() == "still"
    await ws.close()
    await server.wait_closed()


async def test_serve_forever_closes_when_cancelled():
    server = await local(echo)
    serving = asyncio.ensure_future(server.serve_forever())
    ws = await connect(address(server))
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    await ws.wait_closed()
    assert ws.close_code == 1001


async def test_serve_forever_ends_when_the_server_is_closed():
    server = await local(echo, start_serving=False)
    serving = [asyncio.ensure_future(server.serve_forever()) for _ in range(2)]
    while not server.is_serving():
        await asyncio.sleep(0)
    async with connect(address(server)) as ws:
        server.close()
        assert await asyncio.gather(*serving) == [None, None]
        with pytest.raises(RuntimeError, match="closed"):
            await server.serve_forever()
        await ws.wait_closed()
        assert ws.close_code == 1001


@pytest.mark.parametrize("iterations", [1, 2])
@pytest.mark.parametrize("started", [False, True])
async def test_serve_forever_that_is_closed_or_cancelled_as_it_begins(iterations, started):
    for end in ("close", "cancel"):
        server = await local(echo, start_serving=started)
        serving = asyncio.ensure_future(server.serve_forever())
        for _ in range(iterations):
            await asyncio.sleep(0)
        if end == "close":
            server.close()
            await serving
        else:
            serving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await serving
        assert not server.is_serving()
        assert not server.sockets
        await server.wait_closed()


# Connecting again


async def test_iterating_over_connect_reconnects():
    served = 0

    async def once(ws):
        nonlocal served
        served += 1
        await ws.send(str(served))

    async with local(once) as server:
        got = []
        async for ws in connect(address(server)):
            got += [message async for message in ws]
            if len(got) == 3:
                break
        assert got == ["1", "2", "3"]


async def test_iterating_over_connect_retries_until_a_server_listens():
    server = await local(echo)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    delays = []

    def quick():
        for delay in (0.01, 0.02, 0.04, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05):
            delays.append(delay)
            yield delay

    async def later():
        await asyncio.sleep(0.05)
        return await serve(echo, "127.0.0.1", port)

    starting = asyncio.ensure_future(later())
    async for ws in connect(f"ws://127.0.0.1:{port}", reconnect_delays=quick):
        await ws.send("x")
        assert await ws.recv() == "x"
        await ws.close()
        break
    assert len(delays) >= 2
    async with await starting:
        pass


async def test_iterating_over_connect_raises_a_permanent_refusal():
    async with local(echo, origins=["https://example.org"]) as server:
        with pytest.raises(InvalidStatus):
            await connect(address(server)).__aiter__().__anext__()


async def test_leaving_the_iteration_over_connect_closes_normally():
    async with local(echo) as server:
        async for ws in connect(address(server)):
            assert ws.state is State.OPEN
            break
        (served,) = server._all_connections
        await served.wait_closed()
        await ws.wait_closed()
    assert (ws.close_code, served.close_code) == (1000, 1000)

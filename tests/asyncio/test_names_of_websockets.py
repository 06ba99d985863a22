"""What programs that come from `websockets` use: names, arguments and attributes of its connections."""

from __future__ import annotations

import asyncio
import base64
import functools
import logging
import sys
import uuid

import pytest
from both_ends import Pair, address, local

from wsframe.asyncio import (
    ClientConnection,
    ConnectionClosed,
    ConnectionClosedError,
    InvalidStatus,
    InvalidURI,
    NegotiationError,
    Response,
    SecurityError,
    ServerConnection,
    State,
    basic_auth,
    broadcast,
    connect,
    serve,
)


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def test_recv_decodes_as_its_decode_argument_says():
    async with Pair() as pair:
        for message in ("text é", "é".encode()):
            for _ in range(3):
                await pair.theirs.send(message)
            got = [await pair.ours.recv(decode=decode) for decode in (None, True, False)]
            text = message if isinstance(message, str) else message.decode()
            assert got == [message, text, text.encode()]


async def test_recv_decoding_invalid_utf_8_closes_with_1007():
    async with Pair() as pair:
        await pair.theirs.send(b"\xff")
        with pytest.raises(ConnectionClosedError) as ended:
            await pair.ours.recv(decode=True)
        assert isinstance(ended.value.__cause__, UnicodeDecodeError)
        await pair.theirs.wait_closed()
        assert pair.theirs.close_code == 1007


@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_send_and_broadcast_obey_their_text_argument(compression):
    async with Pair(compression=compression) as pair:
        await pair.ours.send("é", text=False)
        await pair.ours.send("é".encode(), text=True)
        await pair.ours.send([b"a", b"b"], text=True)
        assert [await pair.theirs.recv() for _ in range(3)] == ["é".encode(), "é", "ab"]
        with pytest.raises(UnicodeDecodeError):
            await pair.ours.send(b"\xff", text=True)
        broadcast([pair.ours], b"all", text=True)
        broadcast([pair.ours], "all", text=False)
        assert [await pair.theirs.recv(), await pair.theirs.recv()] == ["all", b"all"]


async def test_broadcast_skips_and_reports_a_fragmenting_connection(caplog):
    async with Pair() as pair:
        more = asyncio.Event()

        async def fragments():
            yield "a"
            yield "b"
            await more.wait()

        sending = asyncio.create_task(pair.ours.send(fragments()))
        while not pair.ours.protocol.fragmenting:
            await asyncio.sleep(0)
        broadcast([pair.ours], "skipped")
        assert "skipped broadcast: sending a fragmented message" in caplog.text
        if sys.version_info >= (3, 11):
            with pytest.raises(ExceptionGroup, match="skipped broadcast"):  # noqa: F821
                broadcast([pair.ours], "skipped", raise_exceptions=True)
        more.set()
        await sending
        assert await pair.theirs.recv() == "ab"


async def test_connection_has_user_attributes_and_those_of_websockets():
    seen = []

    def process_request(connection, request):
        connection.user = "ann"

    async def handler(ws):
        seen.append((ws.user, type(ws.id), ws.state, ws.logger.name))

    async with local(handler, process_request=process_request) as server, connect(address(server)) as ws:
        ws.mine = 1
        await ws.wait_closed()
        assert ws.state is State.CLOSED
        assert ws.state == 3
        assert ws.id == ws.id
    assert seen == [("ann", uuid.UUID, State.OPEN, "wsframe.server")]


async def test_process_response_sees_and_changes_the_response():
    def process_response(connection, request, response):
        assert response.status_code == 101
        response.headers["X-Seen"] = request.path

    async with (
        local(echo, process_response=process_response) as server,
        connect(address(server) + "/path") as ws,
    ):
        assert ws.response.headers["X-Seen"] == "/path"
        await ws.send("x")
        assert await ws.recv() == "x"


@pytest.mark.parametrize("waits", [False, True])
async def test_process_response_replaces_the_response(waits):
    async def wait(connection, request, response):
        await asyncio.sleep(0)
        return connection.respond(403, "no\n")

    def at_once(connection, request, response):
        return connection.respond(403, "no\n")

    async with local(echo, process_response=wait if waits else at_once) as server:
        with pytest.raises(InvalidStatus, match="HTTP 403") as caught:
            await connect(address(server))
    assert caught.value.response.body == b"no\n"


async def test_select_subprotocol_refuses_with_400():
    def select(connection, offered):
        raise NegotiationError("none of ours")

    async with local(echo, select_subprotocol=select) as server:
        with pytest.raises(InvalidStatus, match="HTTP 400") as caught:
            await connect(address(server), subprotocols=["a"])
    assert b"none of ours" in caught.value.response.body


async def test_custom_connection_class_and_logger_are_used(caplog):
    class Mine(ServerConnection):
        async def hello(self):
            await self.send("hello")

    async def handler(ws):
        await ws.hello()
        raise ZeroDivisionError

    logger = logging.getLogger("mine")
    async with (
        local(handler, create_connection=Mine, logger=logger) as server,
        connect(address(server)) as ws,
    ):
        assert await ws.recv() == "hello"
        with pytest.raises(ConnectionClosed):
            await ws.recv()
    assert [record.name for record in caplog.records if record.levelname == "ERROR"] == ["mine"]


async def test_server_connections_are_the_open_ones():
    gate = asyncio.Event()

    async def process_request(connection, request):
        await gate.wait()

    async with local(echo, process_request=process_request) as server:
        opening = asyncio.create_task(connect(address(server))._open())
        await asyncio.sleep(0.05)
        assert server.connections == set()
        gate.set()
        ws = await opening
        assert len(server.connections) == 1
        closing = asyncio.create_task(ws.close())
        await ws.wait_closed()
        await closing
        assert server.connections == set()


CREDENTIALS = [("ann", "secret"), ("bob", "é")]


@pytest.mark.parametrize(
    ("options", "given", "name"),
    [
        ({"credentials": CREDENTIALS[0]}, "ann:secret", "ann"),
        ({"credentials": CREDENTIALS}, "bob:é", "bob"),
        ({"credentials": CREDENTIALS}, "bob:secret", None),
        ({"credentials": CREDENTIALS}, "eve:", None),
        ({"check_credentials": lambda name, password: name == password}, "a:a", "a"),
        ({"check_credentials": lambda name, password: asyncio.sleep(0, False)}, "a:a", None),
        ({"credentials": CREDENTIALS}, None, None),
        ({"credentials": CREDENTIALS}, "no colon", None),
    ],
)
async def test_basic_auth_accepts_only_valid_credentials(options, given, name):
    async def handler(ws):
        await ws.send(ws.username)

    headers = {}
    if given is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(given.encode()).decode()
    async with local(handler, process_request=basic_auth("here", **options)) as server:
        if name is None:
            with pytest.raises(InvalidStatus, match="HTTP 401") as caught:
                await connect(address(server), additional_headers=headers)
            assert caught.value.response.headers["WWW-Authenticate"].startswith('Basic realm="here"')
        else:
            async with connect(address(server), additional_headers=headers) as ws:
                assert await ws.recv() == name


@pytest.mark.parametrize("wrong", [{}, {"credentials": ("a", "b"), "check_credentials": print}])
def test_basic_auth_needs_one_kind_of_credentials(wrong):
    with pytest.raises(ValueError, match="provide either"):
        basic_auth(**wrong)


@pytest.mark.parametrize("wrong", ["ab", 5, [("a", 5)], [5]])
def test_invalid_credentials_argument_raises_type_error(wrong):
    with pytest.raises(TypeError, match="invalid credentials argument"):
        basic_auth(credentials=wrong)


def redirecting(location):
    def process_request(connection, request):
        if request.path.startswith("/from"):
            return Response(302, headers={"Location": location})
        connection.asked = request
        return None

    return process_request


async def test_redirects_are_followed_with_credentials_to_the_same_origin_only():
    async def handler(ws):
        await ws.send(ws.asked.path + " " + ws.asked.headers.get("Cookie", "none"))

    headers = {"Cookie": "a=b", "X": "y"}
    async with local(handler, process_request=redirecting("/to?q")) as server:
        async with connect(address(server) + "/from", additional_headers=headers) as ws:
            assert await ws.recv() == "/to?q a=b"
        other = redirecting(address(server) + "/other")
        async with (
            local(handler, process_request=other) as first,
            connect(address(first) + "/from", additional_headers=headers) as ws,
        ):
            assert await ws.recv() == "/other none"


@pytest.mark.parametrize("location", ["http://[", "ws://[::1", "gopher://a/", "ws://a:port/"])
async def test_redirects_to_what_is_no_websocket_uri_raise_invalid_uri(location):
    async with local(echo, process_request=redirecting(location)) as server:
        with pytest.raises(InvalidURI):
            await connect(address(server) + "/from")


async def test_endless_redirects_raise_security_error():
    async with local(echo, process_request=redirecting("/from/again")) as server:
        with pytest.raises(SecurityError, match="more than 10 redirects"):
            await connect(address(server) + "/from")


async def test_write_limit_sets_the_buffer_limits_of_the_transport():
    async def handler(ws):
        await ws.send(repr(ws.transport.get_write_buffer_limits()))

    async with (
        serve(handler, "127.0.0.1", 0, write_limit=(2**15, 2**10)) as server,
        connect(address(server)) as ws,
    ):
        assert await ws.recv() == "(1024, 32768)"


@pytest.mark.parametrize("wrong", [None, "5", (5,), (1, 2), (5, -1), -1, (None, None)])
def test_invalid_write_limit_raises(wrong):
    with pytest.raises((TypeError, ValueError), match="write_limit must be"):
        connect("ws://127.0.0.1/", write_limit=wrong)


async def test_concurrent_awaits_of_connect_follow_their_own_redirects():
    asked = []

    def process_request(connection, request):
        asked.append(request.path)
        # The second is redirected while the first is being redirected.
        return Response(302, headers={"Location": "/to"}) if request.path == "/from" else None

    async with local(echo, process_request=process_request) as server:
        connecting = connect(address(server) + "/from")

        async def open_it():
            return await connecting

        pair = await asyncio.gather(open_it(), open_it())
        for ws in pair:
            await ws.close()
    assert sorted(asked) == ["/from", "/from", "/to", "/to"]


async def test_broadcast_passes_over_and_reports_a_transport_that_fails(caplog, loop_name):
    if loop_name == "uvloop":
        pytest.skip("its transports take what is written after write_eof")
    async with Pair() as broken, Pair() as whole:
        broken.ours.transport.write_eof()
        broadcast([broken.ours, whole.ours], "hello")
        assert "skipped broadcast: failed to write message: RuntimeError: " in caplog.text
        assert await whole.theirs.recv() == "hello"
        if sys.version_info >= (3, 11):
            with pytest.raises(ExceptionGroup, match="skipped broadcast") as skipped:  # noqa: F821
                broadcast([broken.ours], "hello", raise_exceptions=True)
            assert isinstance(skipped.value.exceptions[0].__cause__, RuntimeError)


async def test_a_close_timeout_is_the_cause_of_the_end():
    async with Pair(close_timeout=0.01) as pair:
        pair.theirs.transport.pause_reading()
        await pair.ours.close()
        with pytest.raises(ConnectionClosedError, match="no close frame received") as ended:
            await pair.ours.recv()
        assert isinstance(ended.value.__cause__, TimeoutError)


async def test_close_amid_a_fragmented_message_is_an_error():
    async with Pair() as pair:
        more = asyncio.Event()

        async def fragments():
            yield "a"
            await more.wait()
            yield "b"

        sending = asyncio.create_task(pair.ours.send(fragments()))
        while not pair.ours.protocol.fragmenting:
            await asyncio.sleep(0)
        await pair.ours.close()
        more.set()
        with pytest.raises(ConnectionClosedError, match=r"1011 .*close during fragmented message"):
            await sending
        assert pair.theirs.close_code == 1011


async def test_connections_may_come_and_go_while_a_program_iterates_over_them():
    """`server.connections` is a copy."""
    async with local(lambda ws: ws.wait_closed()) as server:
        clients = [await connect(address(server)) for _ in range(3)]
        closed = 0
        for ws in server.connections:
            await ws.close()
            closed += 1
        assert closed == 3
        assert server.connections == set()
        for client in clients:
            await client.wait_closed()


@pytest.mark.parametrize("kind", ["list", "async"])
async def test_characters_may_be_cut_between_fragments_sent_as_text(kind):
    data = "a€😊".encode()
    parts = [data[:2], data[2:6], data[6:]]

    async def each():
        for part in parts:
            yield part

    async with Pair() as pair:
        await pair.theirs.send(parts if kind == "list" else each(), text=True)
        assert await pair.ours.recv() == "a€😊"


async def test_a_character_that_is_cut_off_is_an_error():
    async with Pair() as pair:
        with pytest.raises(UnicodeDecodeError):
            await pair.theirs.send(["a€".encode()[:2]], text=True)


@pytest.mark.parametrize("where", ["class", "instance"])
async def test_iteration_calls_a_recv_of_the_application(where):
    class Mine(ClientConnection):
        async def recv(self, decode=None):
            return (await super().recv(decode)).upper()

    async def three(ws):
        for word in ("a", "b", "c"):
            await ws.send(word)

    kind = Mine if where == "class" else ClientConnection
    async with local(three) as server, connect(address(server), create_connection=kind) as ws:
        if where == "instance":
            ws.recv = functools.partial(upper, ws.recv)
        assert [message async for message in ws] == ["A", "B", "C"]


async def upper(recv):
    return (await recv()).upper()


@pytest.mark.parametrize("server_header", ["mine/1", None])
async def test_refusals_have_the_server_header(server_header):
    def process_request(connection, request):
        return connection.respond(404, "none") if request.path == "/none" else None

    def process_response(connection, request, response):
        seen.append(connection.response)
        assert connection.response is response

    seen = []
    callbacks = {"process_request": process_request, "process_response": process_response}
    async with local(echo, server_header=server_header, origins=["https://a"], **callbacks) as server:
        for path, status in (("/none", 404), ("/", 403)):
            with pytest.raises(InvalidStatus) as caught:
                await connect(address(server) + path)
            assert caught.value.response.status_code == status
            assert caught.value.response.headers.get("Server") == server_header
    assert [response.status_code for response in seen] == [404]


async def test_refusal_keeps_a_server_header_of_the_application():
    def process_request(connection, request):
        return Response(404, headers={"Server": "theirs"})

    async with local(echo, server_header="mine", process_request=process_request) as server:
        with pytest.raises(InvalidStatus) as caught:
            await connect(address(server))
    assert caught.value.response.headers.get_all("Server") == ["theirs"]

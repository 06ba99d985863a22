"""Options of serve and connect: a wrong one is an error where it is given, and falsy is not None."""

from __future__ import annotations

import asyncio
import math
import re
import ssl
import sys

import pytest

from wsframe.asyncio import InvalidStatus, connect, serve
from wsframe.deflate import ClientPolicy, ServerPolicy
from wsframe.handshake import InvalidMessage

SECONDS = ["open_timeout", "ping_interval", "ping_timeout", "close_timeout"]


async def echo(ws):
    async for message in ws:
        await ws.send(message)


def uri_of(server, scheme="ws"):
    return f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def local(handler=echo, **options):
    return serve(handler, "127.0.0.1", 0, **options)


def each_side(**options):
    """Give options to a server and to a client."""
    yield lambda: serve(echo, "127.0.0.1", 0, **options)
    yield lambda: connect("ws://127.0.0.1:1/", **options)


# Time-outs.


@pytest.mark.parametrize("name", SECONDS)
@pytest.mark.parametrize("value", [-1, -0.5, math.nan, math.inf])
async def test_timeouts_out_of_range_raise_value_error(name, value):
    for make in each_side(**{name: value}):
        with pytest.raises(ValueError, match=f"{name} must be a number of seconds from 0, or None"):
            make()


@pytest.mark.parametrize("name", SECONDS)
@pytest.mark.parametrize("value", ["10", True, False, "", [], 1j])
async def test_timeouts_of_a_wrong_type_raise_type_error(name, value):
    for make in each_side(**{name: value}):
        with pytest.raises(TypeError, match=f"{name} must be a number of seconds or None, not "):
            make()


@pytest.mark.parametrize("name", ["ping_interval", "ping_timeout"])
@pytest.mark.parametrize("zero", [0, 0.0])
async def test_keepalive_of_0_seconds_raises_value_error(name, zero):
    for make in each_side(**{name: zero}):
        with pytest.raises(ValueError, match=f"{name} must be more than 0 seconds; None switches it off"):
            make()


async def test_server_open_timeout_of_0_raises_value_error():
    with pytest.raises(ValueError, match="open_timeout must be more than 0 seconds"):
        local(open_timeout=0)


async def test_client_open_timeout_of_0_times_out_at_once():
    async with local() as server:
        with pytest.raises(TimeoutError):
            await connect(uri_of(server), open_timeout=0)


async def test_close_timeout_of_0_does_not_wait():
    async with local(close_timeout=0) as server:
        ws = await connect(uri_of(server), close_timeout=0)
        ws.transport.pause_reading()
        await asyncio.wait_for(ws.close(), 5)
        assert ws.close_code == 1006


# Limits.


@pytest.mark.parametrize("name", ["max_size", "max_fragments", "max_head", "max_headers"])
async def test_invalid_limits_raise_where_they_are_given(name):
    for make in each_side(**{name: -1}):
        with pytest.raises(ValueError, match=name):
            make()
    for make in each_side(**{name: "5"}):
        with pytest.raises(TypeError, match=name):
            make()


@pytest.mark.parametrize("name", ["max_fragments", "max_head", "max_headers"])
async def test_limits_of_0_that_allow_nothing_raise_value_error(name):
    for make in each_side(**{name: 0}):
        with pytest.raises(ValueError, match=name):
            make()


@pytest.mark.parametrize("name", ["max_head", "max_headers"])
async def test_head_limits_cannot_be_none(name):
    for make in each_side(**{name: None}):
        with pytest.raises(TypeError, match=f"{name} must be int, not NoneType"):
            make()


async def test_max_size_of_0_accepts_only_empty_messages():
    async with local(max_size=0) as server, connect(uri_of(server), compression=None) as ws:
        await ws.send("")
        assert await ws.recv() == ""
        await ws.send("x")
        await ws.wait_closed()
        assert ws.close_code == 1009


async def test_no_additional_headers_may_be_none():
    async with local() as server, connect(uri_of(server), additional_headers=None) as ws:
        assert "X" not in ws.request.headers


async def test_a_server_limits_the_head_of_a_request():
    fields = {f"X-{number}": "y" for number in range(50)}
    async with local(max_headers=40) as server:
        with pytest.raises(InvalidStatus) as caught:
            await connect(uri_of(server), additional_headers=fields)
        assert caught.value.response.status_code == 431
        async with connect(uri_of(server)):
            pass
    async with local(max_head=500) as server:
        with pytest.raises(InvalidStatus) as caught:
            await connect(uri_of(server), additional_headers={"X": "y" * 500})
        assert caught.value.response.status_code == 431
        async with connect(uri_of(server)):
            pass
    async with local(max_head=2**17, max_headers=200) as server:
        fields = {f"X-{number}": "y" * 500 for number in range(150)}
        async with connect(uri_of(server), additional_headers=fields) as ws:
            assert ws.state.name == "OPEN"


async def test_a_client_limits_the_head_of_a_response():
    fields = {f"X-{number}": "y" * 500 for number in range(150)}
    async with local(additional_headers=fields) as server:
        with pytest.raises(InvalidMessage, match="larger than 16384 bytes"):
            await connect(uri_of(server))
        with pytest.raises(InvalidMessage, match="more than 100 headers"):
            await connect(uri_of(server), max_head=2**17, max_headers=100)
        async with connect(uri_of(server), max_head=2**17, max_headers=200) as ws:
            assert ws.response.headers["X-149"] == "y" * 500


# What is negotiated.


@pytest.mark.parametrize("none", [None, [], ()])
async def test_empty_subprotocols_neither_offer_nor_select(none):
    async with local(subprotocols=none) as server:
        async with connect(uri_of(server), subprotocols=["a"]) as ws:
            assert ws.subprotocol is None
        async with connect(uri_of(server), subprotocols=none) as ws:
            (served,) = server._all_connections
            assert "Sec-WebSocket-Protocol" not in served.request.headers
    async with local(subprotocols=["a"]) as server:
        with pytest.raises(InvalidStatus):
            await connect(uri_of(server), subprotocols=none)


async def test_falsy_select_subprotocol_is_still_called():
    class Choose:
        def __call__(self, connection, offered):
            return offered[0]

        def __len__(self):
            return 0

    async with (
        local(select_subprotocol=Choose()) as server,
        connect(uri_of(server), subprotocols=["a"]) as ws,
    ):
        assert ws.subprotocol == "a"


async def test_empty_origins_refuse_every_origin():
    async with local(origins=[]) as server:
        for origin in ("https://a.example", "", None):
            with pytest.raises(InvalidStatus) as caught:
                await connect(uri_of(server), origin=origin)
            assert caught.value.response.status_code == 403
    async with local(origins=[""]) as server:
        async with connect(uri_of(server), origin=""):
            pass
        with pytest.raises(InvalidStatus):
            await connect(uri_of(server))


@pytest.mark.parametrize("wrong", ["chat", b"chat", [1], [b"chat"], [None], 5])
async def test_subprotocols_of_a_wrong_type_raise_type_error(wrong):
    for make in each_side(subprotocols=wrong):
        with pytest.raises(TypeError):
            make()


@pytest.mark.parametrize("wrong", ["a b", "", "a,b", "ä"])
async def test_subprotocols_that_are_not_tokens_raise_value_error(wrong):
    for make in each_side(subprotocols=["a", wrong]):
        with pytest.raises(ValueError, match="is not a token"):
            make()


async def test_coroutine_function_as_select_subprotocol_is_refused():
    async def choose(connection, offered):
        return None

    async with local(select_subprotocol=choose) as server:
        with pytest.raises(InvalidStatus):
            await connect(uri_of(server), subprotocols=["a"])


@pytest.mark.parametrize("wrong", ["https://a", [b"https://a"], [re.compile(b"a")], re.compile("a"), [5], 5])
async def test_origins_of_a_wrong_type_raise_type_error(wrong):
    with pytest.raises(TypeError):
        local(origins=wrong)


@pytest.mark.parametrize("wrong", ["", "gzip", False, True, 0, "DEFLATE"])
async def test_unsupported_compression_raises_value_error(wrong):
    for make in each_side(compression=wrong):
        with pytest.raises(ValueError, match=f"unsupported compression: {wrong}"):
            make()
    with pytest.raises(ValueError, match="unsupported compression"):
        local(compression=ClientPolicy())
    with pytest.raises(ValueError, match="unsupported compression"):
        connect("ws://127.0.0.1/", compression=ServerPolicy())


async def test_iterator_options_serve_every_connection():
    options = {
        "subprotocols": iter(["a"]),
        "origins": iter([None]),
        "additional_headers": iter([("X", "y")]),
    }
    async with local(**options) as server:
        for _ in range(2):
            async with connect(uri_of(server), subprotocols=["a"]) as ws:
                assert (ws.subprotocol, ws.response.headers["X"]) == ("a", "y")
        again = connect(uri_of(server), subprotocols=iter(["a"]), additional_headers=iter([("X", "y")]))
        for _ in range(2):
            async with again as ws:
                assert ws.request.headers["X"] == "y"
                assert ws.subprotocol == "a"


async def test_empty_headers_are_sent_and_none_omits_them():
    async with local(server_header="") as server, connect(uri_of(server), user_agent_header="") as ws:
        assert ws.request.headers["User-Agent"] == ""
        assert ws.response.headers["Server"] == ""
    async with local(server_header=None) as server, connect(uri_of(server), user_agent_header=None) as ws:
        assert "User-Agent" not in ws.request.headers
        assert "Server" not in ws.response.headers


# Functions.


@pytest.mark.parametrize("wrong", ["", 0, False, "f", []])
async def test_options_that_must_be_functions_raise_type_error(wrong):
    with pytest.raises(TypeError, match="handler must be"):
        local(None)
    with pytest.raises(TypeError, match="process_request must be a function"):
        local(process_request=wrong)
    with pytest.raises(TypeError, match="handler must be"):
        local(wrong)
    for name in ("listener", "reconnect_delays", "process_exception"):
        with pytest.raises(TypeError, match=f"{name} must be a function"):
            connect("ws://127.0.0.1/", **{name: wrong})
    for name in ("reconnect_delays", "process_exception"):
        with pytest.raises(TypeError, match=f"{name} must be a function, not NoneType"):
            connect("ws://127.0.0.1/", **{name: None})


async def test_handler_class_that_is_not_a_listener_raises_type_error():
    with pytest.raises(TypeError, match="handler must be a coroutine function or a subclass of Listener"):
        local(dict)


# TLS and where to connect to.


@pytest.mark.parametrize("off", [None, False])
async def test_wss_without_tls_is_an_error(off):
    with pytest.raises(ValueError, match=f"ssl={off} is incompatible with a wss:// URI"):
        connect("wss://127.0.0.1/", ssl=off)
    connect("ws://127.0.0.1/", ssl=off)


@pytest.mark.parametrize("on", [True, ssl.create_default_context()])
async def test_ws_with_tls_is_an_error(on):
    with pytest.raises(ValueError, match="ssl argument is incompatible with a ws:// URI"):
        connect("ws://127.0.0.1/", ssl=on)


@pytest.mark.parametrize("wrong", ["", 0, 1, "yes", {}])
@pytest.mark.parametrize("scheme", ["ws", "wss"])
async def test_ssl_of_a_wrong_type_raises_type_error(scheme, wrong):
    with pytest.raises(TypeError, match="ssl must be an SSLContext, True, False or None"):
        connect(f"{scheme}://127.0.0.1/", ssl=wrong)


@pytest.mark.parametrize("off", [None, False])
async def test_ssl_of_none_or_false_is_allowed_for_ws(off):
    async with local() as server, connect(uri_of(server), ssl=off) as ws:
        assert ws.transport.get_extra_info("ssl_object") is None


async def test_create_connection_options_of_none_are_ignored():
    nothing = dict.fromkeys(["sock", "host", "port", "local_addr", "server_hostname"])
    async with local() as server, connect(uri_of(server), **nothing) as ws:
        await ws.send("x")
        assert await ws.recv() == "x"


def test_without_httptools_it_says_at_once_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "httptools", None)
    for make in (lambda: serve(print), lambda: connect("ws://127.0.0.1/")):
        with pytest.raises(ImportError, match=r"need httptools: pip install 'wsframe\[asyncio\]'"):
            make()

"""The PROXY protocol: versions 1 and 2, before TLS and without it."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import tempfile
from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from wsframe._http.proxy_protocol import MAX_LINE, SIGNATURE, ProxyHeaderReader
from wsframe.asyncio import ConnectionClosed, connect, serve, unix_connect, unix_serve
from wsframe.handshake import new_key, open_request, parse_uri

# On Windows, the default loop reads what follows the header, which is then lost for TLS.
tls = pytest.mark.skipif(sys.platform == "win32", reason="TLS behind the header needs a selector event loop")
SCHEMES = ["ws", pytest.param("wss", marks=tls)]

V1 = b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"


def v2(body=b"", *, command=1, family=1, transport=1, size=None, version=2):
    length = len(body) if size is None else size
    return SIGNATURE + struct.pack("!BBH", version << 4 | command, family << 4 | transport, length) + body


def inet(*tlvs):
    return v2(bytes([192, 0, 2, 1, 198, 51, 100, 2]) + struct.pack("!HH", 56324, 443) + b"".join(tlvs))


INET6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1") + bytes(16) + struct.pack("!HH", 1, 2)
TLV = b"\x04" + struct.pack("!H", 3) + b"abc"
HEADERS = {
    "v1": (V1, ("192.0.2.1", 56324)),
    "v1 IPv6": (b"PROXY TCP6 2001:db8::1 ::1 1 65535\r\n", ("2001:db8::1", 1, 0, 0)),
    "v1 mapped": (b"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", ("192.0.2.1", 1)),
    "v1 shortest": (b"PROXY TCP6 :: :: 0 0\r\n", ("::", 0, 0, 0)),
    "v1 longest": (
        b"PROXY TCP6 " + b" ".join([b"ffff:" * 7 + b"ffff"] * 2 + [b"65535"] * 2) + b"\r\n",
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535, 0, 0),
    ),
    "v1 unknown": (b"PROXY UNKNOWN\r\n", None),
    "v1 unknown with more": (b"PROXY UNKNOWN" + b" ffff:f" * 13 + b"f\r\n", None),
    "v2": (inet(), ("192.0.2.1", 56324)),
    "v2 with TLVs": (inet(TLV, TLV), ("192.0.2.1", 56324)),
    "v2 with 60 kB of TLVs": (
        inet(b"\x04" + struct.pack("!H", 60_000) + bytes(60_000)),
        ("192.0.2.1", 56324),
    ),
    "v2 IPv6": (v2(INET6, family=2), ("2001:db8::1", 1, 0, 0)),
    "v2 Unix": (v2(b"/run/client".ljust(108, b"\0") + bytes(108), family=3), "/run/client"),
    "v2 local": (v2(command=0, family=0, transport=0), None),
    "v2 local with addresses": (v2(bytes(12), command=0), None),
    "v2 local with an odd length": (v2(b"abc", command=0), None),
    "v2 unspecified": (v2(b"abc", family=0, transport=0), None),
    "v2 of a family to come": (v2(b"abc", family=9), None),
    "v2 datagrams": (v2(bytes(12), transport=2), None),
}
MALFORMED = {
    "HTTP": b"GET / HTTP/1.1\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "small letters": b"proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
    "v1 of another protocol": b"PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n",
    "v1 with a long protocol": b"PROXY UNKNOWNS\r\n ",
    "v1 without ports": b"PROXY TCP4 192.0.2.1 198.51.100.2\r\n",
    "v1 with more fields": b"PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n",
    "v1 with a large port": b"PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n",
    "v1 with two spaces": b"PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n",
    "v1 with a name": b"PROXY TCP4 localhost 198.51.100.2 1 2\r\n",
    "v1 of the other family": b"PROXY TCP4 ::1 ::1 1 2\r\n",
    "v1 with LF alone": b"PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n",
    "v1 with CR amid it": b"PROXY TCP4 192.0.2.1\r198.51.100.2 1 2\r\n",
    "v1 too short": b"PROXY TCP4\r\n\r\n\r\n\r\n",
    "v1 too long": b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n",
    "v1 without an end": b"PROXY UNKNOWN " + b"x" * 200,
    "v2 of another signature": SIGNATURE[:-1] + b"x" + inet()[12:],
    "v2 of another version": v2(bytes(12), version=1),
    "v2 of another command": v2(bytes(12), command=2),
    "v2 too short": v2(bytes(11)),
    "v2 IPv6 too short": v2(bytes(35), family=2),
    "v2 Unix too short": v2(bytes(215), family=3),
}


def read(data, sizes=lambda wanted: wanted):
    """Read a header as from a socket; return the reader, and how many bytes it has taken."""
    reader, at = ProxyHeaderReader(), 0
    while reader.wanted:
        piece = data[at : at + min(max(sizes(reader.wanted), 1), reader.wanted)]
        if not piece:
            return reader, -1
        at += len(piece)
        assert reader.feed(piece) is (reader.wanted == 0)
        assert len(reader._data) <= 232
    return reader, at


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("sizes", [lambda wanted: wanted, lambda wanted: 1, lambda wanted: wanted // 2])
def test_header_is_read_and_nothing_behind_it(name, sizes):
    header, address = HEADERS[name]
    reader, taken = read(header + b"\r\n\r\nGET / HTTP/1.1", sizes)
    assert taken == len(header)
    assert reader.address == address


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("sizes", [lambda wanted: wanted, lambda wanted: 1])
def test_malformed_header_raises_value_error(name, sizes):
    with pytest.raises(ValueError, match="PROXY protocol header"):
        read(MALFORMED[name], sizes)


def test_a_line_has_at_most_107_bytes():
    longest = b"PROXY UNKNOWN " + b"x" * (MAX_LINE - 16) + b"\r\n"
    assert read(longest)[1] == MAX_LINE == 107
    with pytest.raises(ValueError, match="malformed"):
        read(longest[:-2] + b"x\r\n")


@pytest.mark.parametrize("name", HEADERS)
def test_header_that_is_cut_off_is_never_complete(name):
    header, _ = HEADERS[name]
    for size in {*range(min(len(header), 300)), len(header) - 1}:
        assert read(header[:size])[1] == -1


@given(
    st.binary(max_size=300)
    | st.tuples(st.sampled_from([V1, inet(TLV), b"PROXY "]), st.binary()).map(b"".join),
    st.data(),
)
def test_any_bytes_are_a_header_or_an_error(data, draw):
    try:
        reader, taken = read(data, lambda wanted: draw.draw(st.integers(1, wanted)))
    except ValueError:
        return
    if taken >= 0:
        assert reader.wanted == 0


# A server on real sockets.


async def describe(ws):
    await ws.send(f"{ws.scheme} {ws.remote_address!r}")
    async for message in ws:
        await ws.send(message)


def local(handler=describe, **options):
    return serve(handler, "127.0.0.1", 0, proxy_protocol=True, **options)


def address_of(server):
    return server.sockets[0].getsockname()


async def converse(server, *pieces, scheme="ws", **options):
    """Open a connection behind a header; return what the server takes the client for."""
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setblocking(False)
    await loop.sock_connect(sock, address_of(server))
    for piece in pieces:
        await loop.sock_sendall(sock, piece)
        await asyncio.sleep(0)
    port = str(sock.getsockname()[1])
    uri = f"{scheme}://127.0.0.1:{address_of(server)[1]}/"
    async with connect(
        uri, sock=sock, server_hostname="127.0.0.1" if scheme == "wss" else None, **options
    ) as ws:
        client = await ws.recv()
        await ws.send("a" * 2**18)
        assert len(await ws.recv()) == 2**18
    return client.replace(port, "PORT")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", HEADERS)
async def test_client_of_a_connection_is_that_of_the_header(name, scheme, contexts):
    serving, trusting = contexts
    header, address = HEADERS[name]
    options = {"scheme": scheme, "ssl": trusting if scheme == "wss" else None}
    expected = f"{scheme} {address or ('127.0.0.1', 'PORT')!r}".replace("'PORT'", "PORT")
    async with local(ssl=serving if scheme == "wss" else None) as server:
        assert await converse(server, header, **options) == expected
        assert await converse(server, header[:1], header[1:14], header[14:], **options) == expected


async def test_header_and_request_in_one_segment():
    async with local() as server:
        reader, writer = await asyncio.open_connection(*address_of(server))
        request = open_request(parse_uri("ws://127.0.0.1/"), new_key()).serialize()
        writer.write(V1 + request + bytes.fromhex("8100000000008100"))  # the second frame is not masked
        response = await reader.readuntil(b"\r\n\r\n")
        assert response.startswith(b"HTTP/1.1 101")
        assert b"ws ('192.0.2.1', 56324)" in await reader.read()
        writer.close()


class Kept:
    """A log whose lines can be waited for."""

    def __init__(self):
        self.lines = []
        self.name = "kept"

    def __getattr__(self, level):
        return lambda text, *args, **_: self.lines.append((level, text % args))


async def ended(server, data):
    """Send bytes; wait until the server ends the connection, and return what it has sent."""
    reader, writer = await asyncio.open_connection(*address_of(server))
    try:
        writer.write(data)
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_connection_without_a_header_is_closed(scheme, contexts):
    log = Kept()
    async with local(ssl=contexts[0] if scheme == "wss" else None, logger=log) as server:
        for data in MALFORMED.values():
            assert await ended(server, data) == b""
    levels = [level for level, line in log.lines if line.startswith("connection refused")]
    assert levels == ["debug"] * len(MALFORMED)


async def test_a_peer_that_is_not_trusted_is_logged_once(caplog):
    caplog.set_level("DEBUG", "wsframe.server")
    async with local(trusted_proxies=["10.0.0.1"]) as server:
        for _ in range(2):
            assert await ended(server, V1) == b""
    levels = [record.levelname for record in caplog.records if "trusted_proxies" in record.getMessage()]
    assert levels == ["WARNING", "DEBUG"]


async def test_only_trusted_proxies_may_send_it():
    async with local(trusted_proxies=["10.0.0.1"]) as server:
        assert await ended(server, V1) == b""
    async with local(trusted_proxies=["127.0.0.1"]) as server:
        assert await converse(server, V1) == "ws ('192.0.2.1', 56324)"


async def test_forwarded_headers_of_the_proxy_behind_the_proxy():
    """The peer is that of the header: it is trusted or not."""
    headers = {"X-Forwarded-For": "203.0.113.5"}
    async with local(trusted_proxies=["127.0.0.1", "192.0.2.1"]) as server:
        assert await converse(server, V1, additional_headers=headers) == "ws ('203.0.113.5', 0)"
    async with local(trusted_proxies=["127.0.0.1"]) as server:
        assert await converse(server, V1, additional_headers=headers) == "ws ('192.0.2.1', 56324)"


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("sent", [b"", V1[:20], inet(TLV)[:20], V1, V1 + b"GET"])
async def test_open_timeout_bounds_the_header_and_what_follows(sent, scheme, contexts):
    async with local(ssl=contexts[0] if scheme == "wss" else None, open_timeout=0.1) as server:
        assert await ended(server, sent) == b""


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("sent", [b"", V1[:20], V1])
async def test_close_does_not_wait_for_the_header(sent, scheme, contexts):
    server = await local(ssl=contexts[0] if scheme == "wss" else None, open_timeout=None)
    reader, writer = await asyncio.open_connection(*address_of(server))
    writer.write(sent)
    while not (server._unidentified or server._all_connections):
        await asyncio.sleep(0.001)
    server.close()
    await server.wait_closed()
    with suppress(ConnectionError):
        assert (await reader.read())[:12] in (b"", b"HTTP/1.1 503")
    writer.close()


@tls
@pytest.mark.parametrize("sent", [V1[:20], V1, V1 + b"\x16\x03\x01", V1 + b"no TLS at all, but HTTP\r\n\r\n"])
async def test_peers_that_leave_leave_nothing_behind(sent, contexts):
    async with local(ssl=contexts[0]) as server:
        _, writer = await asyncio.open_connection(*address_of(server))
        writer.write(sent)
        while not server._unidentified:
            await asyncio.sleep(0.001)
        writer.close()
        while server._unidentified or server._all_connections or server._tasks:
            await asyncio.sleep(0.001)


@tls
async def test_many_connections_at_once(contexts):
    serving, trusting = contexts
    async with local(ssl=serving) as server:
        clients = [
            converse(server, header, scheme="wss", ssl=trusting) for header, _ in list(HEADERS.values())[:8]
        ]
        assert len(await asyncio.gather(*clients)) == 8


@tls
async def test_server_that_closes_says_so_to_the_client(contexts):
    serving, trusting = contexts
    server = await local(ssl=serving)
    sock = socket.create_connection(address_of(server))
    sock.sendall(V1)
    sock.setblocking(False)
    uri = f"wss://127.0.0.1:{address_of(server)[1]}/"
    async with connect(uri, sock=sock, ssl=trusting, server_hostname="127.0.0.1") as ws:
        assert await ws.recv() == "wss ('192.0.2.1', 56324)"
        server.close()
        with pytest.raises(ConnectionClosed) as closed:
            await ws.recv()
        assert closed.value.rcvd.code == 1001
    await server.wait_closed()


@pytest.mark.skipif(sys.platform == "win32", reason="no Unix sockets")
@pytest.mark.parametrize("trusted", [None, ["unix"]])
async def test_unix_socket(trusted, contexts):
    serving, trusting = contexts
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/s"
        async with unix_serve(describe, path, proxy_protocol=True, trusted_proxies=trusted, ssl=serving):
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(path)
            sock.sendall(inet(TLV))
            sock.setblocking(False)
            async with unix_connect(
                uri="wss://localhost/", sock=sock, ssl=trusting, server_hostname="localhost"
            ) as ws:
                assert await ws.recv() == "wss ('192.0.2.1', 56324)"


class AsOnWindows(asyncio.Protocol):
    """Reads ahead, and passes what it has read on piece by piece, as Windows' default loop does."""

    def __init__(self, header):
        self.header = header

    def connection_made(self, transport):
        self.header.connection_made(transport)

    def data_received(self, data):
        asyncio.protocols._feed_data_to_buffered_proto(self.header, data)

    def connection_lost(self, exc):
        self.header.connection_lost(exc)


async def test_request_read_together_with_the_proxy_header_is_handled():
    async with local() as server:
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(
            lambda: AsOnWindows(server._make_header_protocol(None, {})), "127.0.0.1", 0
        )
        reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
        request = open_request(parse_uri("ws://127.0.0.1/"), new_key()).serialize()
        writer.write(V1 + request)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        assert b"ws ('192.0.2.1', 56324)" in await reader.read(100)
        writer.close()
        listening.close()


@pytest.mark.skipif(sys.platform != "win32", reason="for Windows")
async def test_windows_says_that_it_cannot(contexts):
    with pytest.raises(NotImplementedError, match="selector event loop"):
        await local(ssl=contexts[0])

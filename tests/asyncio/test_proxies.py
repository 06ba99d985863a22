"""A client connects through a proxy: HTTP CONNECT and SOCKS, with a real one."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
import sys

import pytest
from both_ends import address, local

from wsframe.asyncio import InvalidProxy, InvalidProxyMessage, InvalidProxyStatus, ProxyError, connect

SCHEMES = ["http", "socks4", "socks4a", "socks5", "socks5h"]


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("ws", "wss", "http", "https", "socks", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name.upper()}_PROXY", raising=False)


@contextlib.asynccontextmanager
async def proxy(user=""):
    pytest.importorskip("python_socks")
    pproxy = pytest.importorskip("pproxy")
    seen = []
    server = pproxy.Server("http+socks4+socks5://127.0.0.1:0" + (f"#{user}" if user else ""))
    listening = await server.start_server({"rserver": [], "verbose": seen.append})
    try:
        yield listening.sockets[0].getsockname()[1], seen
    finally:
        listening.close()


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def converse(**options):
    async with local(echo) as server, connect(address(server), **options) as ws:
        await ws.send("through")
        assert await ws.recv() == "through"


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_connection_goes_through_the_given_proxy(scheme):
    async with proxy() as (port, seen):
        await converse(proxy=f"{scheme}://127.0.0.1:{port}")
        assert len(seen) == 1


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_proxy_credentials_are_sent(scheme):
    async with proxy(user="ann:secret") as (port, seen):
        await converse(proxy=f"{scheme}://ann:secret@127.0.0.1:{port}")
        assert len(seen) == 1


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_server_that_is_not_a_proxy_raises_proxy_error(scheme):
    pytest.importorskip("python_socks")
    async with local(echo) as server:  # it speaks HTTP, and connects to nobody
        port = server.sockets[0].getsockname()[1]
        text = "proxy rejected connection: HTTP 405|failed to connect to SOCKS proxy"
        with pytest.raises(ProxyError, match=text) as refused:
            await connect("ws://127.0.0.1:1/", proxy=f"{scheme}://127.0.0.1:{port}")
        assert isinstance(refused.value, InvalidProxyStatus) is (scheme == "http")


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("ws_proxy", "http"), ("socks_proxy", "http"), ("https_proxy", "http"), ("http_proxy", "http")],
)
async def test_proxy_is_taken_from_the_environment(name, scheme, monkeypatch):
    async with proxy() as (port, seen):
        monkeypatch.setenv(name, f"{scheme}://127.0.0.1:{port}")
        await converse()
        assert len(seen) == 1
        await converse(proxy=None)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        await converse()
        assert len(seen) == 1


async def test_proxy_is_not_used_with_a_given_socket(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with local(echo) as server:
        sock = socket.create_connection(server.sockets[0].getsockname())
        async with connect(address(server), sock=sock) as ws:
            await ws.send("direct")
            assert await ws.recv() == "direct"


@pytest.mark.parametrize("wrong", ["127.0.0.1:80", "ftp://127.0.0.1", "http://", "socks5://u@"])
def test_invalid_proxy_uri_raises_invalid_proxy(wrong):
    with pytest.raises(InvalidProxy):
        connect("ws://127.0.0.1/", proxy=wrong)


@pytest.mark.parametrize("wrong", [False, 5, b"http://127.0.0.1"])
def test_proxy_of_a_wrong_type_raises_type_error(wrong):
    with pytest.raises(TypeError, match="proxy must be str, True or None"):
        connect("ws://127.0.0.1/", proxy=wrong)


class Scripted:
    """A proxy that says what it is told, on TLS where it has a context."""

    def __init__(self, response, context=None):
        self.response, self.context = response, context
        self.requests = []

    async def _converse(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            request = await reader.readuntil(b"\r\n\r\n")
            self.requests.append(request.decode())
            if self.response is not None:
                writer.write(self.response)
                writer.close()
                return
            host, port = request.split()[1].decode().rsplit(":", 1)
            there, onward = await asyncio.open_connection(host, int(port))
            writer.write(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
            await asyncio.gather(self._pump(reader, onward), self._pump(there, writer))

    async def _pump(self, reader, writer):
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(2**16):
                writer.write(data)
        writer.close()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._converse, "127.0.0.1", 0, ssl=self.context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc):
        self._server.close()


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"hello\r\n\r\n",
        b"HTTP/1.1 200\r\nbad field\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nearly",
        b"H" * 2**17,
    ],
    ids=["nothing", "no HTTP", "bad field", "early data", "too large"],
)
async def test_invalid_proxy_response_raises_invalid_proxy_message(response):
    async with Scripted(response) as scripted:
        with pytest.raises(InvalidProxyMessage, match="did not receive a valid HTTP response from proxy"):
            await connect("ws://127.0.0.1:1/", proxy=f"http://127.0.0.1:{scripted.port}")


async def test_refusal_of_a_proxy_has_its_response():
    async with Scripted(b"HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic\r\n\r\nbody") as scripted:
        with pytest.raises(InvalidProxyStatus, match="proxy rejected connection: HTTP 407") as refused:
            await connect(
                "ws://[::1]:80/",
                proxy=f"http://a%40b:c@127.0.0.1:{scripted.port}",
                user_agent_header="test/1",
            )
    assert refused.value.response.headers["Proxy-Authenticate"] == "Basic"
    token = base64.b64encode(b"a@b:c").decode()
    request = "CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\nUser-Agent: test/1\r\n"
    assert scripted.requests == [request + f"Proxy-Authorization: Basic {token}\r\n\r\n"]


@pytest.mark.parametrize("scheme", ["ws", "wss"])
@pytest.mark.parametrize("proxy_scheme", ["http", "https"])
async def test_tls_works_to_the_proxy_and_to_the_server(scheme, proxy_scheme, contexts):
    if (scheme, proxy_scheme) == ("wss", "https") and sys.version_info < (3, 11):
        pytest.skip("asyncio has no TLS in TLS")
    serving, trusting = contexts
    options = {"proxy_ssl": trusting} if proxy_scheme == "https" else {}
    async with (
        Scripted(None, serving if proxy_scheme == "https" else None) as scripted,
        local(echo, ssl=serving if scheme == "wss" else None) as server,
        connect(
            address(server).replace("ws", scheme, 1),
            ssl=trusting if scheme == "wss" else None,
            proxy=f"{proxy_scheme}://127.0.0.1:{scripted.port}",
            **options,
        ) as ws,
    ):
        await ws.send("through")
        assert await ws.recv() == "through"
        await ws.send("a" * 2**18)
        assert len(await ws.recv()) == 2**18
        await ws.close()
    assert len(scripted.requests) == 1


def test_proxy_ssl_not_matching_the_scheme_raises_value_error():
    for scheme in ("http", "socks5"):
        with pytest.raises(ValueError, match=f"proxy_ssl argument is incompatible with an {scheme}:// proxy"):
            connect("ws://127.0.0.1/", proxy=f"{scheme}://127.0.0.1", proxy_ssl=True)
    with pytest.raises(ValueError, match="proxy_ssl=None is incompatible with an https:// proxy"):
        connect("ws://127.0.0.1/", proxy="https://127.0.0.1", proxy_ssl=None)


async def test_options_of_an_unused_proxy_are_ignored(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    await converse(proxy_ssl=True, proxy=None)

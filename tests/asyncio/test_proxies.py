"""A client connects through a proxy: HTTP CONNECT and SOCKS, with a real one."""

from __future__ import annotations

import contextlib
import socket

import pytest
from both_ends import address, local

from wsframe.asyncio import InvalidProxy, ProxyError, connect

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


async def talk(**options):
    async with local(echo) as server, connect(address(server), **options) as ws:
        await ws.send("through")
        assert await ws.recv() == "through"


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_proxy_that_is_named(scheme):
    async with proxy() as (port, seen):
        await talk(proxy=f"{scheme}://127.0.0.1:{port}")
        assert len(seen) == 1


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_with_a_password(scheme):
    async with proxy(user="ann:secret") as (port, seen):
        await talk(proxy=f"{scheme}://ann:secret@127.0.0.1:{port}")
        assert len(seen) == 1


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_what_is_no_proxy_is_a_proxy_error(scheme):
    pytest.importorskip("python_socks")
    async with local(echo) as server:  # it speaks HTTP, and connects to nobody
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ProxyError, match=r"failed to connect to (HTTP|SOCKS) proxy"):
            await connect("ws://127.0.0.1:1/", proxy=f"{scheme}://127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("ws_proxy", "http"), ("socks_proxy", "http"), ("https_proxy", "http"), ("http_proxy", "http")],
)
async def test_a_proxy_of_the_environment(name, scheme, monkeypatch):
    async with proxy() as (port, seen):
        monkeypatch.setenv(name, f"{scheme}://127.0.0.1:{port}")
        await talk()
        assert len(seen) == 1
        await talk(proxy=None)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        await talk()
        assert len(seen) == 1


async def test_a_socket_of_the_user_needs_no_proxy(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with local(echo) as server:
        sock = socket.create_connection(server.sockets[0].getsockname())
        async with connect(address(server), sock=sock) as ws:
            await ws.send("direct")
            assert await ws.recv() == "direct"


@pytest.mark.parametrize(
    "wrong", ["127.0.0.1:80", "ftp://127.0.0.1", "https://127.0.0.1", "http://", "socks5://u@"]
)
def test_what_is_no_address_of_a_proxy(wrong):
    with pytest.raises(InvalidProxy):
        connect("ws://127.0.0.1/", proxy=wrong)


@pytest.mark.parametrize("wrong", [False, 5, b"http://127.0.0.1"])
def test_a_proxy_of_a_wrong_type(wrong):
    with pytest.raises(TypeError, match="proxy must be str, True or None"):
        connect("ws://127.0.0.1/", proxy=wrong)

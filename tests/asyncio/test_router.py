"""`route`: a handler for each path."""

from __future__ import annotations

import ssl
import sys

import pytest
from both_ends import address

from wsframe.asyncio import InvalidStatus, Router, connect, route, unix_connect, unix_route

werkzeug = pytest.importorskip("werkzeug")
from werkzeug.routing import Map, Rule  # noqa: E402


async def repeat(ws, times):
    await ws.send((await ws.recv()) * times)


async def tell_path(ws):
    await ws.send(ws.request.path)


def paths():
    return Map(
        [
            Rule("/", endpoint=tell_path),
            Rule("/old", redirect_to="/"),
            Rule("/repeat", defaults={"times": 1}, endpoint=repeat),
            Rule("/repeat/<int:times>", endpoint=repeat),
        ]
    )


async def redirect_of(uri):
    class Direct(connect):
        def process_redirect(self, exc):
            return exc

    with pytest.raises(InvalidStatus) as refused:
        await Direct(uri)
    assert refused.value.response.status_code == 302
    return refused.value.response.headers["Location"]


async def test_paths_select_handlers_and_their_arguments():
    async with route(paths(), "127.0.0.1", 0) as server:
        for path, reply in (("/repeat", "ab"), ("/repeat/3", "ababab"), ("/repeat/2?x=/repeat/9", "abab")):
            async with connect(address(server) + path) as ws:
                await ws.send("ab")
                assert await ws.recv() == reply
                await ws.wait_closed()
        async with connect(address(server) + "/?a=b") as ws:
            assert await ws.recv() == "/?a=b"
        with pytest.raises(InvalidStatus, match="404"):
            await connect(address(server) + "/none")
        with pytest.raises(InvalidStatus, match="404"):
            await connect(address(server) + "/repeat/two")


async def test_redirects_use_the_server_address_that_clients_see():
    async with route(paths(), "127.0.0.1", 0) as server, connect(address(server) + "/old") as ws:
        assert await ws.recv() == "/"
    async with route(paths(), "127.0.0.1", 0, ssl=True) as server:
        location = address(server).replace("ws://", "wss://") + "/"
        assert await redirect_of(address(server) + "/old") == location
    async with route(paths(), "127.0.0.1", 0, server_name="other.example:8443") as server:
        assert await redirect_of(address(server) + "/old") == "ws://other.example:8443/"


async def test_redirects_over_tls_are_followed():
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    context, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    authority.configure_trust(trusting)
    async with route(paths(), "127.0.0.1", 0, ssl=context) as server:
        uri = address(server).replace("ws://", "wss://")
        async with connect(uri + "/old", ssl=trusting) as ws:
            assert await ws.recv() == "/"


@pytest.mark.parametrize("waits", [False, True])
async def test_process_request_runs_before_routing(waits):
    def check(connection, request):
        if "Token" not in request.headers:
            return connection.respond(403, "no token")
        connection.token = request.headers["Token"]
        return None

    async def check_later(connection, request):
        return check(connection, request)

    options = {"process_request": check_later if waits else check}
    async with route(paths(), "127.0.0.1", 0, **options) as server:
        for path in ("/", "/none"):
            with pytest.raises(InvalidStatus, match="403"):
                await connect(address(server) + path)
        async with connect(address(server), additional_headers={"Token": "t"}) as ws:
            assert await ws.recv() == "/"


async def test_custom_router_class_is_used():
    class Marking(Router):
        def not_found(self, connection):
            return connection.respond(410, "gone")

        async def handler(self, connection):
            await connection.send("first")
            await super().handler(connection)

    async with route(paths(), "127.0.0.1", 0, create_router=Marking) as server:
        async with connect(address(server)) as ws:
            assert [await ws.recv(), await ws.recv()] == ["first", "/"]
        with pytest.raises(InvalidStatus, match="410"):
            await connect(address(server) + "/none")


@pytest.mark.skipif(sys.platform == "win32", reason="no Unix sockets")
async def test_unix_route_serves_on_a_unix_socket(tmp_path):
    path = str(tmp_path / "socket")
    async with unix_route(paths(), path), unix_connect(path, "ws://localhost/repeat/2") as ws:
        await ws.send("ab")
        assert await ws.recv() == "abab"


def test_missing_werkzeug_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "werkzeug.routing", None)
    with pytest.raises(ImportError, match=r"wsframe\[router\]"):
        route(paths(), "127.0.0.1", 0)

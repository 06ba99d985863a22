"""`route` for threads: a handler for each path."""

from __future__ import annotations

import socket
import sys

import pytest
from threaded_ends import client, port_of, serving

from wsframe.sync import InvalidStatus, Router, route, unix_connect, unix_route

werkzeug = pytest.importorskip("werkzeug")
from werkzeug.routing import Map, Rule  # noqa: E402


def repeat(ws, times):
    ws.send(ws.recv() * times)


def tell_path(ws):
    ws.send(ws.request.path)


def paths():
    return Map(
        [
            Rule("/", endpoint=tell_path),
            Rule("/old", redirect_to="/"),
            Rule("/repeat", defaults={"times": 1}, endpoint=repeat),
            Rule("/repeat/<int:times>", endpoint=repeat),
        ]
    )


@pytest.fixture
def routing():
    def start(**options):
        return serving(route(paths(), "127.0.0.1", 0, **options))

    return start


def test_paths_select_handlers_and_their_arguments(routing):
    with routing() as server:
        for path, reply in (("/repeat", "ab"), ("/repeat/3", "ababab"), ("/repeat/2?x=/repeat/9", "abab")):
            with client(server, path) as ws:
                ws.send("ab")
                assert ws.recv() == reply
        with client(server, "/?a=b") as ws:
            assert ws.recv() == "/?a=b"
        for path in ("/none", "/repeat/two"):
            with pytest.raises(InvalidStatus, match="404"):
                client(server, path)


@pytest.mark.parametrize(
    ("options", "target"),
    [({"server_name": "example.com:99"}, "ws://example.com:99/"), ({"ssl": True}, "wss://127.0.0.1:{}/")],
)
def test_redirects_lead_to_the_server_as_clients_see_it(routing, options, target):
    with routing(**options) as server:
        sock = socket.create_connection(("127.0.0.1", port_of(server)))  # so that it is not followed
        with pytest.raises(ValueError, match="preexisting socket") as refused:
            client(server, "/old", sock=sock)
        response, port = refused.value.__cause__.response, port_of(server)
    assert response.status_code == 302
    assert response.headers["Location"] == target.format(port)


def test_process_request_comes_first(routing):
    def refuse(ws, request):
        return ws.respond(403, "no") if "secret" in request.path else None

    with routing(process_request=refuse) as server:
        with pytest.raises(InvalidStatus, match="403"):
            client(server, "/secret")
        with client(server, "/repeat") as ws:
            ws.send("ab")
            assert ws.recv() == "ab"


def test_a_router_of_ones_own(routing):
    class Mine(Router):
        def not_found(self, connection):
            return connection.respond(410, "gone")

    with routing(create_router=Mine) as server, pytest.raises(InvalidStatus, match="410"):
        client(server, "/none")


@pytest.mark.skipif(sys.platform == "win32", reason="Unix sockets")
def test_unix_sockets_have_paths_too(tmp_path):
    path = str(tmp_path / "socket")
    with serving(unix_route(paths(), path)), unix_connect(path, "ws://localhost/repeat/2") as ws:
        ws.send("ab")
        assert ws.recv() == "abab"


def test_wrong_url_map_is_a_type_error():
    with pytest.raises(TypeError, match=r"^url_map must be a werkzeug\.routing\.Map, not str$"):
        route("/path", "127.0.0.1", 0)

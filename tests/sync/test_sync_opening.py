"""The opening handshake: what an application decides, and what goes wrong."""

from __future__ import annotations

import base64
import logging
import re
import socket
import threading

import pytest
from threaded_ends import TIME, client, echo, port_of, uri_of

from wsframe import encode_text, sync
from wsframe.handshake import new_key, open_request, parse_uri
from wsframe.sync import (
    ClientConnection,
    InvalidHeader,
    InvalidMessage,
    InvalidProxy,
    InvalidStatus,
    InvalidURI,
    NegotiationError,
    Response,
    ServerConnection,
    State,
    basic_auth,
    connect,
    serve,
    unix_connect,
    unix_serve,
)


def refused(server, **options) -> Response:
    with pytest.raises(InvalidStatus) as raised:
        client(server, **options)
    return raised.value.response


def test_both_connections_have_request_response_and_subprotocol(running):
    seen = []

    def handler(ws):
        seen.append(ws)
        echo(ws)

    server = running(handler, subprotocols=["b", "a"], additional_headers={"X-More": "1"}, server_header="me")
    with client(server, "/path?query", subprotocols=["a", "b"], origin="http://here") as ws:
        ws.send("hello")
        ws.recv()
        (theirs,) = server.connections
        assert isinstance(ws, ClientConnection)
        assert isinstance(theirs, ServerConnection)
        assert ws.subprotocol == theirs.subprotocol == "b"
        assert ws.request.path == theirs.request.path == "/path?query"
        assert ws.response.status_code == theirs.response.status_code == 101
        assert ws.response.headers["X-More"] == "1"
        assert ws.response.headers["Server"] == "me"
        assert theirs.request.headers["Origin"] == "http://here"
        assert ws.local_address == theirs.remote_address
        assert ws.remote_address == theirs.local_address == server.socket.getsockname()
        assert ws.id != theirs.id
        assert ws.state is theirs.state is State.OPEN
        assert ws.close_code is None
        assert ws.close_reason is None
        assert ws.protocol.compresses
        assert ws.logger.name == "wsframe.client"
        assert theirs.logger.name == "wsframe.server"
        assert theirs.server is server
        ws.note = "of the application"
    assert (ws.state, ws.close_code, ws.close_reason) == (State.CLOSED, 1000, "")


def test_frames_behind_the_request(running):
    server = running(echo)
    with socket.create_connection(server.socket.getsockname()) as sock:
        request = open_request(parse_uri(uri_of(server)), new_key()).serialize()
        sock.sendall(request + encode_text("early", masked=True))
        got = b""
        while b"early" not in got:
            data = sock.recv(4096)
            assert data
            got += data


def test_headers_of_the_client(running):
    server = running(echo)
    headers = [("X-A", "1"), ("X-A", "2"), ("User-Agent", "mine")]
    with client(server, additional_headers=headers) as ws:
        assert ws.request.headers.get_all("X-A") == ["1", "2"]
        assert ws.request.headers["User-Agent"] == "mine"
    with client(server, user_agent_header=None) as ws:
        assert "User-Agent" not in ws.request.headers


def test_process_request(running):
    def process_request(ws, request):
        assert ws.state is State.CONNECTING
        if request.path == "/health":
            return ws.respond(200, "OK\n")
        ws.seen = request.path
        return None

    server = running(lambda ws: ws.send(ws.seen), process_request=process_request)
    with client(server, "/path") as ws:
        assert ws.recv() == "/path"
    with pytest.raises(InvalidStatus) as raised:
        client(server, "/health")
    assert raised.value.response.status_code == 200
    assert raised.value.response.body == b"OK\n"


def test_process_response(running):
    def process_response(ws, request, response):
        response.headers["X-Seen"] = "yes"
        if request.path == "/other":
            return Response(418, headers=response.headers if response.status_code != 101 else ())
        return None

    server = running(echo, process_response=process_response)
    with client(server) as ws:
        assert ws.response.headers["X-Seen"] == "yes"
    with pytest.raises(InvalidStatus, match="418"):
        client(server, "/other")


@pytest.mark.parametrize("name", ["process_request", "process_response", "select_subprotocol"])
@pytest.mark.parametrize("how", ["raises", "wrong"])
def test_functions_of_the_application_that_fail(running, caplog, name, how):
    def fail(*args):
        if how == "raises":
            raise RuntimeError("BOOM")
        return 1

    response = refused(running(echo, **{name: fail}))
    assert response.status_code == 500
    assert "failed" in caplog.text


def test_select_subprotocol(running):
    def select(ws, offered):
        assert offered == ["a", "b"]
        return "b"

    with client(running(echo, select_subprotocol=select), subprotocols=["a", "b"]) as ws:
        assert ws.subprotocol == "b"

    def refuse(ws, offered):
        raise NegotiationError("none of them")

    assert refused(running(echo, select_subprotocol=refuse)).status_code == 400


def test_origins(running):
    server = running(echo, origins=["http://a", re.compile("http://b[0-9]")])
    for origin in ("http://a", "http://b1"):
        client(server, origin=origin).close()
    assert refused(server, origin="http://c").status_code == 403
    assert refused(server).status_code == 403


@pytest.mark.parametrize(
    ("credentials", "status"),
    [("user:right", 101), ("user:wrong", 401), ("other:right", 401), (None, 401)],
)
def test_basic_auth(running, credentials, status):
    server = running(lambda ws: ws.send(ws.username), process_request=basic_auth("x", ("user", "right")))
    headers = {}
    if credentials is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(credentials.encode()).decode()
    if status == 101:
        with client(server, additional_headers=headers) as ws:
            assert ws.recv() == "user"
    else:
        response = refused(server, additional_headers=headers)
        assert response.status_code == status
        assert response.headers["WWW-Authenticate"].startswith('Basic realm="x"')


def test_basic_auth_by_a_function(running):
    check = basic_auth(check_credentials=lambda name, password: name == password)
    server = running(echo, process_request=check)
    with connect(f"ws://me:me@127.0.0.1:{port_of(server)}/", proxy=None):
        pass
    with pytest.raises(InvalidStatus, match="401"):
        connect(f"ws://me:you@127.0.0.1:{port_of(server)}/", proxy=None)
    with pytest.raises(ValueError, match="either"):
        basic_auth()


def test_a_handler_that_fails(running, caplog):
    def handler(ws):
        raise RuntimeError("BOOM")

    with client(running(handler)) as ws:
        with pytest.raises(sync.ConnectionClosedError) as raised:
            ws.recv()
        assert raised.value.rcvd.code == 1011
    assert "connection handler failed" in caplog.text


def test_a_handler_that_ends_by_the_end_of_the_connection_is_no_failure(running, caplog):
    def handler(ws):
        while True:
            ws.recv()

    with client(running(handler)) as ws:
        ws.send("message")
    assert caplog.text == ""


def test_invalid_http_requests_are_refused(running):
    server = running(echo)
    with socket.create_connection(server.socket.getsockname()) as sock:
        sock.sendall(b"HELLO / HTTP\r\n\r\n")
        assert sock.recv(4096).startswith(b"HTTP/1.1 400 ")
    with socket.create_connection(server.socket.getsockname()) as sock:
        sock.sendall(b"HELLO\r\n")
        assert sock.recv(4096) == b""
    with socket.create_connection(server.socket.getsockname()):
        pass


def test_a_request_that_does_not_come(running):
    server = running(echo, open_timeout=0.1)
    with socket.create_connection(server.socket.getsockname()) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n")
        assert sock.recv(4096) == b""


def once(response: bytes, in_thread):
    """A server that gives one response, and the function that waits for it."""
    listening = socket.create_server(("127.0.0.1", 0))

    def run():
        with listening, listening.accept()[0] as sock:
            sock.recv(4096)
            sock.sendall(response)
            while sock.recv(4096):
                pass

    return "ws://{}:{}/".format(*listening.getsockname()), in_thread(run)


@pytest.mark.parametrize(
    ("response", "error", "match"),
    [
        (b"220 hello\r\n", InvalidMessage, "HTTP"),
        (b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", InvalidStatus, "410"),
        (b"HTTP/1.1 403 No\r\n\r\nwithout an end", InvalidStatus, "403"),
        (b"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\n\r\n", InvalidHeader, "Connection"),
    ],
)
def test_responses_that_open_nothing(in_thread, response, error, match):
    uri, done = once(response, in_thread)
    with pytest.raises(error, match=match):
        connect(uri, proxy=None)
    done()


def test_a_server_that_is_silent():
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        pytest.raises(TimeoutError, match="timed out while waiting for handshake response"),
    ):
        connect("ws://{}:{}/".format(*listening.getsockname()), proxy=None, open_timeout=0.1)


def test_connecting_to_a_closed_port_raises():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        uri = "ws://{}:{}/".format(*listening.getsockname())
    with pytest.raises(ConnectionRefusedError):
        connect(uri, proxy=None)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"subprotocols": "chat"}, TypeError, "subprotocols must be a list, not a str"),
        ({"compression": False}, ValueError, "unsupported compression: False"),
        ({"compression": "gzip"}, ValueError, "unsupported compression"),
        ({"open_timeout": -1}, ValueError, "open_timeout"),
        ({"ping_interval": 0}, ValueError, "ping_interval"),
        ({"ping_timeout": "1"}, TypeError, "ping_timeout"),
        ({"close_timeout": -1}, ValueError, "close_timeout"),
        ({"max_size": -1}, ValueError, "max_size"),
        ({"max_queue": -1}, ValueError, "max_queue"),
        ({"create_connection": 1}, TypeError, "create_connection"),
        ({"ssl": object()}, ValueError, "ws:// URI"),
        ({"proxy": "other://x"}, InvalidProxy, "scheme other isn't supported"),
        ({"additional_headers": {"Upgrade": "x"}}, ValueError, "not for the application"),
        ({"no_such_option": 1}, TypeError, "no_such_option"),
    ],
)
def test_options_of_connect_that_are_wrong(options, error, match):
    with pytest.raises(error, match=match):
        connect("ws://127.0.0.1:9/", **{"proxy": None, **options})


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"subprotocols": "chat"}, TypeError, "subprotocols must be a list, not a str"),
        ({"compression": False}, ValueError, "unsupported compression: False"),
        ({"process_request": 1}, TypeError, "process_request"),
        ({"process_response": 1}, TypeError, "process_response"),
        ({"select_subprotocol": 1}, TypeError, "select_subprotocol"),
        ({"origins": "http://a"}, TypeError, "origins"),
        ({"max_head": 0}, ValueError, "max_head"),
        ({"handler": None}, TypeError, "handler must be a function"),
        ({"no_such_option": 1}, TypeError, "no_such_option"),
    ],
)
def test_options_of_serve_that_are_wrong(options, error, match):
    with pytest.raises(error, match=match):
        serve(**{"handler": echo, "host": "127.0.0.1", **options})


def test_arguments_that_exclude_each_other():
    with socket.socket() as sock:
        for options in ({"host": "127.0.0.1"}, {"port": 0}):
            with pytest.raises(ValueError, match="is incompatible with sock"):
                serve(echo, sock=sock, **options)
        with pytest.raises(ValueError, match="path is incompatible with sock"):
            unix_serve(echo, "path", sock=sock)
        with pytest.raises(ValueError, match="path is incompatible with sock"):
            unix_connect("path", sock=sock)
    with pytest.raises(ValueError, match="missing path argument"):
        unix_serve(echo)
    with pytest.raises(ValueError, match="missing path argument"):
        unix_connect()
    with pytest.raises(InvalidURI):
        connect("http://127.0.0.1/")


def test_connections_of_the_application(running):
    class Ours(ServerConnection):
        pass

    class Theirs(ClientConnection):
        pass

    server = running(lambda ws: ws.send(type(ws).__name__), create_connection=Ours)
    with client(server, create_connection=Theirs) as ws:
        assert ws.recv() == "Ours"
        assert type(ws) is Theirs


def test_logger_of_the_application(running):
    logger = logging.getLogger("mine")
    server = running(echo, logger=logger)
    assert server.logger is logger
    with client(server, logger=logger) as ws:
        assert ws.logger is logger


def test_close_in_process_request(running):
    done = threading.Event()

    def process_request(ws, request):
        ws.close()
        assert (ws.state, ws.close_code, ws.close_reason) == (State.CLOSED, 1006, "")
        done.set()

    with pytest.raises(InvalidMessage):
        client(running(echo, process_request=process_request))
    assert done.wait(TIME)


@pytest.mark.parametrize("server_header", ["mine/1", None])
def test_refusals_have_the_server_header(running, server_header):
    def process_request(connection, request):
        return connection.respond(404, "none") if request.path == "/none" else None

    server = running(
        echo, server_header=server_header, origins=["https://a"], process_request=process_request
    )
    for path, status in (("/none", 404), ("/", 403)):
        response = refused(server, path=path)
        assert response.status_code == status
        assert response.headers.get("Server") == server_header

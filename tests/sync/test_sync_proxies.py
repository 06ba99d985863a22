"""A client connects through a proxy: HTTP CONNECT, on TLS or not, and SOCKS."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from contextlib import suppress

import pytest
from threaded_ends import client, echo, port_of, uri_of

from wsframe.sync import (
    InvalidProxy,
    InvalidProxyMessage,
    InvalidProxyStatus,
    ProxyError,
    connect,
)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("ws", "wss", "http", "https", "socks", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name.upper()}_PROXY", raising=False)


class Proxy:
    """A proxy for one connection, in a thread."""

    def __init__(self, context=None, response=None):
        self._context = context
        self._response = response
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.head = b""
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        with suppress(OSError):  # it may still accept
            socket.create_connection(self._listening.getsockname()).close()
        self._listening.close()
        self._thread.join()

    def _run(self):
        sock = self._listening.accept()[0]
        with sock, suppress(OSError):
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True)
            there = self._asked_for(sock)
            if there is not None:
                with there:
                    self._relay(sock, there)
            sock.close()

    def _asked_for(self, sock):
        while not self.head.endswith(b"\r\n\r\n"):
            data = sock.recv(1)
            if not data:
                return None
            self.head += data
        if self._response is not None:
            sock.sendall(self._response)
            return None
        host, port = self.head.split()[1].decode().rsplit(":", 1)
        there = socket.create_connection((host, int(port)))
        sock.sendall(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
        return there

    def _relay(self, sock, there):
        back = threading.Thread(target=self._pump, args=(there, sock))
        back.start()
        self._pump(sock, there)
        back.join()

    def _pump(self, here, there):
        with suppress(OSError):
            while data := here.recv(2**16):
                there.sendall(data)
        with suppress(OSError):
            there.shutdown(socket.SHUT_WR)


class Socks(Proxy):
    """Speaks SOCKS5 without passwords."""

    def _asked_for(self, sock):
        if sock.recv(64)[:1] != b"\x05":
            return None
        sock.sendall(b"\x05\x00")
        request = sock.recv(512)
        self.head = request
        by_name = request[3] == 3
        host = request[5 : 5 + request[4]].decode() if by_name else socket.inet_ntoa(request[4:8])
        there = socket.create_connection((host, int.from_bytes(request[-2:], "big")))
        sock.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
        return there


def converse(server, **options):
    with connect(uri_of(server), **options) as ws:
        ws.send("through")
        assert ws.recv() == "through"
        assert ws.ping().wait(30)


def test_http(running):
    with Proxy() as proxy:
        converse(running(echo), proxy=f"http://ann:secret@127.0.0.1:{proxy.port}", user_agent_header="me")
    head = proxy.head.decode()
    assert "User-Agent: me" in head
    assert base64.b64encode(b"ann:secret").decode() in head


def test_https_and_wss_through_it(running, contexts):
    theirs, ours = contexts
    with Proxy(theirs) as proxy:
        converse(running(echo), proxy=f"https://127.0.0.1:{proxy.port}", proxy_ssl=ours)
    server = running(echo, ssl=theirs)
    with Proxy(theirs) as proxy:
        options = {"proxy": f"https://localhost:{proxy.port}", "proxy_ssl": ours, "ssl": ours}
        with connect(
            f"wss://localhost:{port_of(server)}/", proxy_server_hostname="127.0.0.1", **options
        ) as ws:
            message = bytes(range(256)) * 3000
            ws.send(message)
            assert ws.recv() == message
            assert ws.socket.version().startswith("TLS")


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_socks(running, scheme):
    pytest.importorskip("python_socks")
    with Socks() as proxy:
        converse(running(echo), proxy=f"{scheme}://127.0.0.1:{proxy.port}")
    assert proxy.head[:3] == b"\x05\x01\x00"


def test_the_proxy_of_the_environment(running, monkeypatch):
    server = running(echo)
    with Proxy() as proxy:
        monkeypatch.setenv("ws_proxy", f"http://127.0.0.1:{proxy.port}")
        converse(server)
    assert proxy.head
    client(server).close()  # proxy=None
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    converse(server)


@pytest.mark.parametrize(
    ("response", "error", "match"),
    [
        (b"HTTP/1.1 407 Who are you\r\n\r\n", InvalidProxyStatus, "407"),
        (b"220 hello\r\n", InvalidProxyMessage, "did not receive a valid HTTP response from proxy"),
        (b"", InvalidProxyMessage, "did not receive a valid HTTP response from proxy"),
    ],
)
def test_proxies_that_do_not_connect(response, error, match):
    with Proxy(response=response) as proxy, pytest.raises(error, match=match):
        connect("ws://127.0.0.1:9/", proxy=f"http://127.0.0.1:{proxy.port}")


class NoSocks(Proxy):
    def _asked_for(self, sock):
        sock.recv(64)
        sock.sendall(b"HTTP/1.1 400 What\r\n\r\n")


def test_server_that_is_not_a_socks_proxy_is_a_proxy_error():
    pytest.importorskip("python_socks")
    with NoSocks() as proxy, pytest.raises(ProxyError, match="failed to connect to SOCKS proxy"):
        connect("ws://127.0.0.1:9/", proxy=f"socks5://127.0.0.1:{proxy.port}")


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_silent_proxy_is_a_timeout(scheme):
    pytest.importorskip("python_socks")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        proxy = f"{scheme}://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(TimeoutError):
            connect("ws://127.0.0.1:9/", proxy=proxy, open_timeout=0.1)


@pytest.mark.parametrize("wrong", ["127.0.0.1:80", "ftp://127.0.0.1", "http://", "socks5://u@"])
def test_invalid_proxy_address_raises_invalid_proxy(wrong):
    with pytest.raises(InvalidProxy):
        connect("ws://127.0.0.1:9/", proxy=wrong)


@pytest.mark.parametrize("wrong", [False, 5, b"http://127.0.0.1"])
def test_proxy_of_a_wrong_type_is_a_type_error(wrong):
    with pytest.raises(TypeError, match="proxy must be str, True or None"):
        connect("ws://127.0.0.1:9/", proxy=wrong)


def test_proxy_ssl_needs_https():
    with pytest.raises(ValueError, match="proxy_ssl argument is incompatible with an http:// proxy"):
        connect("ws://127.0.0.1:9/", proxy="http://127.0.0.1:8", proxy_ssl=ssl.create_default_context())

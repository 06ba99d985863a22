"""`wsframe.sync` behind proxies: the same options as `wsframe.asyncio`."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress

import pytest

from wsframe.sync import InvalidStatus, connect, serve

V1 = b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"


def describe(ws):
    ws.send(f"{ws.scheme} {ws.host} {ws.remote_address!r}")


@contextmanager
def local(**options):
    with serve(describe, "127.0.0.1", 0, **options) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def described(server, header=b"", scheme="ws", **options):
    sock = socket.create_connection(server.socket.getsockname())
    sock.sendall(header)
    port = str(sock.getsockname()[1])
    with connect(f"{scheme}://127.0.0.1:{server.socket.getsockname()[1]}/", sock=sock, **options) as ws:
        return ws.recv().replace(port, "PORT").replace(str(server.socket.getsockname()[1]), "HERE")


def test_forwarded():
    headers = {"X-Forwarded-For": "6.6.6.6, 192.0.2.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "a"}
    with local(trusted_proxies=["127.0.0.1"]) as server:
        assert described(server, additional_headers=headers) == "wss a ('192.0.2.1', 0)"
        assert described(server) == "ws 127.0.0.1:HERE ('127.0.0.1', PORT)"
        with pytest.raises(InvalidStatus, match="HTTP 400"):
            described(server, additional_headers={"X-Forwarded-For": "nobody"})
    with local() as server:
        assert described(server, additional_headers=headers) == "ws 127.0.0.1:HERE ('127.0.0.1', PORT)"
    with local(trusted_proxies=["127.0.0.1"], forwarded_header="Forwarded") as server:
        assert (
            described(server, additional_headers={"Forwarded": "for=192.0.2.1;host=b"})
            == "ws b ('192.0.2.1', 0)"
        )


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_proxy_protocol(scheme, contexts):
    serving, trusting = contexts
    secure = scheme == "wss"
    with local(proxy_protocol=True, ssl=serving if secure else None, open_timeout=1) as server:
        client = described(server, V1, scheme, ssl=trusting if secure else None)
        assert client == f"{scheme} 127.0.0.1:HERE ('192.0.2.1', 56324)"
        for data in (V1[:20], b"GET / HTTP/1.1\r\n\r\n"):  # the first one waits for open_timeout
            with socket.create_connection(server.socket.getsockname()) as sock:
                sock.sendall(data)
                with suppress(ConnectionError):
                    assert sock.recv(1) == b""


def test_only_trusted_proxies_may_send_it():
    with (
        local(proxy_protocol=True, trusted_proxies=["10.0.0.1"]) as server,
        socket.create_connection(server.socket.getsockname()) as sock,
    ):
        assert sock.recv(1) == b""


@pytest.mark.parametrize(
    ("error", "options"),
    [
        (TypeError, {"trusted_proxies": "127.0.0.1"}),
        (ValueError, {"trusted_proxies": ["localhost"]}),
        (ValueError, {"forwarded_header": "Via"}),
        (TypeError, {"proxy_protocol": 1}),
    ],
)
def test_options_are_checked(error, options):
    with pytest.raises(error):
        serve(describe, "127.0.0.1", 0, **options)

"""Why `wsframe connect` has opened no connection: one line, and the exit status."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("httptools")

from support.processes import environment
from test_cli_connect import serving, wsframe


def refused(*words: str, status: int = 1, **variables: str) -> str:
    """Run the command; return the line that says what is wrong."""
    done = subprocess.run(
        [sys.executable, "-m", "wsframe", "connect", *words],
        env=environment() | variables,
        input="",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    *usage, line = done.stderr.splitlines()
    assert line.startswith("wsframe") and (not usage or usage[0].startswith("usage: "))
    return line


def unused_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def closing_server(first: bytes = b"") -> Iterator[int]:
    """Run a server that reads, writes something, and closes; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def work() -> None:
            sock, _ = listening.accept()
            with sock:
                sock.recv(2**16)
                sock.sendall(first)

        thread = threading.Thread(target=work)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(20)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["http://127.0.0.1"], "http://127.0.0.1 isn't a valid URI: uri must begin with ws:// or wss://"),
        ([""], "an empty text isn't a valid URI: uri must begin with ws:// or wss://"),
        (["ws://h:99999/"], "port must be from 1 to 65535"),
        (["ws://h", "-H", "none"], "has no colon"),
        (["ws://h", "-H", "a b: c"], "is not a token"),
        (["ws://h", "-s", "a b"], "is not a token"),
        (["ws://h", "--max-size", "-1"], "from 0 on"),
        (["ws://h", "--proxy", "ftp://ann:secret@h"], "ftp://ann:***@h isn't a valid proxy"),
        (["wss://h", "--cacert", "/nonexistent"], "/nonexistent: No such file"),
        (["wss://h", "--cacert", __file__], f"{__file__}: no certificate in it"),
        (["wss://h", "--key", "key.pem"], "--cert FILE"),
        (["ws://h", "--key", "key.pem"], "--cert FILE"),
    ],
    ids=lambda value: " ".join(value)[:24] if isinstance(value, list) else "",
)
def test_wrong_command_line(words: list[str], said: str) -> None:
    assert said in refused(*words, status=2)


def test_certificate_without_its_key(tmp_path: Path) -> None:
    trustme = pytest.importorskip("trustme")
    pair = trustme.CA().issue_cert("client")
    file = tmp_path / "server.pem"
    pair.cert_chain_pems[0].write_to_path(str(file))
    said = refused("wss://h", "--cert", str(file), status=2)
    assert str(file) in said and "--key FILE" in said
    key = tmp_path / "key.pem"
    trustme.CA().issue_cert("another").private_key_pem.write_to_path(str(key))
    said = refused("wss://h", "--cert", str(file), "--key", str(key), status=2)
    assert str(file) in said and str(key) in said


def test_server_that_refuses() -> None:
    uri = f"ws://127.0.0.1:{unused_port()}"
    assert refused("--no-proxy", uri) == f"wsframe: {uri}: connection refused"


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
def test_proxy_that_refuses(scheme: str) -> None:
    pytest.importorskip("python_socks")
    proxy = f"{scheme}://ann:secret@127.0.0.1:{unused_port()}"
    shown = proxy.replace("secret", "***")
    said = f"wsframe: proxy {shown}: connection refused; --no-proxy connects directly"
    assert refused("--proxy", proxy, "ws://server.invalid") == said
    variable = "http_proxy" if scheme == "http" else "socks_proxy"
    assert refused("ws://server.invalid", no_proxy="", **{variable: proxy}) == said


def test_proxy_that_is_unknown() -> None:
    said = refused("--proxy", "http://nosuch.invalid:2", "ws://127.0.0.1:1/echo")
    assert said.startswith("wsframe: proxy http://nosuch.invalid:2: ")
    assert "/echo" not in said


def test_proxy_that_rejects() -> None:
    with closing_server(b"HTTP/1.1 403 Forbidden\r\n\r\n") as port:
        said = refused("--proxy", f"http://127.0.0.1:{port}", "ws://127.0.0.1:1")
    assert said.startswith(f"wsframe: proxy http://127.0.0.1:{port}: HTTP 403 Forbidden; ")


def test_proxy_that_is_none() -> None:
    with closing_server() as port:
        said = refused("--proxy", f"http://127.0.0.1:{port}", "ws://127.0.0.1:1")
    assert f"proxy http://127.0.0.1:{port}: did not receive a valid HTTP response" in said


def test_socks_without_python_socks(tmp_path: Path) -> None:
    (tmp_path / "python_socks.py").write_text("raise ModuleNotFoundError('no module', name='python_socks')\n")
    said = refused("--proxy", "socks5h://127.0.0.1:1", "ws://h", PYTHONPATH=str(tmp_path))
    assert "pip install 'wsframe[proxy]', or --no-proxy" in said and "proxy=None" not in said


def test_tls_to_a_plain_server() -> None:
    with closing_server() as port:
        said = refused("--no-proxy", f"wss://127.0.0.1:{port}")
    assert said.startswith(f"wsframe: wss://127.0.0.1:{port}: ") and "ws:// is without TLS" in said


def test_plain_to_a_server_with_tls() -> None:
    trustme = pytest.importorskip("trustme")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with serving(ssl=context) as uri:
        said = refused("--no-proxy", uri)
    assert said.startswith(f"wsframe: {uri}: did not receive a valid HTTP response")
    assert "wss://" in said


@pytest.mark.parametrize("location", ["http://example.org/", "//[", "ftp:x"])
def test_redirect_that_cannot_be_followed(location: str) -> None:
    async def redirect(connection: Any, request: Any) -> Any:
        response = connection.respond(302, "")
        response.headers["Location"] = location
        return response

    with serving(process_request=redirect) as uri:
        said = refused("--no-proxy", uri)
    assert said.startswith(f"wsframe: {uri}: the server redirects to {location}: ")


def test_redirect_to_a_server_that_refuses() -> None:
    target = f"ws://127.0.0.1:{unused_port()}/there"

    async def redirect(connection: Any, request: Any) -> Any:
        response = connection.respond(302, "")
        response.headers["Location"] = target
        return response

    with serving(process_request=redirect) as uri:
        said = refused("--no-proxy", uri)
    assert said == f"wsframe: {target}: connection refused (redirected from {uri})"


def test_rejection_is_an_event() -> None:
    async def reject(connection: Any, request: Any) -> Any:
        return connection.respond(401, "who are you?\n")

    with serving(process_request=reject) as uri:
        done = wsframe("connect", "--no-proxy", "--json", uri)
    said = f"{uri} rejected the connection: HTTP 401 Unauthorized: who are you?"
    assert json.loads(done.stdout) == {"type": "error", "message": said, "status": 401}
    assert (done.returncode, done.stderr) == (1, f"wsframe: {said}\n")


def test_lost_connection_has_a_reason_in_json() -> None:
    async def lose(ws: Any) -> None:
        await ws.recv()
        ws.transport.abort()
        await asyncio.sleep(0)

    with serving(lose) as uri:
        done = wsframe("connect", "--no-proxy", "--json", "--wait", "inf", uri, typed="hello\n")
    event = json.loads(done.stdout.splitlines()[-1])
    assert event["code"] == 1006 and event["reason"]

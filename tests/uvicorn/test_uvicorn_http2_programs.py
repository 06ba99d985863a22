"""WebSocket over HTTP/2 under `wsframe run`: a browser, and a client behind a proxy."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import AF_INET, SOCK_STREAM, socket

import pytest
from support import browser
from support.processes import environment

pytest.importorskip("zttp")
pytest.importorskip("h2")
pytest.importorskip("uvicorn.protocols.http.auto_zttp_impl")

from support.http2_client import Client

pytestmark = pytest.mark.slow

HAPROXY = shutil.which("haproxy")
FOLDER = Path(__file__).parent

Tls = tuple[dict[str, Path], ssl.SSLContext]


@contextmanager
def server(certificates: Tls, *options: str) -> Iterator[int]:
    """Run uvicorn under `wsframe run`; yield its port."""
    files, _ = certificates
    command = [sys.executable, "-m", "wsframe", "run", "--", "uvicorn", "http2_app:app", "--port", "0"]
    command += ["--app-dir", str(FOLDER), "--http", "zttp", "--http2", *options]
    for name, file in files.items():
        command += [f"--{name.replace('_', '-')}", str(file)]
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        found = None
        said = []
        while found is None:
            line = process.stderr.readline()
            assert line, said
            said.append(line)
            found = re.search(r"running on https://127\.0\.0\.1:(\d+)", line)
        yield int(found[1])
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.mark.skipif(browser.PROGRAM is None, reason="no chromium")
@pytest.mark.parametrize("options", [(), ("--ws", "wsproto")], ids=["wsframe", "wsproto"])
def test_page_and_websockets_of_a_browser_share_a_connection(
    tmp_path: Path, certificates: Tls, options: tuple[str, ...]
) -> None:
    async def look(port: int) -> tuple[dict[str, object], list[dict[str, object]]]:
        uri = f"https://127.0.0.1:{port}/"
        async with (
            browser.browser(tmp_path, "--ignore-certificate-errors") as chromium,
            chromium.page(uri) as page,
        ):
            await page.until("failed || (replies.length === 6 && replies.every((one) => one.closed))")
            assert await page.value("failed") == 0
            title = await page.value("document.title")
            return json.loads(title), json.loads(await page.value("JSON.stringify(replies)"))

    with server(certificates, *options) as port:
        told, replies = asyncio.run(look(port))
    assert told["version"] == "2"
    for reply in replies:
        assert reply["version"] == "2" and reply["scheme"] == "wss"
        assert reply["client"] == told["client"]  # one TCP connection
        assert str(reply["extensions"]).startswith("permessage-deflate") and reply["protocol"] == "chat"


CONFIGURATION = """\
defaults
    mode http
    timeout connect 10s
    timeout client 30s
    timeout server 30s
    timeout tunnel 30s
frontend front
    bind 127.0.0.1:{port} ssl crt {pem} alpn h2
    default_backend back
backend back
    server one 127.0.0.1:{backend} ssl verify none alpn h2
"""


@pytest.mark.skipif(HAPROXY is None, reason="no haproxy")
def test_client_behind_haproxy(tmp_path: Path, certificates: Tls) -> None:
    files, context = certificates
    assert HAPROXY is not None
    with server(certificates) as backend:
        with socket(AF_INET, SOCK_STREAM) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        pem = tmp_path / "both.pem"
        pem.write_bytes(files["ssl_certfile"].read_bytes() + files["ssl_keyfile"].read_bytes())
        configuration = tmp_path / "haproxy.cfg"
        configuration.write_text(CONFIGURATION.format(port=port, pem=pem, backend=backend))
        process = subprocess.Popen([HAPROXY, "-q", "-db", "-f", str(configuration)])
        try:
            with connected(process, port, context) as client:
                streams = [client.websocket(f"/{number}") for number in range(6)]
                for stream in streams:
                    assert stream.status == 200
                    stream.send("x" * 100_000)
                for stream in streams:
                    assert stream.receive() == "x" * 100_000
                    assert json.loads(stream.receive())["version"] == "2"
                for stream in streams:
                    stream.send_close(4000, end=True)
                    assert stream.receive().code == 4000
                    stream.until_ended()
                    assert stream.ended and stream.reset is None
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def connected(process: subprocess.Popen[bytes], port: int, context: ssl.SSLContext) -> Iterator[Client]:
    """Connect as soon as the proxy listens."""
    while True:
        assert process.poll() is None
        try:
            client = Client(port, context)
        except ConnectionRefusedError:
            continue
        break
    with client:
        yield client

"""A client connects through real proxies: tinyproxy, microsocks, and haproxy for TLS to a proxy."""

from __future__ import annotations

import ssl
import sys
import threading
from contextlib import ExitStack, contextmanager

import pytest
from proxy_programs import free_port, program, running

from wsframe.asyncio import InvalidProxyStatus, ProxyError, connect, serve
from wsframe.sync import connect as sync_connect, serve as sync_serve

HAPROXY = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend tls
    bind 127.0.0.1:{port} ssl crt {folder}/proxy.pem
    default_backend proxy
backend proxy
    server proxy 127.0.0.1:{upstream}
"""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    trustme = pytest.importorskip("trustme")
    authority, folder = trustme.CA(), tmp_path_factory.mktemp("tls")
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(folder / "proxy.pem")
    serving, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    issued.configure_cert(serving)
    authority.configure_trust(trusting)
    return folder, serving, trusting


@contextmanager
def tinyproxy(folder, *lines):
    port = free_port()
    settings = folder / f"tinyproxy-{port}.conf"
    settings.write_text("\n".join((f"Port {port}", "Listen 127.0.0.1", "Timeout 60", *lines)))
    log = folder / f"tinyproxy-{port}.log"
    with running([program("tinyproxy"), "-d", "-c", str(settings)], port, log=log):
        yield port


@contextmanager
def microsocks(folder, *options):
    port = free_port()
    command = [program("microsocks"), "-i", "127.0.0.1", "-p", str(port), *options]
    with running(command, port, log=folder / f"microsocks-{port}.log"):
        yield port


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    with tinyproxy(tmp_path_factory.mktemp("tinyproxy")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    with tinyproxy(tmp_path_factory.mktemp("tinyproxy"), "BasicAuth ann secret") as port:
        yield port


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory, certificates):
    """tinyproxy does not speak TLS: haproxy does before it."""
    folder = tmp_path_factory.mktemp("haproxy")
    with ExitStack() as stack:
        upstream = stack.enter_context(tinyproxy(folder))
        port = free_port()
        settings = folder / "haproxy.cfg"
        settings.write_text(HAPROXY.format(port=port, upstream=upstream, folder=certificates[0]))
        command = [program("haproxy"), "-db", "-f", str(settings)]
        stack.enter_context(running(command, port, log=folder / "haproxy.log"))
        yield f"https://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def socks(tmp_path_factory):
    pytest.importorskip("python_socks")
    with microsocks(tmp_path_factory.mktemp("microsocks")) as port:
        yield port


@pytest.fixture(scope="module")
def guarded_socks(tmp_path_factory):
    pytest.importorskip("python_socks")
    with microsocks(tmp_path_factory.mktemp("microsocks"), "-u", "ann", "-P", "secret") as port:
        yield port


async def echo(ws):
    await ws.send(str(ws.remote_address[1]))
    async for message in ws:
        await ws.send(message)


async def converse(scheme, certificates, **options):
    """Exchange messages with a server; return whether something stands between it and the client."""
    _, serving, trusting = certificates
    secure = scheme == "wss"
    async with serve(echo, "127.0.0.1", 0, ssl=serving if secure else None) as server:
        uri = f"{scheme}://localhost:{server.sockets[0].getsockname()[1]}/"
        async with connect(uri, ssl=trusting if secure else None, **options) as ws:
            through = await ws.recv() != str(ws.local_address[1])
            message = "a" * 2**18
            await ws.send(message)
            assert await ws.recv() == message
            await ws.close()
            assert ws.close_code == 1000
    return through


@pytest.mark.parametrize("scheme", ["ws", "wss"])
async def test_http_proxy(scheme, plain, certificates):
    assert await converse(scheme, certificates, proxy=plain)


@pytest.mark.parametrize("scheme", ["ws", "wss"])
async def test_https_proxy(scheme, encrypted, certificates):
    if scheme == "wss" and sys.version_info < (3, 11):
        pytest.skip("asyncio has no TLS in TLS")
    assert await converse(scheme, certificates, proxy=encrypted, proxy_ssl=certificates[2])


async def test_certificate_of_an_https_proxy_is_checked(encrypted, certificates):
    with pytest.raises(ssl.SSLCertVerificationError):
        await converse("ws", certificates, proxy=encrypted)


@pytest.mark.parametrize("scheme", ["ws", "wss"])
@pytest.mark.parametrize("version", ["socks5", "socks5h"])
async def test_socks_proxy(scheme, version, socks, certificates):
    assert await converse(scheme, certificates, proxy=f"{version}://127.0.0.1:{socks}")


async def test_credentials(guarded, guarded_socks, certificates):
    assert await converse("ws", certificates, proxy=f"http://ann:secret@127.0.0.1:{guarded}")
    assert await converse("ws", certificates, proxy=f"socks5h://ann:secret@127.0.0.1:{guarded_socks}")


@pytest.mark.parametrize("user", ["", "ann:wrong@"])
async def test_wrong_credentials(user, guarded, guarded_socks, certificates):
    with pytest.raises(InvalidProxyStatus, match=r"proxy rejected connection: HTTP 40[17]"):
        await converse("ws", certificates, proxy=f"http://{user}127.0.0.1:{guarded}")
    with pytest.raises(ProxyError, match="failed to connect to SOCKS proxy"):
        await converse("ws", certificates, proxy=f"socks5://{user}127.0.0.1:{guarded_socks}")


async def test_errors_name_the_proxy(plain, socks):
    for proxy in (plain, f"socks5://127.0.0.1:{socks}"):
        for calls in (connect, sync_connect):
            with pytest.raises(ProxyError) as failed:
                await calls(f"ws://127.0.0.1:{free_port()}/", proxy=proxy)
            if sys.version_info >= (3, 11):
                assert failed.value.__notes__ == [f"proxy: {proxy}"]


async def test_server_that_a_proxy_cannot_reach(plain, socks):
    uri = f"ws://127.0.0.1:{free_port()}/"
    with pytest.raises(InvalidProxyStatus, match="proxy rejected connection: HTTP 50"):
        await connect(uri, proxy=plain)
    with pytest.raises(ProxyError, match="failed to connect to SOCKS proxy"):
        await connect(uri, proxy=f"socks5://127.0.0.1:{socks}")


@pytest.mark.parametrize("kind", ["http", "socks5"])
async def test_proxy_that_cannot_be_reached(kind):
    pytest.importorskip("python_socks")
    port = free_port()
    for calls in (connect, sync_connect):
        with pytest.raises(OSError, match=r"(?i)connect") as failed:
            await calls("ws://127.0.0.1:9/", proxy=f"{kind}://ann:secret@127.0.0.1:{port}")
        if sys.version_info >= (3, 11):
            assert failed.value.__notes__ == [f"proxy: {kind}://ann:***@127.0.0.1:{port}"]


@pytest.mark.parametrize(
    ("scheme", "name"),
    [
        ("ws", "http_proxy"),
        ("ws", "ws_proxy"),
        ("ws", "all_proxy"),
        ("wss", "https_proxy"),
        ("wss", "all_proxy"),
    ],
)
async def test_proxy_of_the_environment(scheme, name, plain, certificates, monkeypatch):
    monkeypatch.setenv(name, plain)
    assert await converse(scheme, certificates)
    assert not await converse(scheme, certificates, proxy=None)
    monkeypatch.setenv("no_proxy", "example.com,localhost")
    assert not await converse(scheme, certificates)


async def test_socks_proxy_of_the_environment(socks, certificates, monkeypatch):
    monkeypatch.setenv("socks_proxy", f"socks5h://127.0.0.1:{socks}")
    assert await converse("ws", certificates)


def test_threads(plain, encrypted, guarded_socks, certificates):
    """`wsframe.sync` goes through the same proxies."""

    def repeat(ws):
        for message in ws:
            ws.send(message)

    with sync_serve(repeat, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        uri = f"ws://localhost:{server.socket.getsockname()[1]}/"
        for proxy in (plain, encrypted, f"socks5h://ann:secret@127.0.0.1:{guarded_socks}"):
            options = {"proxy_ssl": certificates[2]} if proxy == encrypted else {}
            with sync_connect(uri, proxy=proxy, **options) as ws:
                ws.send("through")
                assert ws.recv() == "through"
        server.shutdown()
        thread.join()

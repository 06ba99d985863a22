"""Servers behind real proxies, with the configurations of the documentation.

The quick checks of nginx and haproxy run with all tests, the others with `pytest -m proxies tests/proxies`;
`make proxies` prints a table.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trustme")

from proxy_checks import CHECKS, EXPECTED, connected, expected, known, run, trip
from proxy_programs import free_port, program, running
from reverse_proxies import CONFIGURATIONS, KINDS, Backend, Rig, rig_of

from wsframe.asyncio import InvalidStatus, connect, serve

PAGE = CONFIGURATIONS.with_suffix(".md")

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="needs /proc, and all of 127.0.0.0/8"),
    pytest.mark.skipif(not CONFIGURATIONS.is_dir(), reason="no documentation here"),
]

QUICK = {"ws", "wss", "compression", "client known", "prefix", "Unix socket", "health check"}


@pytest.fixture(scope="module")
def rig() -> Iterator[Callable[[str], Rig]]:
    """Start proxies; they run until the last test of this file."""
    with ExitStack() as stack:

        @cache
        def start(name: str) -> Rig:
            program(name)
            return stack.enter_context(rig_of(KINDS[name]))

        yield start


def cases() -> Iterator[object]:
    for name in KINDS:
        for check in CHECKS:
            quick = name in ("nginx", "haproxy") and check in QUICK
            yield pytest.param(name, check, marks=() if quick else pytest.mark.proxies)


@pytest.mark.parametrize(("name", "check"), list(cases()))
def test_servers_work_behind_reverse_proxies(name: str, check: str, rig: Callable[[str], Rig]) -> None:
    assert run(check, rig(name)) == expected(name, check)


def test_the_page_has_every_configuration_that_is_tested() -> None:
    page = PAGE.read_text(encoding="utf-8")
    tested = {kind.configuration for kind in KINDS.values()} | {"haproxy-tcp.cfg"}
    assert set(re.findall(r"\{literalinclude\} proxies/(\S+)", page)) == tested
    assert {path.name for path in CONFIGURATIONS.iterdir()} == tested


def test_the_page_has_the_table() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert f"| proxy | {' | '.join(CHECKS)} |" in rows
    for name in KINDS:
        row = next(line for line in rows if line.startswith(f"| {name} "))
        assert row.strip("| ").split(" | ")[1:] == [expected(name, check) for check in CHECKS]
    assert set(EXPECTED) <= set(CHECKS)


@pytest.mark.parametrize(
    ("lacking", "advice"),
    [
        ("proxy_http_version 1.1;", "proxy_http_version 1.1;"),
        ("proxy_set_header Upgrade           $http_upgrade;", "proxy_set_header Upgrade $http_upgrade;"),
        ("proxy_set_header Connection        $connection_upgrade;", 'proxy_set_header Connection "upgrade";'),
    ],
)
def test_nginx_that_lacks_a_line(lacking: str, advice: str, tmp_path: Path) -> None:
    """The client learns which."""
    program("nginx")
    kind = KINDS["nginx"]
    backend = Backend(tmp_path)
    rig = Rig(kind, tmp_path, backend, None)  # type: ignore[arg-type]
    text = re.sub(r"listen \S+ ssl;|ssl_cert.*", "", kind.configured(rig))
    assert lacking in text

    async def handler(ws: object) -> None:
        pass

    async def check() -> None:
        async with serve(handler, "127.0.0.1", backend.port):
            with pytest.raises(InvalidStatus, match="HTTP 400") as refused:
                await connect(rig.uri(), proxy=None)
            assert advice in refused.value.response.body.decode()

    command = kind.command(rig, text.replace(lacking, ""))
    with running(command, rig.http, log=tmp_path / "log"):
        asyncio.run(check())


@pytest.mark.parametrize("version", ["send-proxy-v2", "send-proxy"])
@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_haproxy_with_the_proxy_protocol(version: str, scheme: str, contexts: Any, tmp_path: Path) -> None:
    """TLS ends at the server."""
    serving, trusting = contexts
    port, upstream = free_port(), free_port()
    text = (CONFIGURATIONS / "haproxy-tcp.cfg").read_text(encoding="utf-8")
    for old, new in (("1:443", f"1:{port}"), ("1:8765", f"1:{upstream}"), ("send-proxy-v2", version)):
        assert text.count(old) == 1
        text = text.replace(old, new)
    (tmp_path / "haproxy.cfg").write_text(text, encoding="utf-8")
    seen = []

    async def echo(ws: object) -> None:
        seen.append((ws.remote_address, ws.scheme))
        async for message in ws:
            await ws.send(message)

    async def check() -> None:
        options = {"proxy_protocol": True, "trusted_proxies": ["127.0.0.1"]}
        secure = scheme == "wss"
        async with serve(echo, "127.0.0.1", upstream, ssl=serving if secure else None, **options):
            uri, context = f"{scheme}://localhost:{port}/", trusting if secure else None
            async with connect(uri, ssl=context, proxy=None, local_addr=("127.0.0.2", 0)) as ws:
                await trip(ws, "a" * 2**18)
                assert seen == [(ws.local_address, scheme)]

    with running(
        [program("haproxy"), "-db", "-f", str(tmp_path / "haproxy.cfg")], port, log=tmp_path / "log"
    ):
        asyncio.run(check())


@pytest.mark.proxies
@pytest.mark.parametrize("name", list(KINDS))
def test_many_clients_see_the_end_of_the_server(name: str, rig: Callable[[str], Rig]) -> None:
    """None of them ends with 1006."""

    async def check() -> None:
        one = rig(name)
        clients = [connected(one, "/local/" if number % 2 else "/") for number in range(50)]
        clients = await asyncio.gather(*clients)
        await asyncio.gather(*(known(ws) for ws in clients))
        await asyncio.get_running_loop().run_in_executor(None, one.backend.stop)
        await asyncio.gather(*(ws.wait_closed() for ws in clients))
        assert {ws.close_code for ws in clients} == {1012}

    try:
        asyncio.run(asyncio.wait_for(check(), 60))
    finally:
        rig(name).backend.start()

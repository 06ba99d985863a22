"""Whole servers: what they compute for a message, and how many messages a second they carry."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.machine import CORES
from bench.sweep import alternating
from wsframe.demo.servers import PROGRAMS, Program, running

HOSTS = Path(__file__).with_name("hosts")
DEPTHS = [1, 64]

STOCK = {program.name.split()[0]: program for program in Program.all()}
HYPERCORN = ["-m", "hypercorn", "--workers", "0", "--bind", "127.0.0.1:0", f"{PROGRAMS}/echo_asgi.py:app"]


def uvicorn(loop, ws="wsproto"):
    """uvicorn on an event loop that does not depend on what is installed."""
    words = [*STOCK["uvicorn"].command, "--http", "h11", "--loop", loop, "--ws", ws]
    return Program("uvicorn", tuple(words))


def host(name):
    """One of bench.hosts."""
    return Program(name, (str(HOSTS / f"{name}_echo.py"),))


SERVERS = {
    "uvicorn": uvicorn("asyncio"),
    "uvicorn on uvloop": uvicorn("uvloop"),
    "uvicorn, websockets-sansio": uvicorn("asyncio", "websockets-sansio"),
    "hypercorn": Program("hypercorn", tuple(HYPERCORN)),
    "websockets": STOCK["websockets"],
    "websockets on uvloop": host("websockets_uvloop"),
    "websockets in threads": host("websockets_sync"),
    "tornado": host("tornado"),
    "autobahn": host("autobahn"),
    "aiohttp": host("aiohttp"),
    "raw": Program("raw", (f"{PROGRAMS}/echo_raw.py",)),
}
# The libraries whose code is replaced.
CODEC = {
    "uvicorn": "wsproto",
    "uvicorn on uvloop": "wsproto",
    "uvicorn, websockets-sansio": "websockets",
    "hypercorn": "wsproto",
    "websockets": "websockets",
    "websockets on uvloop": "websockets",
    "websockets in threads": "websockets",
    "tornado": "tornado",
    "autobahn": "autobahn",
    "aiohttp": "aiohttp",
}
CASES = {f"{server}, depth {depth}": (server, depth) for server in CODEC for depth in DEPTHS}


@pytest.fixture
def echo(under_load, tmp_path):
    """Measure one server."""

    def run(name, depth, accelerated):
        with running(SERVERS[name], tmp_path / "log", accelerated=accelerated) as server:
            server.port()
            if accelerated and not any(f" {CODEC[name]} " in said for said in server.remarks()):
                pytest.skip(f"{CODEC[name]} is not accelerated: {server.remarks()}")
            under_load(server, depth)

    return run


@pytest.mark.skipif(sys.platform != "linux" or len(CORES) < 2, reason="needs two cores to pin to")
@alternating(CASES, ["plain", "wsframe"])
def test_echo(echo, peer, case, repeat):
    echo(*CASES[case], accelerated=peer == "wsframe")


@pytest.mark.skipif(sys.platform != "linux" or len(CORES) < 2, reason="needs two cores to pin to")
@alternating(DEPTHS, ["raw"], repeats=1)
def test_load(echo, peer, case, repeat):
    """Whether the load keeps a server busy that does next to nothing."""
    echo(peer, case, accelerated=False)

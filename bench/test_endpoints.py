"""Whole endpoints beside those of other libraries: `python -m bench -k endpoints`.

The server is on one core, what loads it on another.  A case may say on which event loop.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from bench.machine import CORES, ENVIRONMENT
from bench.sweep import alternating
from wsframe.demo.servers import PROGRAMS, Program, running

SECONDS = 1.0
MESSAGES = 1_000_000  # to a client
IDLE = 5000  # connections
KIB = 2**10

SIZES = {"32 B": 32, "16 KiB": 16 * KIB, "64 B": 64, "1 KiB": KIB}
LOOPS = ["asyncio", "uvloop"]
SMALL = [f"32 B, depth {depth}, {loop}" for loop in LOOPS for depth in (1, 64)]
LARGE = [f"16 KiB, depth 1, {loop}" for loop in LOOPS]
UVICORN = {
    "wsframe": "wsframe.uvicorn:WebSocketProtocol",
    "websockets": "websockets-sansio",
    "wsproto": "wsproto",
}
PACKAGES = {
    "picows_websockets": "picows",
    "raw": "wsframe",
    "raw_buffered": "wsframe",
    "wsframe_sync": "wsframe",
    "websockets_sync": "websockets",
}
THREADS = ["wsframe_sync", "websockets_sync"]
ROUND_TRIPS = 20_000

pytestmark = pytest.mark.skipif(sys.platform != "linux" or len(CORES) < 2, reason="needs two cores to pin to")


def command(peer, job, *arguments, loop="asyncio"):
    """What starts an endpoint."""
    if peer == "raw_buffered":
        peer, job = "raw", f"{job}_buffered"
    words = ["-m", f"bench.endpoints.{peer}"] if peer == "socketify" else ["-m", "bench.endpoints", peer, job]
    return [*words, *map(str, arguments), *(["--uvloop"] if loop == "uvloop" else [])]


def size_of(case):
    return SIZES[case.partition(", ")[0]]


def depth_of(case):
    return int(case.split(", ")[1].removeprefix("depth "))


def loop_of(peer, case):
    """The event loop of a case; what is missing here is skipped."""
    loop = case.rpartition(", ")[2]
    need(PACKAGES.get(peer, peer), loop)
    if peer == "socketify" and loop != "asyncio":
        pytest.skip("socketify has a loop of its own")
    return loop


def need(*packages):
    for package in packages:
        if not find_spec(package):
            pytest.skip(f"no {package}")


@pytest.fixture
def server(tmp_path):
    """Start servers; they stop with the test."""
    running_now = []

    def start(words):
        started = running(Program("", tuple(words)), tmp_path / "log", accelerated=False)
        running_now.append(started)
        return started.__enter__()

    yield start
    for started in running_now:
        started.__exit__(None, None, None)


@pytest.fixture
def echo(under_load, server):
    """Measure a server that echoes."""
    return lambda words, case: under_load(server(words), depth_of(case), size_of(case))


@alternating(SMALL, ["wsframe", "picows", "socketify", "raw", "raw_buffered"])
def test_callback(echo, peer, case, repeat):
    echo(command(peer, "echo", size_of(case), loop=loop_of(peer, case)), case)


@alternating(LARGE, ["wsframe", "picows", "raw", "raw_buffered"])
def test_callback_large(echo, peer, case, repeat):
    echo(command(peer, "echo", size_of(case), loop=loop_of(peer, case)), case)


@alternating(SMALL, ["wsframe", "picows_websockets", "websockets"])
def test_iteration(echo, peer, case, repeat):
    echo(command(peer, "echo_by_iteration", size_of(case), loop=loop_of(peer, case)), case)


@alternating(SMALL, list(UVICORN))
def test_uvicorn(echo, peer, case, repeat):
    need("uvicorn")
    words = ["-m", "uvicorn", "--ws", UVICORN[peer], "--loop", loop_of(peer, case), "--port", "0"]
    echo([*words, "--app-dir", str(PROGRAMS), "echo_asgi:app"], case)


@alternating(["32 B, depth 1, threads", "32 B, depth 64, threads"], THREADS)
def test_threads(echo, peer, case, repeat):
    need(PACKAGES[peer])
    echo(command(peer, "echo_by_iteration", size_of(case)), case)


@alternating(["32 B, threads"], THREADS)
def test_round_trips(benchmark, server, peer, case, repeat):
    """A client that waits for each reply; the server is the same for all."""
    need(PACKAGES[peer])
    process = server(command("wsframe", "echo", size_of(case)))
    os.sched_setaffinity(process.process.pid, CORES[:1])
    words = command(peer, "round_trips", process.port(), size_of(case), ROUND_TRIPS)
    told = benchmark.pedantic(told_by, [words], rounds=1)
    benchmark.extra_info.update(calls=ROUND_TRIPS, busy=told["cpu"] / told["elapsed"], **told)


@pytest.fixture(scope="module")
def sender(tmp_path_factory):
    """The port of a server that sends messages as fast as a client takes them."""
    words = command("raw", "sending", SIZES["64 B"], MESSAGES)
    log = tmp_path_factory.mktemp("sender") / "log"
    with running(Program("", tuple(words)), log, accelerated=False) as process:
        os.sched_setaffinity(process.process.pid, CORES[:1])
        yield process.port()


@pytest.fixture
def client(benchmark, sender):
    """Measure a client that receives."""

    def run(job, peer, case):
        words = command(peer, job, sender, MESSAGES, loop=loop_of(peer, case))
        told = benchmark.pedantic(told_by, [words], rounds=1)
        benchmark.extra_info.update(calls=MESSAGES, busy=told["cpu"] / told["elapsed"], **told)

    return run


def told_by(words):
    done = subprocess.run(
        [sys.executable, *words], env=ENVIRONMENT, check=True, capture_output=True, text=True, timeout=120
    )
    return json.loads(done.stdout)


CLIENTS = [f"64 B, {loop}" for loop in LOOPS]


@alternating(CLIENTS, ["wsframe", "picows"])
def test_receive(client, peer, case, repeat):
    client("receive", peer, case)


@alternating(CLIENTS, ["wsframe", "picows_websockets", "websockets"])
def test_receive_by_iteration(client, peer, case, repeat):
    client("receive_by_iteration", peer, case)


@pytest.fixture
def other(benchmark, server):
    """Measure a server under one of bench.endpoints.loads."""

    def run(load, peer, job, amount, *arguments):
        need(PACKAGES.get(peer, peer))
        process = server(command(peer, job, *arguments))
        words = ["-m", "bench.endpoints.loads", load]
        words += [str(word) for word in (CORES[0], process.port(), process.process.pid, amount)]
        told = benchmark.pedantic(told_by, [words], rounds=1)
        benchmark.extra_info.update(told)

    return run


OTHERS = ["wsframe", "picows_websockets", "websockets", "raw"]


@alternating(["1 KiB to 1000"], OTHERS)
def test_broadcast(other, peer, case, repeat):
    other("broadcasts", peer, "broadcasting", SECONDS, KIB)


@alternating(["opened and closed"], OTHERS)
def test_handshake(other, peer, case, repeat):
    other("handshakes", peer, "waiting", SECONDS)


@alternating([f"{IDLE} connections"], OTHERS[:-1])
def test_memory(other, peer, case, repeat):
    other("idle", peer, "idle", IDLE)

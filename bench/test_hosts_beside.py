"""Hosts that are no servers, and one beside a rival: what else `wsframe run` is to make faster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from bench.machine import CORES, ENVIRONMENT
from bench.sweep import alternating
from bench.test_hosts import DEPTHS, SERVERS
from wsframe.demo.servers import UNDER_RUN, Program, running

SIZES = {"websocket-client, 32 B": 32, "websocket-client, 16 KiB": 2**14}
PICOWS = Program("picows", ("-m", "bench.endpoints", "picows_websockets", "echo_by_iteration", "32"))

pytestmark = pytest.mark.skipif(sys.platform != "linux" or len(CORES) < 2, reason="needs two cores to pin to")


@alternating(SIZES, ["plain", "wsframe"])
def test_client(benchmark, tmp_path, peer, case, repeat):
    """What a client computes for a round trip."""
    if not find_spec("websocket"):
        pytest.skip("no websocket-client")
    size = SIZES[case]
    server = Program("wsframe", ("-m", "bench.endpoints", "wsframe", "echo", str(size)))
    with running(server, tmp_path / "log", accelerated=False) as far:
        # On the client's own core: to wake another costs more than all else there is to measure.
        os.sched_setaffinity(far.process.pid, {CORES[-1]})
        start = UNDER_RUN if peer == "wsframe" else [sys.executable]
        program = [*start, "-m", "bench.hosts.websocket_client_trips"]
        command = ["taskset", "--cpu-list", str(CORES[-1]), *program]
        command += map(str, (far.port(), size, 1))
        options = {"env": ENVIRONMENT, "capture_output": True, "text": True, "check": True, "timeout": 60}
        done = benchmark.pedantic(subprocess.run, [command], options, rounds=1)
    if peer == "wsframe" and " websocket_client " not in done.stderr:
        pytest.skip(f"websocket-client is not accelerated: {done.stderr}")
    benchmark.extra_info.update(json.loads(done.stdout))


@alternating([f"depth {depth}" for depth in DEPTHS], ["picows.websockets", "wsframe"])
def test_rival(under_load, tmp_path, peer, case, repeat):
    """websockets, accelerated, beside what was written to replace it."""
    if not find_spec("picows"):
        pytest.skip("no picows")
    ours = peer == "wsframe"
    with running(SERVERS["websockets"] if ours else PICOWS, tmp_path / "log", accelerated=ours) as server:
        under_load(server, int(case.removeprefix("depth ")))

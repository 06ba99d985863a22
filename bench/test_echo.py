"""Whole servers: what they compute for a message, and how many messages a second they carry."""

from __future__ import annotations

from bench.load import Load
from bench.server import serving
from bench.sweep import in_turn
from bench.texts import SMALL

CONNECTIONS = 8
DEPTHS = [1, 64]
HOSTS = ["uvicorn", "hypercorn", "websockets"]
CASES = {f"{host}, depth {depth}": (host, depth) for host in HOSTS for depth in DEPTHS}
WARM_UP, RUN = 0.3, 1.0  # seconds


def echo(benchmark, host, depth, accelerated):
    """Measure one server; `busy` is how much of the time it had something to do."""
    with serving(host, accelerated) as server:
        load = Load(server.address, CONNECTIONS, depth, SMALL)
        try:
            load.run(WARM_UP)
            computed, waited = server.cpu()
            outcome = benchmark.pedantic(load.run, [RUN], rounds=1)
            computed, waited = (
                now - then for now, then in zip(server.cpu(), (computed, waited), strict=True)
            )
        finally:
            load.close()
    busy = (computed + waited) / outcome.seconds
    benchmark.extra_info.update(calls=outcome.messages, cpu=computed, busy=busy)


@in_turn(CASES, ["plain", "wsframe"])
def test_echo(benchmark, peer, case, turn):
    host, depth = CASES[case]
    echo(benchmark, host, depth, peer == "wsframe")


@in_turn(DEPTHS, ["raw asyncio"], turns=1)
def test_load(benchmark, peer, case, turn):
    """Whether the load keeps a server busy that does next to nothing."""
    echo(benchmark, peer, case, accelerated=False)

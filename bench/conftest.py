from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bench import machine
from bench.endpoints import text_of
from bench.sweep import PEERS
from bench.tight import UNROLL, tight, times_for
from wsframe.demo.load import Load, LoadProcess
from wsframe.demo.servers import Server


def pytest_configure() -> None:
    machine.pin()


@pytest.fixture
def peer(request: pytest.FixtureRequest) -> Any:
    return PEERS[request.param]


@pytest.fixture
def measure(benchmark: Any) -> Callable[..., None]:
    """Time a call; `calls` beside the result says how many a round was."""

    def run(function: Callable[..., Any], *arguments: Any) -> None:
        loop = tight(function, len(arguments))
        times = times_for(loop, *arguments)
        benchmark.extra_info["calls"] = times * UNROLL
        benchmark.pedantic(loop, (times, *arguments), rounds=5, warmup_rounds=1)

    return run


@pytest.fixture(scope="session")
def load() -> Iterator[LoadProcess]:
    process = LoadProcess()
    yield process
    process.close()


@pytest.fixture
def under_load(benchmark: Any, load: LoadProcess) -> Callable[..., None]:
    """Measure a server that echoes; `busy` and `load_busy` are the parts of the time that both computed."""

    def run(server: Server, depth: int, size: int = 32) -> None:
        work = Load(
            port=server.port(),
            text=text_of(size),
            depth=depth,
            connections=8,
            seconds=1.0,
            warm_up=0.3,
            server_pid=server.process.pid,
            server_cpu=machine.CORES[-1],
            load_cpu=machine.CORES[0],
        )
        result = benchmark.pedantic(load.measure, [work], rounds=1)
        benchmark.extra_info.update(
            calls=result.messages,
            elapsed=result.seconds,
            cpu=result.server_cpu,
            busy=result.server_cpu / result.seconds,
            load_busy=result.load_cpu / result.seconds,
        )

    return run

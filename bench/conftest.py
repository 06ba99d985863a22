from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bench import machine
from bench.sweep import PEERS
from bench.tight import UNROLL, tight, times_for


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

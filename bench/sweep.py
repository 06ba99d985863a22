"""The order of measurements: every case by every peer alternately, A B A B, several times over."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from bench import peers

REPEATS = 5
PEERS = peers.installed()


def alternating(
    cases: Iterable[object], names: list[str], *, repeats: int = REPEATS, indirect: bool = False
) -> pytest.MarkDecorator:
    """Parametrize a benchmark by `case`, `repeat` and `peer`."""
    order = [(case, repeat, name) for case in cases for repeat in range(repeats) for name in names]
    ids = [f"{case}-{name}-{repeat}" for case, repeat, name in order]
    return pytest.mark.parametrize(
        ("case", "repeat", "peer"), order, ids=ids, indirect=["peer"] if indirect else []
    )


def sweep(job: str, cases: Iterable[object]) -> pytest.MarkDecorator:
    """Parametrize a benchmark by the modules of the peers that can do a job."""
    able = [name for name, peer in PEERS.items() if hasattr(peer, job)]
    return alternating(cases, able, indirect=True)

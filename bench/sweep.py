"""The order of measurements: every case by every peer in turn, A B A B, several times over."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from bench import peers

TURNS = 5
PEERS = peers.installed()


def in_turn(
    cases: Iterable[object], names: list[str], *, turns: int = TURNS, indirect: bool = False
) -> pytest.MarkDecorator:
    """Parametrize a benchmark by `case`, `turn` and `peer`."""
    order = [(case, turn, name) for case in cases for turn in range(turns) for name in names]
    ids = [f"{case}-{name}-{turn}" for case, turn, name in order]
    return pytest.mark.parametrize(
        ("case", "turn", "peer"), order, ids=ids, indirect=["peer"] if indirect else []
    )


def sweep(job: str, cases: Iterable[object]) -> pytest.MarkDecorator:
    """Parametrize a benchmark by the modules of the peers that can do a job."""
    able = [name for name, peer in PEERS.items() if hasattr(peer, job)]
    return in_turn(cases, able, indirect=True)

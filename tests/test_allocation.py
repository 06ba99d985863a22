"""Memory that runs out: a stream that lost a byte has ended, nothing is leaked, nothing crashes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import twins
from processes import run

TESTS = str(Path(__file__).parent)
PROGRAM = f"import sys; sys.path.insert(0, {TESTS!r}); import starving; starving.main()"


@pytest.mark.parametrize("name", ["py", *twins.NAMES[-1:]])
def test_every_allocation_of_every_path_fails_in_turn(name: str) -> None:
    """Decoders, encoders, masks, headers, keys and the stream (see starving.py)."""
    pytest.importorskip("_testcapi")
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        pytest.skip("allocations of other threads would fail as well")
    with twins.running(name) as impl:
        done = run(PROGRAM, "py" if impl.pure else "c", impl=impl)
    assert done.stdout == "done\n"

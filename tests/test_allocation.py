"""Failing allocations: a stream that lost a byte has ended, nothing leaks, nothing crashes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support import twins
from support.processes import run

TESTS = str(Path(__file__).parent)
PROGRAM = (
    f"import sys; sys.path.insert(0, {TESTS!r}); "
    "from support import allocation_failures; allocation_failures.main()"
)


@pytest.mark.parametrize("name", ["py", *twins.NAMES[-1:]])
def test_every_failing_allocation_is_handled(name: str) -> None:
    """Decoders, encoders, masks, headers, keys and the stream (see allocation_failures.py)."""
    pytest.importorskip("_testcapi")
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        pytest.skip("allocations of other threads would fail as well")
    with twins.running(name) as impl:
        done = run(PROGRAM, "py" if impl.pure else "c", impl=impl)
    assert done.stdout == "done\n"

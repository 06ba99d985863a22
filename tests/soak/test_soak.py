"""The soak, for seconds; and that it finds what is wrong."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "echoes"))

from echoes import ECHOES, Echo  # noqa: E402
from soak import soak  # noqa: E402
from watch import grew  # noqa: E402

from wsframe.demo.servers import Program  # noqa: E402

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


def test_short_soak_of_three_libraries_passes(tmp_path: Path) -> None:
    names = ["websockets", "uvicorn-wsproto", "websocket-client"]
    short = ["--seconds", "3", "--connections", "6", "--rate", "300", "--logs", str(tmp_path)]
    command = [sys.executable, str(HERE / "run.py"), *short, *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["accelerated", *names, "as", *names]
    assert all(line.endswith("ok") for line in lines if line.split()[0] in names)


def spoilt(before: str, folder: Path) -> Echo:
    """An echo that does something else before it replies."""
    program = folder / "spoilt.py"
    code = Path(ECHOES["websockets"].program.command[0]).read_text()
    code = code.replace("await websocket.send(", f"{before}\n            await websocket.send(")
    program.write_text(f"import sys; sys.path.append({str(HERE.parent / 'echoes')!r})\n{code}")
    return Echo(Program("spoilt", (str(program),)), frozenset())


@pytest.mark.parametrize(
    ("before", "wrong"),
    [
        ("message = message[:3000]", "Wrong: got "),
        ("if len(message) > 3000: break", "Wrong: closed with 1000 ''"),
        ("if len(message) > 3000: import os; os._exit(1)", "ConnectionRefusedError: "),
        ("tally.count('opened')", "connections opened"),
        ("tally.counters['messages'] = 0", "0 messages received"),
        (
            "kept = globals().setdefault('kept', []); kept.append(open(__file__))",
            "file descriptors left open",
        ),
        ("tally.counters['closed'] -= 1", "connections not closed"),
        (
            "try: 1 / 0\n            except: import traceback; traceback.print_exc()",
            "ZeroDivisionError: division by zero in ",
        ),
    ],
)
def test_soak_reports_every_kind_of_fault(
    before: str, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soak.SETTLED", 1)
    monkeypatch.setattr("soak.PARTS", 1)
    echo = spoilt(before, tmp_path)
    found = asyncio.run(soak(echo, tmp_path, accelerated=False, connections=2, rate=200, seconds=0.6))
    assert any(wrong in text for text in found.wrong), found


def test_soak_reports_an_unaccelerated_library(tmp_path: Path) -> None:
    echo = Echo(ECHOES["websockets"].program, frozenset({"tornado"}))
    found = asyncio.run(soak(echo, tmp_path, accelerated=True, connections=1, rate=50, seconds=0.5))
    assert found.wrong == ["accelerated are websockets"]


MIB = 2**20


@pytest.mark.parametrize(
    ("at_rest", "at_work", "growth"),
    [
        ([20, 20.5, 20.6], [40, 41, 39], False),
        ([20, 23, 23], [40, 40, 40], True),
        ([20, 20.1, 20.1], [40, 48, 49], True),
        ([20, 19, 23], [40, 60, 45], False),
    ],
    ids=["steady", "grows at rest", "grows at work", "a peak"],
)
def test_memory_growth_is_told_from_noise(at_rest: list[float], at_work: list[float], growth: bool) -> None:
    assert grew([held * MIB for held in at_rest], [held * MIB for held in at_work]) is growth


def test_soak_reports_a_memory_leak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soak.LONG", 0)
    echo = spoilt("kept = globals().setdefault('kept', []); kept.append(bytearray(200_000))", tmp_path)
    found = asyncio.run(soak(echo, tmp_path, accelerated=False, connections=2, rate=200, seconds=1))
    assert found.wrong == ["memory grew"]

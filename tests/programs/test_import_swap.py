"""Programs on `websockets.asyncio` print the same on wsframe, with only their imports changed."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

pytest.importorskip("httptools")
pytest.importorskip("websockets")

HERE = Path(__file__).parent
PROGRAMS = sorted(path.stem for path in HERE.glob("*.py") if path.stem != Path(__file__).stem)

# What is replaced at the start of a line, and by what, in this order.
IMPORTS = (
    (r"(import|from) websockets\.asyncio\b", r"\1 wsframe.asyncio"),
    (r"import websockets$", "import wsframe.asyncio as websockets"),
    (r"from websockets(\.\w+)? import", "from wsframe.asyncio import"),
)

pytestmark = [
    pytest.mark.skipif(int(version("websockets").partition(".")[0]) < 17, reason="not that websockets"),
    pytest.mark.skipif(sys.platform == "win32", reason="one of them takes a signal"),
]


def with_our_imports(program: str) -> str:
    for theirs, ours in IMPORTS:
        program = re.sub(rf"^{theirs}", ours, program, flags=re.MULTILINE)
    return program


def output(program: Path) -> str:
    command = [sys.executable, "-X", "dev", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ten_programs_are_compared():
    assert len(PROGRAMS) == 10


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_prints_the_same_with_our_imports(name: str, tmp_path: Path):
    theirs = (HERE / f"{name}.py").read_text(encoding="utf-8")
    ours = with_our_imports(theirs)
    assert re.search(r"^(import|from) websockets", ours, re.MULTILINE) is None
    swapped = tmp_path / f"{name}.py"
    swapped.write_text(ours, encoding="utf-8")
    expected = output(HERE / f"{name}.py")
    assert expected
    assert output(swapped) == expected

"""Every seed of the fuzzer, and whatever it found, without the fuzzer."""

from __future__ import annotations

from pathlib import Path

import differential
import pytest

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_twins_agree(path: Path) -> None:
    differential.check(path.read_bytes())

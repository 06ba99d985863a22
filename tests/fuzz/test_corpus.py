"""Every seed of the fuzzers, whatever they found, and some random inputs, without a fuzzer."""

from __future__ import annotations

import random
from importlib import import_module
from pathlib import Path

import pytest

TARGETS = ("differential", "conversation", "streams", "heads")
CORPUS = sorted((Path(__file__).parent / "corpus").glob("*/*"))


def check(target: str, data: bytes) -> None:
    if target == "heads":
        pytest.importorskip("httptools")
    import_module(target).check(data)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_corpus_inputs_pass_their_check(path: Path) -> None:
    check(path.parent.name, path.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_random_inputs_pass_their_check(target: str) -> None:
    """Numbers that are small more often than not, for they choose among few things."""
    rng = random.Random(target)
    for _ in range(60):
        size = rng.randrange(200)
        check(target, bytes(rng.randrange(rng.choice((16, 32, 256))) for _ in range(size)))

"""The modules of types, for programs that annotate with those of websockets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import wsframe.asyncio
import wsframe.sync


def test_types_are_those_of_websockets():
    theirs = pytest.importorskip("websockets.typing", reason="needs websockets")
    ours = wsframe.asyncio.typing
    assert set(theirs.__all__) <= set(ours.__all__)
    assert ours.Data == theirs.Data
    assert ours.BytesLike == theirs.BytesLike
    assert ours.Subprotocol("chat") == theirs.Subprotocol("chat") == "chat"
    for name in ours.__all__:
        assert getattr(wsframe.sync.typing, name) is getattr(ours, name)
        # `import wsframe.asyncio as websockets` is enough for a program that says websockets.Data.
        assert getattr(wsframe.asyncio, name) is getattr(wsframe.sync, name) is getattr(ours, name)


def test_absent_names_are_listed_in_the_documentation():
    theirs = pytest.importorskip("websockets", minversion="17.0")
    page = Path(__file__).parents[1] / "docs" / "how-to" / "coming-from-websockets.md"
    listed = set(re.findall(r"`(\w+)`", page.read_text("utf-8").partition("Absent, and why:")[2]))
    assert {name for name in theirs.__all__ if not hasattr(wsframe.asyncio, name)} <= listed


def test_versions_are_those_of_the_package():
    assert wsframe.asyncio.__version__ == wsframe.sync.__version__ == wsframe.__version__
    assert "__version__" not in wsframe.asyncio.__all__  # a star import must not replace that of a program

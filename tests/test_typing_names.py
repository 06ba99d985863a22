"""The modules of types, for programs that annotate with those of websockets."""

from __future__ import annotations

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


def test_versions_are_those_of_the_package():
    assert wsframe.asyncio.__version__ == wsframe.sync.__version__ == wsframe.__version__
    assert "__version__" not in wsframe.asyncio.__all__  # a star import must not replace that of a program

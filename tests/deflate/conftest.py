"""The fixture `module`: every test of the codec runs over each module that is installed."""

from __future__ import annotations

import pytest

MODULES = {"auto": "zlib", "zlib": "zlib", "zlib-ng": "zlib_ng.zlib_ng", "isal": "isal.isal_zlib"}


@pytest.fixture(params=MODULES)
def module(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(MODULES[request.param])
    return request.param

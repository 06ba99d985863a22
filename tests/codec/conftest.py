"""The modules of a stream: each twin once, whatever its kernel."""

from __future__ import annotations

from types import ModuleType

import pytest
from support.streams import MODULES


@pytest.fixture(params=MODULES, ids=lambda module: module.__name__.split(".")[1])
def module(request: pytest.FixtureRequest) -> ModuleType:
    return request.param

"""Keep the classes of uvicorn in use: most tests of hosts are about accelerating them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def uvicorn_keeps_its_classes() -> Iterator[None]:
    before = os.environ.get("WSFRAME_OWN_PROTOCOL")
    os.environ["WSFRAME_OWN_PROTOCOL"] = "0"
    yield
    if before is None:
        del os.environ["WSFRAME_OWN_PROTOCOL"]
    else:
        os.environ["WSFRAME_OWN_PROTOCOL"] = before

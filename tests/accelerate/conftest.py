"""A library that can be accelerated; and most tests here are about uvicorn's own classes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import fake_library
from support.own_classes import uvicorn_keeps_its_classes

from wsframe import accelerate
from wsframe.accelerate import host_state

__all__ = ["uvicorn_keeps_its_classes"]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A library on sys.path, version 1.4, and the file that makes it a host."""
    fake_library.write(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "lib")
    monkeypatch.setattr(host_state, "_REPORTED", set())  # other tests were told of modules, too
    monkeypatch.setattr(accelerate.hosts, "__path__", [*accelerate.hosts.__path__, str(tmp_path / "hosts")])
    yield tmp_path
    accelerate.uninstall()
    for name in [name for name in sys.modules if "fakehost" in name]:
        del sys.modules[name]

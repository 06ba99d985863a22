"""The registry: what `install`, `uninstall` and `status` do."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.fake_library import load, record

from wsframe import accelerate


def test_wsframe_accelerate_0_disables_acceleration(library, monkeypatch):
    monkeypatch.setenv("WSFRAME_ACCELERATE", "0")
    accelerate.install()
    assert load("fakehost.user").speed() == "slow"
    assert record().why_not == "WSFRAME_ACCELERATE=0"


def test_unknown_host_raises_value_error_naming_it(library):
    for function in accelerate.install, accelerate.uninstall:
        with pytest.raises(ValueError, match=r"unknown host 'fakehots', only .*fakehost"):
            function("fakehots")


def test_import_wsframe_does_not_import_accelerate():
    code = "import sys, wsframe; print([m for m in sys.modules if m.startswith('wsframe.accelerate')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

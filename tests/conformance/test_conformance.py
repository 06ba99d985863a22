"""The quick cases of the Autobahn TestSuite, where it is installed (`make conformance` does that)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
SUITE = HERE.parent.parent / "build" / "autobahn" / "bin" / "wstest"


@pytest.mark.skipif(not SUITE.exists(), reason="the Autobahn TestSuite is not installed")
@pytest.mark.parametrize("target", ["serve", "connect", "uvicorn"])
@pytest.mark.parametrize("twin", ["c", "py"])
def test_fast_autobahn_cases_pass(target, twin):
    command = [sys.executable, HERE / "run.py", "--fast", "--target", target, "--twin", twin]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not SUITE.exists(), reason="the Autobahn TestSuite is not installed")
@pytest.mark.parametrize("host", ["uvicorn-wsproto", "websocket-client"])
def test_accelerated_host_does_no_worse_than_unaccelerated(host):
    command = [sys.executable, HERE / "hosts.py", host, "--cases", "1.*", "--cases", "7.1.*"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{host}, accelerated: 22 cases: " in done.stdout

"""Processes that share a port are replaced while clients connect and talk."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from restart_load import Load

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux shares a port among processes")

SERVER = Path(__file__).parent / "restarted_server.py"


@contextlib.contextmanager
def started(port=0):
    """Start a server; yield its port and process."""
    command = [sys.executable, str(SERVER), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline()), process
        finally:
            process.kill()


async def ended(process):
    process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(process.wait) == 0


async def replaced():
    with contextlib.ExitStack() as stack:
        port, first = stack.enter_context(started())
        _, second = stack.enter_context(started(port))
        load = Load(port)
        try:
            await load.more_echoes()
            for process in (first, second):
                stack.enter_context(started(port))
                await load.more_echoes()
                await ended(process)
                await load.more_echoes()
        finally:
            await load.stop()
    return load


@pytest.mark.slow
def test_replacing_a_process_loses_no_connection():
    load = asyncio.run(replaced())
    assert load.failures == []
    assert load.codes  # those that were open
    assert set(load.codes) == {1012}

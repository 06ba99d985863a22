"""Processes that share a port are replaced while clients connect and talk."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
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
    load = asyncio.run(asyncio.wait_for(replaced(), 120))
    assert load.failures == []
    assert load.codes  # those that were open
    assert set(load.codes) == {1012}


@contextlib.contextmanager
def workers(ws):
    """Start uvicorn with two workers; yield its port and process."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    options = ("--workers", "2", "--ws", ws, "--lifespan", "off", "--port", str(port))
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(SERVER.parent), *options, "echo_app:app"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield port, process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                for pid in children(process):
                    os.kill(pid, signal.SIGKILL)
                process.kill()
                raise


def children(process):
    """Return the numbers of processes that uvicorn has started, without multiprocessing's own."""
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    found = []
    for pid in map(int, path.read_text().split()):
        with contextlib.suppress(OSError):  # it has ended
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


async def worker_replaced(ws):
    with workers(ws) as (port, process):
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            await asyncio.sleep(0.05)
        load = Load(port)
        try:
            await load.more_echoes()
            for pid in children(process):
                before = len(load.codes)
                os.kill(pid, signal.SIGTERM)
                while len(load.codes) == before and pid in children(process):
                    await asyncio.sleep(0.01)
                await load.more_echoes()
                break
        finally:
            await load.stop()
    return load


@pytest.mark.slow
def test_replacing_a_worker_of_uvicorn_ends_no_connection_with_1006():
    load = asyncio.run(asyncio.wait_for(worker_replaced("wsframe.uvicorn:WebSocketProtocol"), 120))
    assert set(load.codes) <= {1012}
    # uvicorn closes connections whose request has not arrived yet, without a response; but refuses none.
    assert not [exc for exc in load.failures if isinstance(exc, ConnectionRefusedError)]

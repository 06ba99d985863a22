"""Real proxies on loopback, started for a test and ended with it; `make proxy-programs` installs them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

START_TIME = 30.0  # seconds within which a program listens

# envoy is a package of PyPI: beside this interpreter.
_PATH = os.pathsep.join(
    (os.path.dirname(sys.executable), os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin")
)


def find(name: str) -> str | None:
    """Return the path of a program, or None where it is missing."""
    return shutil.which(name, path=_PATH)


def program(name: str) -> str:
    """Return the path of a program; skip the test where it is missing."""
    found = find(name)
    if found is None:
        pytest.skip(f"{name} is not installed: make proxy-programs")
    return found


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def running(command: Sequence[str], *ports: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program that stays in the foreground, from the moment it listens on all these ports."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=log.parent,
            env={
                **os.environ,
                "HOME": str(log.parent),
                "XDG_CONFIG_HOME": str(log.parent),
            },  # caddy writes there
        )
        try:
            for port in ports:
                _wait_until_listening(process, port, log)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_TIME
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{process.args} does not listen on {port}: {log.read_text(errors='replace')[-2000:]}")

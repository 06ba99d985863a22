"""Real servers for the engines of Topics, on loopback; a test is skipped where one is not installed.

Debian has both: `apt-get install redis-server nats-server`.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess

import pytest
from typing_extensions import Self


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class EngineServer:
    """A redis-server or nats-server; `start` and `kill` as often as wanted, at the same address."""

    def __init__(self, kind: str, *options: str) -> None:
        self.kind = kind
        self.options = options  # of the command line
        self.program = shutil.which(f"{kind}-server") or ""
        if not self.program:
            pytest.skip(f"{kind}-server is not installed")
        self.port = free_port()
        self.url = f"{kind}://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def command(self) -> list[str]:
        if self.kind == "nats":
            return [self.program, "-a", "127.0.0.1", "-p", str(self.port), *self.options]
        options = {"bind": "127.0.0.1", "port": str(self.port), "save": "", "appendonly": "no"}
        words = (word for name, value in options.items() for word in (f"--{name}", value))
        return [self.program, *words, *self.options]

    async def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while self.process.poll() is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                await writer.wait_closed()
                return
        raise RuntimeError(f"{self.command} has ended with {self.process.returncode}")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.kill()

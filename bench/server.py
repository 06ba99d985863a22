"""Echo servers as programs of their own, each on one core, plain or under `wsframe run`."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import machine

HERE = Path(__file__).parent / "servers"
PROGRAMS = {
    "raw asyncio": "raw_echo.py {fd}",
    "websockets": "websockets_echo.py {fd}",
    "uvicorn": "-m uvicorn --ws wsproto --fd {fd} --log-level error asgi_echo:app",
    "hypercorn": "-m hypercorn --workers 0 --bind fd://{fd} --error-logfile /dev/null asgi_echo:app",
}
WSFRAME = [str(Path(sys.executable).with_name("wsframe")), "run", "--quiet", "--"]


class Server:
    """A running server."""

    def __init__(self, process: subprocess.Popen[bytes], address: tuple[str, int]) -> None:
        self.address = address
        self._schedstat = Path(f"/proc/{process.pid}/schedstat")

    def cpu(self) -> tuple[float, float]:
        """Seconds it has computed, in the kernel too, and seconds it waited for the core."""
        computed, waited, _ = map(int, self._schedstat.read_text().split())
        return computed / 1e9, waited / 1e9


@contextmanager
def serving(host: str, accelerated: bool) -> Iterator[Server]:
    """Start a server and stop it in the end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # What a server accepts inherits it; some do not set it on a socket that was handed to them.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        fd = listener.fileno()
        start = WSFRAME if accelerated else [sys.executable]
        process = subprocess.Popen(
            start + PROGRAMS[host].format(fd=fd).split(),
            pass_fds=[fd],
            cwd=HERE,
            env={**machine.ENVIRONMENT, "WSFRAME_ACCELERATE": str(int(accelerated))},
        )
        try:
            machine.pin(machine.cores()[-1], process.pid)
            yield Server(process, listener.getsockname())
        finally:
            process.terminate()
            process.wait(10)

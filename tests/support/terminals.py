"""Commands on a terminal."""

from __future__ import annotations

import contextlib
import os
import struct
import subprocess
from collections.abc import Sequence


def on_a_terminal(command: Sequence[str], environment: dict[str, str], width: int = 80) -> tuple[str, int]:
    """Return what a command writes to a terminal, and its exit status."""
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    process = subprocess.Popen(command, env=environment, stdout=theirs, stderr=theirs)
    os.close(theirs)
    text = b""
    with contextlib.suppress(OSError):  # Linux: the other end is closed
        while piece := os.read(ours, 10_000):
            text += piece
    os.close(ours)
    return text.decode().replace("\r\n", "\n"), process.wait(60)

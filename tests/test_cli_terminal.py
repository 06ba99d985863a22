"""`wsframe connect` at a terminal, with one of its streams elsewhere, and in a pipe."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

pytest.importorskip("httptools")
pytest.importorskip("termios", reason="terminals as on POSIX")

from support.processes import environment
from test_cli_connect import serving

COLUMNS = 40


async def close_at_once(ws: Any) -> None:
    await ws.close(4000, "enough")


class Terminal:
    """A process at a pseudo-terminal of 40 columns, and what it has written there."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self.master = master
        self.process = process
        self.seen = b""
        self._unread = b""

    def until(self, text: bytes) -> None:
        """Read until a text has come since the last one."""
        while text not in self._unread:
            self._unread += self._read() or pytest.fail(f"{text!r} is missing: {self.seen!r}")
        self._unread = self._unread.partition(text)[2]

    def type(self, text: bytes) -> None:
        os.write(self.master, text)

    def end(self) -> int:
        """Wait for the end; return the exit status."""
        while self._read():
            pass
        return self.process.wait(30)

    def _read(self) -> bytes:
        try:
            data = os.read(self.master, 2**16)
        except OSError:  # Linux: nobody has the other side open
            return b""
        self.seen += data
        return data

    def rows(self) -> list[str]:
        """What the screen shows, scrolled lines included."""
        return screen(self.seen, COLUMNS)


def screen(data: bytes, columns: int) -> list[str]:
    """Do what a terminal does with characters, line ends and the codes that move up and erase."""
    rows, row, column = [[" "] * columns], 0, 0
    text = data.decode()
    for code, char in re.findall(r"(\x1b\[[0-9;?]*[A-Za-z])|([\s\S])", text):
        if code.endswith("A"):
            row = max(row - int(code[2:-1] or 1), 0)
        elif code.endswith("J"):
            del rows[row + 1 :]
            rows[row][column:] = [" "] * (columns - column)
        elif code.endswith("K"):
            rows[row][column:] = [" "] * (columns - column)
        elif char == "\r":
            column = 0
        elif char == "\n":
            row += 1
        elif char == "\b":
            column = max(column - 1, 0)
        elif char and char.isprintable():
            if column == columns:
                row, column = row + 1, 0
            while row >= len(rows):
                rows.append([" "] * columns)
            rows[row][column] = char
            column += 1
        while row >= len(rows):
            rows.append([" "] * columns)
    return ["".join(line).rstrip() for line in rows]


@contextmanager
def terminal(
    home: Path,
    *words: str,
    stdout: IO[bytes] | None = None,
    stderr: IO[bytes] | None = None,
    term: str = "xterm",
) -> Iterator[Terminal]:
    import fcntl
    import pty
    import struct
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "wsframe", "connect", *words],
        env={**environment(), "HOME": str(home), "TERM": term, "NO_COLOR": "1"},
        stdin=slave,
        stdout=slave if stdout is None else stdout,
        stderr=slave if stderr is None else stderr,
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield Terminal(master, process)
    finally:
        process.kill()
        process.wait(30)
        os.close(master)


@pytest.mark.parametrize("words", [[], ["--json"]], ids=["text", "json"])
def test_input_that_goes_on_after_the_connection_is_closed(words: list[str]) -> None:
    lines = "".join(f"{number}\n" for number in range(5000))
    with serving(close_at_once) as uri:
        done = subprocess.run(
            [sys.executable, "-m", "wsframe", "connect", "--wait", "inf", uri, *words],
            env=environment(),
            input=lines,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    said = "" if words else f"connected to {uri}\nclosed with 4000: enough\n"
    assert done.stderr == said


@pytest.mark.parametrize("words", [[], ["--json"]], ids=["text", "json"])
def test_output_that_is_no_terminal_has_no_prompt(words: list[str], tmp_path: Path) -> None:
    with (
        serving() as uri,
        (tmp_path / "out").open("wb") as out,
        terminal(tmp_path, uri, *words, stdout=out) as shell,
    ):
        if not words:
            shell.until(b"connected to ")
        shell.type(b"hello\nworld\n\x04")
        assert shell.end() == 0
    written = (tmp_path / "out").read_text()
    if words:
        assert {json.loads(line)["type"] for line in written.splitlines()} == {"open", "text", "close"}
        assert '{"type": "text", "data": "hello"}\n' in written
    else:
        assert written == "hello\nworld\n"
        assert b"closed with 1000" in shell.seen
    assert b"\x1b" not in written.encode() and b"> " not in shell.seen


class Pusher:
    """Sends to the connection of a server from another thread."""

    def __init__(self) -> None:
        self.loop: Any = None
        self.ws: Any = None

    async def __call__(self, ws: Any) -> None:
        self.loop, self.ws = asyncio.get_running_loop(), ws
        async for message in ws:
            await (ws.close(1000, "so long") if message == "bye" else ws.send(message))

    def push(self, text: str) -> None:
        self.loop.call_soon_threadsafe(self.ws.send_nowait, text)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.ws.close_nowait, 1000, "so long")


@pytest.mark.parametrize(
    "length", [5, COLUMNS - 3, COLUMNS - 2, COLUMNS - 1, 2 * COLUMNS + 10, 3 * COLUMNS - 2]
)
def test_typed_line_is_shown_once_below_the_messages(length: int, tmp_path: Path) -> None:
    server = Pusher()
    with serving(server) as uri, terminal(tmp_path, uri) as shell:
        shell.until(b"> ")
        shell.type(b"y" * (length - 1) + b"z")
        shell.until(b"z")
        for number in range(3):
            server.push(f"message {number}")
            shell.until(f"message {number}".encode())
            shell.until(b"z")
        shell.type(b"!")
        shell.until(b"!")
        typed = "> " + "y" * (length - 1) + "z!"
        rows = [typed[start : start + COLUMNS] for start in range(0, len(typed), COLUMNS)]
        head = shell.rows().index("< message 0")
        assert [row for row in shell.rows()[head:] if row] == [
            *(f"< message {number}" for number in range(3)),
            *rows,
        ]
        shell.type(b"\n/close\n")
        assert shell.end() == 0


def test_closed_connection_leaves_no_prompt(tmp_path: Path) -> None:
    server = Pusher()
    with serving(server) as uri, terminal(tmp_path, uri) as shell:
        shell.until(b"> ")
        shell.type(b"half a li")
        shell.until(b"half a li")
        server.close()
        assert shell.end() == 0
    assert [row for row in shell.rows() if row][-2:] == [
        "/help lists the commands",
        "closed with 1000: so long",
    ]


def test_close_command_leaves_no_prompt(tmp_path: Path) -> None:
    with serving() as uri, terminal(tmp_path, uri) as shell:
        shell.until(b"> ")
        shell.type(b"/close\n")
        assert shell.end() == 0
    assert [row for row in shell.rows() if row][-2:] == ["> /close", "closed with 1000"]


def test_dumb_terminal_gets_no_escape_codes(tmp_path: Path) -> None:
    server = Pusher()
    with serving(server) as uri, terminal(tmp_path, uri, term="dumb") as shell:
        shell.until(b"> ")
        shell.type(b"hal")
        shell.until(b"hal")
        server.push("message")
        shell.until(b"> hal")
        shell.type(b"f\n")
        shell.until(b"< half")
        server.close()
        assert shell.end() == 0
    assert b"\x1b" not in shell.seen
    assert shell.seen.rstrip().endswith(b"\r\nclosed with 1000: so long")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("words", [[], ["--json"]], ids=["text", "json"])
def test_full_disk_is_one_line(words: list[str]) -> None:
    with serving() as uri, open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "wsframe", "connect", uri, *words],
            env=environment(),
            input=b"hello\n",
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
        )
    assert done.returncode == 1
    assert [
        line for line in done.stderr.decode().splitlines() if not line.startswith(("connected", "closed"))
    ] == ["wsframe: cannot print: No space left on device"]

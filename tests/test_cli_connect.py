"""`wsframe connect` and `wsframe bench`: real processes against real servers."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("httptools")

from support.processes import environment

from wsframe._cli.histogram import Histogram, upper_end
from wsframe.asyncio import serve


async def echo(ws: Any) -> None:
    if ws.request.path == "/close":
        await ws.close(4001, "enough")
    async for message in ws:
        if message == "who":
            message = ws.request.headers.get("X-Y", "nobody")
        await ws.send(message)


@contextmanager
def serving(handler: Any = echo, **options: Any) -> Iterator[str]:
    """Run a server in a thread; yield its URI."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    found: list[Any] = []

    async def run() -> None:
        stop = asyncio.Event()
        async with serve(handler, "127.0.0.1", 0, **options) as server:
            found.extend((server.sockets[0].getsockname()[1], stop))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    assert ready.wait(20)
    try:
        yield f"ws://127.0.0.1:{found[0]}"
    finally:
        loop.call_soon_threadsafe(found[1].set)
        thread.join(20)
        loop.close()


def wsframe(*words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wsframe", *words],
        env=environment(),
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_lines_of_a_pipe_are_sent_and_replies_printed() -> None:
    with serving() as uri:
        done = wsframe("connect", uri, "-H", "X-Y: me", typed="hi\n//slash\n/hex 00ff\nwho\n")
    assert (done.returncode, done.stdout) == (0, "hi\n/slash\n00 ff\nme\n")
    assert done.stderr == f"connected to {uri}\nclosed with 1000\n"


def test_json() -> None:
    with serving(subprotocols=["chat"]) as uri:
        typed = "hi\n/ping\n/hex zz\n/what\n/close 4000 bye\n"
        done = wsframe("connect", uri, "--json", "-s", "chat", typed=typed)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [event["type"] for event in events]
    assert sorted(kinds) == ["close", "error", "error", "open", "pong", "text"]
    assert events[0]["subprotocol"] == "chat" and ["Upgrade", "websocket"] in events[0]["headers"]
    assert events[-1] == {"type": "close", "code": 4000, "reason": "bye"}
    assert done.returncode == 1


def test_server_that_closes() -> None:
    with serving() as uri:
        process = subprocess.Popen(
            [sys.executable, "-m", "wsframe", "connect", f"{uri}/close"],
            env=environment(),
            stdin=subprocess.PIPE,  # which stays open
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.wait(30) == 1
        assert process.stderr is not None and process.stdin is not None
        assert "closed with 4001: enough" in process.stderr.read()
        process.stdin.close()
        process.stderr.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ws://127.0.0.1:1"], "(failed|refused)"),
        (["http://127.0.0.1"], "ws"),
        (["ws://127.0.0.1:1", "-H", "none"], "has no colon"),
        (["wss://127.0.0.1:1", "--cacert", "/nonexistent"], "No such file"),
    ],
    ids=["refused", "scheme", "header", "file"],
)
def test_failure_is_one_line(words: list[str], said: str) -> None:
    done = wsframe("connect", "--no-proxy", *words)
    assert done.returncode == 1 and not done.stdout
    assert done.stderr.startswith("wsframe: ") and re.search(said, done.stderr)
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="terminals as on POSIX")
def test_terminal(tmp_path: Path) -> None:
    import pty

    master, slave = pty.openpty()
    with serving() as uri:
        process = subprocess.Popen(
            [sys.executable, "-m", "wsframe", "connect", uri],
            env={**environment(), "HOME": str(tmp_path), "TERM": "xterm"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        seen = b""

        def until(text: bytes) -> None:
            nonlocal seen
            while text not in seen:
                seen += os.read(master, 65536)
            seen = seen.partition(text)[2]

        until(b"/help lists the commands")
        os.write(master, b"hello\n")
        until(b"\x1b[32m< hello\x1b[0m")
        os.write(master, b"/ping\n")
        until(b"pong after ")
        os.write(master, b"/close\n")
        until(b"closed with 1000")
        assert process.wait(20) == 0
    os.close(master)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell as on POSIX")
def test_reader_that_leaves_is_no_error() -> None:
    command = f"{sys.executable} -m wsframe status --json | head -1"
    done = subprocess.run(command, shell=True, env=environment(), capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("{\n", "")


def test_bench_prints_a_table_and_compares(tmp_path: Path) -> None:
    output, svg = tmp_path / "run.json", tmp_path / "run.svg"
    with serving() as uri:
        first = wsframe("bench", uri, "--seconds", "0.3", "--output", str(output), "--plot", str(svg))
        second = wsframe("bench", uri, "--seconds", "0.3", "-d", "8", "--compare", str(output), "--binary")
    assert first.returncode == second.returncode == 0, (first.stderr, second.stderr)
    facts = json.loads(output.read_text())
    assert facts["sent"] == facts["received"] or facts["received"] > 0
    assert not facts["errors"]
    assert sum(count for _, count in facts["histogram_us"]) == facts["received"]
    assert first.stdout.splitlines()[0].split() == ["this", "run"]
    assert "ratio" in second.stdout
    assert svg.read_text().startswith("<svg ")


def test_bench_sends_the_lines_of_a_file_at_a_rate(tmp_path: Path) -> None:
    got: list[Any] = []

    async def keep(ws: Any) -> None:
        async for message in ws:
            got.append(message)
            await ws.send(message)

    file = tmp_path / "lines"
    file.write_text("one\ntwo\n")
    with serving(keep) as uri:
        done = wsframe(
            *("bench", uri, "--json", "-c", "1", "--rate", "100", "--seconds", "0.5"),
            *("--messages", str(file), "--no-compression"),
        )
    facts = json.loads(done.stdout)
    assert done.returncode == 0 and 0 < facts["sent"] <= 50
    assert got == (["one", "two"] * len(got))[: len(got)]


def test_bench_counts_errors() -> None:
    async def leave(ws: Any) -> None:
        await ws.recv()

    with serving(leave) as uri:
        done = wsframe("bench", uri, "--seconds", "5", "--json", "-c", "2")
    assert done.returncode == 1
    refused = wsframe("bench", "--no-proxy", "ws://127.0.0.1:1", "-c", "2")
    assert refused.returncode == 1 and refused.stderr.startswith("wsframe: ConnectionRefusedError")


@pytest.mark.parametrize("value", [0, 1, 127, 128, 1000, 10**6, 123_456_789, 10**12])
def test_histogram_bucket_is_narrow(value: int) -> None:
    histogram = Histogram()
    histogram.add([value])
    (bucket,) = histogram.counts
    assert value <= upper_end(bucket) <= value * (1 + 1 / 64)
    assert histogram.percentile(50) == histogram.percentile(100) == upper_end(bucket)
    assert upper_end(bucket - 1) < value or value == 0

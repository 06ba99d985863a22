"""`wsframe connect` and `wsframe bench`: real processes against real servers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
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
from wsframe._cli.terminal import shortened, visible
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


def test_refusal_says_why() -> None:
    async def refuse(connection: Any, request: Any) -> Any:
        return connection.respond(403, "members only\n")

    with serving(process_request=refuse) as uri:
        done = wsframe("connect", uri)
        loaded = wsframe("bench", uri, "-c", "2")
    said = f"wsframe: {uri} rejected the connection: HTTP 403 Forbidden: members only"
    assert (done.returncode, done.stderr) == (1, f"{said}\n")
    assert (loaded.returncode, loaded.stderr) == (1, f"{said}: 2\n")


def test_certificate_that_is_not_trusted(tmp_path: Path) -> None:
    trustme = pytest.importorskip("trustme")
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with serving(ssl=context) as plain:
        uri = plain.replace("ws:", "wss:")
        refused = wsframe("connect", uri)
        trusted = wsframe("connect", uri, "--cacert", str(tmp_path / "ca.pem"), typed="hi\n")
        insecure = wsframe("connect", uri, "-k", typed="hi\n")
    with serving() as plain:
        no_tls = wsframe("connect", plain.replace("ws:", "wss:"), "-k")
    assert refused.returncode == 1 and "-k any certificate" in refused.stderr
    assert trusted.stdout == insecure.stdout == "hi\n"
    assert no_tls.returncode == 1 and "does not speak TLS" in no_tls.stderr


def test_replies_are_awaited_at_the_end_of_a_pipe() -> None:
    async def late(ws: Any) -> None:
        async for message in ws:
            await asyncio.sleep(0.2)
            await ws.send(message)

    with serving(late) as uri:
        waited = wsframe("connect", uri, "--wait", "30", "--json", typed="hi\n/close\n")
        at_once = wsframe("connect", uri, "--wait", "0", typed="hi\n")
        patient = wsframe("connect", uri, "--wait", "3", typed="é\nb\n")
    assert waited.returncode == at_once.returncode == 0  # /close does not wait
    assert (at_once.stdout, patient.stdout) == ("", "é\nb\n")


def test_large_message_is_refused_with_the_reason() -> None:
    with serving() as uri:
        done = wsframe("connect", uri, "--max-size", "10", "--wait", "30", typed="hello world\n")
    assert done.returncode == 1
    assert "message larger than 10 bytes" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a shell as on POSIX")
@pytest.mark.parametrize(("closed", "got"), [("<&-", ""), (">&-", ""), ("2>&-", "")])
def test_closed_standard_stream(closed: str, got: str) -> None:
    with serving() as uri:
        command = f"{sys.executable} -m wsframe connect {uri} {closed}"
        done = subprocess.run(
            command, shell=True, env=environment(), input="", capture_output=True, text=True, timeout=60
        )
    assert (done.returncode, done.stdout) == (0, got)
    assert "Traceback" not in done.stderr


def test_escaped_text_has_no_command_of_a_terminal() -> None:
    assert visible("é\t\n\\") == "é\t\n\\"
    assert visible("\x1b[31m\r\x9b\u202e") == "\\x1b[31m\\r\\x9b\\u202e"
    assert shortened("x" * 4000) == "x" * 4000
    assert len(shortened("x" * 10**6)) < 4100


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


def test_bench_of_servers_that_close() -> None:
    async def close(ws: Any) -> None:
        await ws.close(4001, "enough")

    async def say_nothing(ws: Any) -> None:
        async for _ in ws:
            pass

    with serving(close) as uri:
        closed = wsframe("bench", uri, "-c", "2", "--seconds", "1")
    with serving(say_nothing) as uri:
        silent = wsframe("bench", uri, "-c", "1", "--seconds", "0.1", "--rate", "1")
    assert closed.returncode == silent.returncode == 1
    assert "closed with 4001" in closed.stderr and "Traceback" not in closed.stderr
    assert silent.stderr == "wsframe: no reply to 0 messages in 0.1 s\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--seconds", "0"], "more than 0"),
        (["--seconds", "inf"], "finite"),
        (["--rate", "nan"], "from 0 on"),
        (["--size", "-1"], "from 0 on"),
        (["-c", "0"], "at least 1"),
        (["--compare", __file__], "not written by"),
        (["--output", "/nonexistent/file"], "no such directory"),
        (["--plot", "run.gif"], ".svg or .png"),
    ],
    ids=lambda value: value[0] + value[1][-3:] if isinstance(value, list) else "",
)
def test_bench_refuses_what_cannot_be(words: list[str], said: str) -> None:
    done = wsframe("bench", "--no-proxy", "ws://127.0.0.1:1", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr.splitlines()[-1]


def test_bench_sends_documents() -> None:
    with serving() as uri:
        done = wsframe("bench", uri, "--documents", "300", "--seconds", "0.3", "--json", "--binary")
    assert done.returncode == 0 and json.loads(done.stdout)["received"] > 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on POSIX")
def test_interrupted_bench_prints_what_there_is() -> None:
    replies = threading.Event()

    async def count(ws: Any) -> None:
        async for message in ws:
            await ws.send(message)
            replies.set()

    with serving(count) as uri:
        process = subprocess.Popen(
            [sys.executable, "-m", "wsframe", "bench", uri, "--seconds", "60", "-c", "1"],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert replies.wait(30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")
    assert not out or "messages/s" in out  # nothing, if nothing was counted yet


def test_bench_counts_errors() -> None:
    async def leave(ws: Any) -> None:
        await ws.recv()

    with serving(leave) as uri:
        done = wsframe("bench", uri, "--seconds", "5", "--json", "-c", "2")
    assert done.returncode == 1
    refused = wsframe("bench", "--no-proxy", "ws://127.0.0.1:1", "-c", "2")
    assert refused.returncode == 1 and refused.stderr == "wsframe: ws://127.0.0.1:1: connection refused: 2\n"


@pytest.mark.parametrize("value", [0, 1, 127, 128, 1000, 10**6, 123_456_789, 10**12])
def test_histogram_bucket_is_narrow(value: int) -> None:
    histogram = Histogram()
    histogram.add([value])
    (bucket,) = histogram.counts
    assert value <= upper_end(bucket) <= value * (1 + 1 / 64)
    assert histogram.percentile(50) == histogram.percentile(100) == upper_end(bucket)
    assert upper_end(bucket - 1) < value or value == 0

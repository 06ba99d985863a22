"""`wsframe connect` and `wsframe bench`: real processes against real servers."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("httptools")

from support.processes import environment
from support.terminals import on_a_terminal

from wsframe._cli.histogram import Histogram, upper_end
from wsframe._cli.load import Load, _Pace
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
    assert silent.stderr == "wsframe: no reply: 1\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--seconds", "0"], "more than 0"),
        (["--seconds", "inf"], "finite"),
        (["--rate", "nan"], "from 0 on"),
        (["--rate", "inf"], "finite"),
        (["--size", "1", "--documents", "100"], "not allowed with"),
        (["--messages", "lines", "--documents", "100"], "not allowed with"),
        (["--size", "-1"], "from 0 on"),
        (["-c", "0"], "at least 1"),
        (["--compare", __file__], "not written by"),
        (["--output", "/nonexistent/file"], "no such directory"),
        (["--output", "/"], "is a directory"),
        (["--plot", "run.gif"], ".svg or .png"),
        (["--messages", sys.executable], f"{sys.executable}: not UTF-8"),
        (["-H", "a b: c"], "header"),
    ],
    ids=lambda value: value[0] + value[1][-3:] + "".join(value[2:3]) if isinstance(value, list) else "",
)
def test_bench_refuses_what_cannot_be(words: list[str], said: str) -> None:
    done = wsframe("bench", "--no-proxy", "ws://127.0.0.1:1", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("foo", "foo isn't a valid URI: uri must begin with ws:// or wss://"),
        ("ws://127.0.0.1:1#x", "ws://127.0.0.1:1#x isn't a valid URI: uri must not have a fragment"),
    ],
)
def test_bench_refuses_a_wrong_uri_before_the_load(uri: str, said: str) -> None:
    done = wsframe("bench", uri)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"wsframe: {said}\n")


@pytest.mark.parametrize(
    ("missing", "words", "said"),
    [
        ("httptools", [], "need httptools: pip install 'wsframe[asyncio]'"),
        ("python_socks", ["--proxy", "socks5h://127.0.0.1:1"], "pip install 'wsframe[proxy]', or --no-proxy"),
        (
            "matplotlib",
            ["--plot", "run.png"],
            "a PNG needs matplotlib: pip install matplotlib, or name an .svg",
        ),
    ],
    ids=["httptools", "python_socks", "matplotlib"],
)
def test_bench_names_a_missing_package_once(missing: str, words: list[str], said: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; from wsframe.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "bench", "ws://127.0.0.1:1", *words],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.endswith(f"{said}\n")


@pytest.mark.parametrize(
    ("rate", "seconds", "sent"), [("20", "0.3", 6), ("0.5", "0.1", 1), ("10", "0.31", 4)]
)
def test_bench_sends_every_message_that_is_due(rate: str, seconds: str, sent: int) -> None:
    """The first is due at once, and the others before the end."""
    with serving() as uri:
        done = wsframe("bench", uri, "--json", "-c", "2", "--rate", rate, "--seconds", seconds)
    facts = json.loads(done.stdout)
    assert (done.returncode, facts["sent"], facts["received"], facts["errors"]) == (0, sent, sent, {})


def test_message_is_due_when_it_is_sent() -> None:
    """A message is never sent before it is due, nor one interval late."""

    async def main() -> tuple[float, list[tuple[float, float]]]:
        sent: list[tuple[float, float]] = []

        class Client:
            closed = ""

            def send(self, ws: Any, due: int) -> bool:
                sent.append((time.perf_counter(), due / 1e9))
                return True

        start = time.perf_counter()
        load = Load("ws://127.0.0.1", 1, 1, ["x"], 1.0, 2.0)
        pace = _Pace(load, [(None, Client())], start)  # type: ignore[list-item]
        pace.send_due()
        await pace.run()
        return start, sent

    start, sent = asyncio.run(main())
    assert [due for _, due in sent] == pytest.approx([start, start + 0.5], rel=0, abs=1e-3)
    assert all(due <= now + 1e-6 for now, due in sent)


def test_bench_counts_replies_that_come_after_the_end(tmp_path: Path) -> None:
    async def late(ws: Any) -> None:
        got = [await ws.recv() for _ in range(4)]
        await asyncio.sleep(2)  # the client stops
        for message in got:
            await ws.send(message)
        await ws.wait_closed()

    output = tmp_path / "run.json"
    with serving(late) as uri:
        words = ("-c", "1", "--rate", "40", "--seconds", "0.1", "--output", str(output))
        done = wsframe("bench", uri, *words)
    facts = json.loads(output.read_text())
    assert (done.returncode, facts["errors"]) == (0, {})
    assert facts["sent"] == facts["received"] == facts["received_late"] == 4
    assert sum(count for _, count in facts["histogram_us"]) == 4
    assert facts["messages_per_second"] == 0 and facts["mean_us"] > 1_900_000
    assert re.search(r"^0 replies in .* s and 4 later on 1 connections; ", done.stdout, re.MULTILINE)


def test_bench_counts_replies_that_never_come() -> None:
    async def half(ws: Any) -> None:
        await ws.send(await ws.recv())
        async for _ in ws:
            pass

    async def leave(ws: Any) -> None:
        await ws.send(await ws.recv())
        await ws.recv()
        await asyncio.sleep(0.3)  # when the client has stopped
        await ws.close(4002)

    with serving(half) as uri:
        silent = wsframe("bench", uri, "--json", "-c", "1", "--rate", "20", "--seconds", "0.1")
    with serving(leave) as uri:
        closed = wsframe("bench", uri, "--json", "-c", "1", "--rate", "20", "--seconds", "0.1")
    assert (silent.returncode, json.loads(silent.stdout)["errors"]) == (1, {"no reply": 1})
    assert (closed.returncode, json.loads(closed.stdout)["errors"]) == (1, {"no reply, closed with 4002": 1})


@pytest.mark.parametrize("words", [["--rate", "20"], []])
def test_bench_counts_replies_that_nobody_asked_for(words: list[str]) -> None:
    async def twice(ws: Any) -> None:
        async for message in ws:
            await ws.send(message)
            await ws.send(message)

    with serving(twice) as uri:
        done = wsframe("bench", uri, "--json", "-c", "1", "--seconds", "0.2", *words)
    facts = json.loads(done.stdout)
    assert done.returncode == 1 and facts["received"] == facts["sent"]
    assert facts["errors"]["more replies than messages"] > 0
    if words:
        assert facts["errors"] == {"more replies than messages": 4}


def test_bench_leaves_a_greeting_out() -> None:
    async def greet(ws: Any) -> None:
        await ws.send("welcome")
        async for message in ws:
            await ws.send(message)

    with serving(greet) as uri:  # with a rate the first message follows when all connections are open
        done = wsframe("bench", uri, "--json", "-c", "4", "--rate", "20", "--seconds", "0.2")
    assert (done.returncode, json.loads(done.stdout)["errors"]) == (0, {})


def test_bench_opens_connections_at_the_same_time() -> None:
    """A server that waits for all of them, and one that never replies."""
    waiting: list[Any] = []

    async def all_together(connection: Any, request: Any) -> None:
        waiting.append(event := asyncio.Event())
        if len(waiting) == 5:
            for one in waiting:
                one.set()
        await event.wait()

    with serving(process_request=all_together) as uri:
        done = wsframe("bench", uri, "-c", "5", "--seconds", "0.1", "--open-timeout", "30")
    assert (done.returncode, done.stderr) == (0, "")
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as silent:
        uri = f"ws://127.0.0.1:{silent.getsockname()[1]}"
        done = wsframe("bench", "--no-proxy", uri, "-c", "1000", "--open-timeout", "0.5")
    said = (
        f"wsframe: {uri}: timed out during opening handshake: 64\nwsframe: not tried after 64 failures: 936\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


@pytest.mark.skipif(sys.platform == "win32", reason="limits as on POSIX")
def test_bench_names_the_number_of_connections_that_are_open() -> None:
    with serving() as uri:
        command = f"ulimit -n 80; {sys.executable} -m wsframe bench --seconds 0.2 -c 200 {uri}"
        table = subprocess.run(
            command, shell=True, env=environment(), capture_output=True, text=True, timeout=60
        )
        command += " --json"
        done = subprocess.run(
            command, shell=True, env=environment(), capture_output=True, text=True, timeout=60
        )
    facts = json.loads(done.stdout)
    assert done.returncode == 1 and facts["connections_wanted"] == 200
    assert 0 < facts["connections"] < 80
    assert sum(facts["errors"].values()) == 200 - facts["connections"]
    assert re.search(r" on \d\d of 200 connections; ", table.stdout), table.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="a shell as on POSIX")
def test_bench_writes_its_file_for_a_reader_that_has_left(tmp_path: Path) -> None:
    output = tmp_path / "run.json"
    with serving() as uri:
        command = f"{sys.executable} -m wsframe bench {uri} --seconds 0.2 --json --output {output} | true"
        done = subprocess.run(
            command, shell=True, env=environment(), capture_output=True, text=True, timeout=60
        )
    assert done.stderr == ""
    assert json.loads(output.read_text())["received"] > 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("words", ["status", "status --json", "bench", "bench --json"])
def test_full_disk_is_one_line(words: str) -> None:
    with serving() as uri:
        more = f"{uri} --seconds 0.2" if "bench" in words else ""
        command = f"{sys.executable} -m wsframe {words} {more} > /dev/full"
        done = subprocess.run(
            command, shell=True, env=environment(), capture_output=True, text=True, timeout=60
        )
    assert (done.returncode, done.stderr) == (1, "wsframe: standard output: No space left on device\n")


@pytest.mark.skipif(sys.platform == "win32", reason="terminals as on POSIX")
def test_progress_is_cut_to_the_width_without_commands_of_a_terminal() -> None:
    with serving() as uri:
        command = [sys.executable, "-m", "wsframe", "bench", uri, "--seconds", "1.2", "-c", "1"]
        text, status = on_a_terminal(command, {**environment(), "TERM": "dumb"}, 30)
    progress, _, _ = text.partition("this run")
    lines = progress.split("\r")
    assert status == 0 and "\x1b" not in text
    assert any("messag" in line for line in lines)
    assert all(len(line) < 30 and "\n" not in line for line in lines[:-1])
    assert not lines[-1].strip() and not lines[-2].strip()  # an empty line at the end


@pytest.mark.parametrize("separator", ["\n", "\r\n"])
def test_bench_splits_a_file_at_newlines_only(tmp_path: Path, separator: str) -> None:
    got: list[Any] = []

    async def keep(ws: Any) -> None:
        async for message in ws:
            got.append(message)
            await ws.send(message)

    file = tmp_path / "lines"
    file.write_bytes(separator.join(["a\u2028b\x0cc", "", "d"]).encode())
    with serving(keep) as uri:
        wsframe("bench", uri, "-c", "1", "--rate", "30", "--seconds", "0.1", "--messages", str(file))
    assert got == ["a\u2028b\x0cc", "", "d"]


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

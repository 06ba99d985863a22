"""The demo and its load: what they measure, and that nothing stays behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from wsframe import Opcode, encode_frame, encode_text
from wsframe.demo.documents import compressed, documents
from wsframe.demo.load import TEXT, Load, LoadProcess
from wsframe.demo.messages import LoadError, Varied
from wsframe.demo.servers import PROGRAMS, Program, ServerError, running

pytestmark = pytest.mark.alone
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@contextmanager
def echo_raw(tmp_path, text=TEXT):
    program = Program("raw", (str(PROGRAMS / "echo_raw.py"), text))
    with running(program, tmp_path / "log", accelerated=False) as server:
        yield server, server.port()


@pytest.mark.parametrize(
    ("text", "depth", "connections"),
    [(TEXT, 1, 1), (TEXT, 64, 8), ("é" * 50_000, 64, 2), ("x" * 126, 3, 3), ("four", 2, 1)],
    ids=["one", "many", "more than a socket holds", "126", "short"],
)
def test_load_counts_the_replies(tmp_path, text, depth, connections):
    load = {"text": text, "depth": depth, "connections": connections, "seconds": 0.3, "warm_up": 0.01}
    with echo_raw(tmp_path, text) as (server, port), closing(LoadProcess()) as process:
        result = process.measure(Load(port=port, server_pid=server.process.pid, **load))
        again = process.measure(Load(port=port, **load))
    assert result.messages > 0
    assert result.messages % depth == 0
    assert result.seconds >= 0.3
    assert 0 < result.load_cpu <= result.seconds * 1.1
    assert result.rate == result.messages / result.seconds
    if sys.platform == "linux":
        assert 0 < result.server_cpu <= result.seconds * 1.1
        assert result.cpu_us == pytest.approx(result.server_cpu / result.messages * 1e6)
    assert again.server_cpu is None
    assert again.cpu_us is None


def test_wrong_reply_raises_load_error(tmp_path):
    with (
        echo_raw(tmp_path, TEXT.swapcase()) as (_, port),
        closing(LoadProcess()) as process,
        pytest.raises(LoadError, match="wrong reply"),
    ):
        process.measure(Load(port=port))


@pytest.mark.parametrize("depth", [1, 64])
def test_load_counts_the_compressed_replies(tmp_path, depth):
    pytest.importorskip("websockets")
    program = Program("websockets", (str(PROGRAMS / "echo_websockets.py"),))
    work = {"documents": 300, "depth": depth, "connections": 3, "seconds": 0.3, "warm_up": 0.01}
    with running(program, tmp_path / "log") as server, closing(LoadProcess()) as process:
        result = process.measure(Load(port=server.port(), **work))
    assert result.messages > 0
    assert result.messages % depth == 0


def test_server_without_compression_raises_load_error(tmp_path):
    with (
        echo_raw(tmp_path) as (_, port),
        closing(LoadProcess()) as process,
        pytest.raises(LoadError, match="does not compress"),
    ):
        process.measure(Load(port=port, documents=300))


@pytest.mark.parametrize("change", ["other", "more"])
def test_wrong_compressed_reply_raises_load_error(change):
    work = Varied(300, 2, 5)
    work.batch()
    texts = documents(300, 512)[5:7]
    assert not work.feed(memoryview(encode_frame(Opcode.TEXT, compressed(texts[0]), rsv=4)))
    if change == "other":
        with pytest.raises(LoadError, match="wrong reply"):
            work.feed(memoryview(encode_text("{}")))
        return
    assert work.feed(memoryview(encode_frame(Opcode.PING, b"") + encode_text(texts[1].decode())))
    with pytest.raises(LoadError, match="1 messages too many"):
        work.feed(memoryview(encode_text("{}")))


def test_missing_server_raises_load_error():
    with socket.socket() as unused, closing(LoadProcess()) as process:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(LoadError, match="refused"):
            process.measure(Load(port=unused.getsockname()[1]))


def test_load_that_hangs_raises_load_error():
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        closing(LoadProcess()) as process,
        pytest.raises(LoadError, match="has ended"),
    ):
        process.measure(Load(port=silent.getsockname()[1]), timeout=0.5)


def test_server_that_does_not_start_raises_server_error(tmp_path):
    program = Program("broken", ("-c", "raise SystemExit('no luck')"))
    with (
        running(program, tmp_path / "log", accelerated=False) as server,
        pytest.raises(ServerError, match="no luck"),
    ):
        server.port()


def wsframe_demo(tmp_path, *options):
    pytest.importorskip("rich")
    pytest.importorskip("matplotlib")
    return subprocess.Popen(
        [sys.executable, "-m", "wsframe", "demo", "--output", str(tmp_path / "charts"), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=os.name == "posix",
        env={**os.environ, "COLUMNS": "100"},
    )


def session(leader: int) -> list[str]:
    """The command lines of all processes in the session of `leader`, itself not."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and os.getsid(int(entry.name)) == leader != int(entry.name):
                found.append((entry / "cmdline").read_text())
        except (ProcessLookupError, FileNotFoundError):
            continue
    return found


def test_demo_prints_a_table_and_writes_a_chart(tmp_path):
    with wsframe_demo(tmp_path, "--rounds", "1", "--seconds", "0.3") as process:
        out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    for word in (
        "websockets",
        "uvicorn",
        "32 B text",
        "1 kB compressed",
        "under run",
        "gain",
        "median of 1 rounds",
    ):
        assert word in out
    assert (tmp_path / "charts" / "wsframe-demo.svg").read_bytes().startswith(b"<?xml")
    assert (tmp_path / "charts" / "wsframe-demo.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "charts" / "wsframe-demo.html").read_text("utf-8")
    assert page.startswith("<!doctype html>") and "<svg" in page and "<?xml" not in page
    assert page.count("<tr>") == 9  # two servers, two kinds of messages, two depths


@linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_stays_behind_when_the_demo_is_ended(tmp_path, number):
    with wsframe_demo(tmp_path, "--rounds", "100", "--seconds", "0.05") as process:
        while len(session(process.pid)) < 5:  # four servers and the load
            assert process.poll() is None
            time.sleep(0.05)
        if number == signal.SIGINT:  # as a terminal does it
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert err == ("wsframe: interrupted\n" if number == signal.SIGINT else "")
    end = time.monotonic() + 10
    while session(process.pid) and time.monotonic() < end:  # the load ends by itself
        time.sleep(0.05)
    assert session(process.pid) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rounds", "0"], "at least 1"),
        (["--rounds", "-1"], "at least 1"),
        (["--seconds", "0"], "more than 0"),
        (["--seconds", "-0.1"], "from 0 on"),
        (["--seconds", "nan"], "from 0 on"),
        (["--seconds", "inf"], "finite"),
    ],
    ids=lambda value: "".join(value) if isinstance(value, list) else "",
)
def test_demo_refuses_what_cannot_be(words, said):
    done = subprocess.run([sys.executable, "-m", "wsframe", "demo", *words], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr.splitlines()[-1]


def test_demo_without_its_extra_says_what_to_install(tmp_path):
    (tmp_path / "rich.py").write_text("raise ModuleNotFoundError('no', name='rich')")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])}
    done = subprocess.run(
        [sys.executable, "-m", "wsframe", "demo"], env=env, capture_output=True, text=True, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "wsframe: the demo needs rich: pip install 'wsframe[demo]'\n"

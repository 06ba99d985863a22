"""Each step of the tutorial runs, and does what its page says."""

from __future__ import annotations

import asyncio
import difflib
import importlib.util
import re
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("httptools")

from wsframe.asyncio import InvalidStatus, connect
from wsframe.demo.servers import Program, Server, running

TUTORIAL = Path(__file__).parents[1] / "docs" / "tutorial"

pytestmark = pytest.mark.skipif(not TUTORIAL.exists(), reason="no documents here")


@contextmanager
def serving(step: str, folder: Path, port: int = 0) -> Iterator[Server]:
    command = (str(TUTORIAL / f"{step}.py"), str(port))
    with running(Program(step, command), folder / f"{step}.log", accelerated=False) as server:
        yield server


def converse(step: str, folder: Path, conversation: Callable[[str], Awaitable[None]]) -> None:
    with serving(step, folder) as server:
        uri = f"ws://127.0.0.1:{server.port()}"
        asyncio.run(asyncio.wait_for(conversation(uri), 60))


def cookie(name: str) -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("tutorial_tokens", TUTORIAL / "tokens.py")
    assert spec is not None and spec.loader is not None
    tokens = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tokens)
    return {"Cookie": f"token={tokens.sign(name)}"}


def test_the_page_shows_every_program() -> None:
    page = (TUTORIAL / "index.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```\{literalinclude\} (\S+)\n:caption: (\S+)$", page, re.MULTILINE)
    assert sorted(name for name, _ in shown) == sorted(path.name for path in TUTORIAL.glob("*.py"))
    assert all(name == caption for name, caption in shown)


@pytest.mark.parametrize("step", [2, 3, 4])
def test_the_page_marks_what_a_step_changes(step: int) -> None:
    before, after = (
        (TUTORIAL / f"step{number}.py").read_text(encoding="utf-8").splitlines()
        for number in (step - 1, step)
    )
    assert len(after) < 65
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    changed = {
        number + 1
        for kind, _, _, begin, end in matcher.get_opcodes()
        if kind != "equal"
        for number in range(begin, end)
        if number and after[number].strip()
    }
    page = (TUTORIAL / "index.md").read_text(encoding="utf-8")
    found = re.search(rf"^:caption: step{step}\.py\n:emphasize-lines: (\S+)$", page, re.MULTILINE)
    assert found is not None
    marked = set()
    for part in found[1].split(","):
        first, _, last = part.partition("-")
        marked |= set(range(int(first), int(last or first) + 1))
    assert marked == changed, ",".join(map(str, sorted(changed)))


def test_step_1_echoes_messages(tmp_path: Path) -> None:
    async def conversation(uri: str) -> None:
        async with connect(uri) as ws:
            await ws.send("hello")
            assert await ws.recv() == "hello"

    converse("step1", tmp_path, conversation)


def test_step_2_broadcasts_to_all_clients(tmp_path: Path) -> None:
    async def conversation(uri: str) -> None:
        async with connect(uri) as ann, connect(uri) as ben:
            await ann.send("from ann")
            assert await ann.recv() == await ben.recv() == "from ann"

    converse("step2", tmp_path, conversation)


def test_step_3_keeps_rooms_apart(tmp_path: Path) -> None:
    async def conversation(uri: str) -> None:
        with pytest.raises(InvalidStatus, match="404"):
            await connect(uri)
        kitchen, garden = f"{uri}/rooms/kitchen", f"{uri}/rooms/garden"
        async with connect(kitchen) as ann, connect(kitchen) as ben, connect(garden) as eve:
            await eve.send("outside")
            assert await eve.recv() == "outside"
            await ann.send("inside")
            assert await ann.recv() == await ben.recv() == "inside"

    converse("step3", tmp_path, conversation)


def test_step_4_authenticates_its_users(tmp_path: Path) -> None:
    async def conversation(uri: str) -> None:
        kitchen, ann_s = f"{uri}/rooms/kitchen", cookie("ann")
        forged = {"Cookie": ann_s["Cookie"].replace("ann", "eve")}
        for headers in ({}, {"Cookie": "token="}, {"Cookie": "token=ann"}, forged):
            with pytest.raises(InvalidStatus, match="401"):
                await connect(kitchen, additional_headers=headers)
        with pytest.raises(InvalidStatus, match="404"):
            await connect(uri, additional_headers=ann_s)
        with pytest.raises(InvalidStatus, match="403"):
            await connect(kitchen, additional_headers=ann_s, origin="https://evil.example")
        async with connect(kitchen, additional_headers=ann_s, origin="https://chat.example") as ann:
            assert await ann.recv() == "ann is here"
            async with connect(kitchen, additional_headers=cookie("ben")) as ben:
                assert await ann.recv() == await ben.recv() == "ben is here"
                await ben.send("hello")
                assert await ann.recv() == await ben.recv() == "ben: hello"
            assert await ann.recv() == "ben is gone"

    converse("step4", tmp_path, conversation)


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="no SO_REUSEPORT here")
def test_step_5_refuses_whom_step_4_refuses(tmp_path: Path) -> None:
    async def conversation(uri: str) -> None:
        kitchen = f"{uri}/rooms/kitchen"
        with pytest.raises(InvalidStatus, match="401"):
            await connect(kitchen)
        with pytest.raises(InvalidStatus, match="403"):
            await connect(kitchen, additional_headers=cookie("ann"), origin="https://evil.example")

    converse("step5", tmp_path, conversation)


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="no SO_REUSEPORT here")
def test_step_5_hands_over_to_a_new_process(tmp_path: Path) -> None:
    with serving("step5", tmp_path) as old:
        port = old.port()
        command = [sys.executable, str(TUTORIAL / "client.py"), f"ws://127.0.0.1:{port}/rooms/kitchen"]
        client = subprocess.Popen(
            [*command, cookie("ann")["Cookie"].removeprefix("token="), "hello"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert client.stdout is not None
            lines = [client.stdout.readline() for _ in range(2)]
            (tmp_path / "new").mkdir()
            with serving("step5", tmp_path / "new", port) as new:
                assert new.port() == port
                old.process.terminate()
                assert old.process.wait(60) == 0
                lines += [client.stdout.readline() for _ in range(3)]
        finally:
            client.kill()
            client.communicate()
    here = ["ann is here\n", "ann: hello\n"]
    assert lines == [*here, "connection lost: 1012\n", *here]

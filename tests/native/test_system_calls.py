"""Whatever send(2) does: everything arrives once and in order, or the connection is lost and says so."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.processes import environment

from wsframe import backend

HERE = Path(__file__).parent
CC = shlex.split(os.environ.get("CC", "cc"))

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux" or not shutil.which(CC[0]), reason="no compiler for Linux"),
    pytest.mark.skipif(backend == "py", reason="the transport does it all"),
    pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="something else is loaded first"),
]

PROGRAM = """
import asyncio, sys, time
from wsframe.asyncio import ConnectionClosed, connect, serve

def text(number):
    return f"{number:06}" + "x" * (number * 37 % 3000)

async def pushes(ws):
    assert await ws.recv() == "go"
    for number in range(600):
        await ws.send(text(number))
        if number % 40 == 0:
            await asyncio.sleep(0)
        if number % 97 == 0:
            time.sleep(0.01)  # the thread sends

async def main():
    async with serve(pushes, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        uri = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with connect(uri, compression=None, ping_interval=None) as ws:
            await ws.send("go")
            number = 0
            try:
                async for message in ws:
                    assert message == text(number), number
                    number += 1
            except ConnectionClosed as exc:
                print("lost", exc.rcvd)
            else:
                print(number, ws.close_code)

if sys.argv[1] == "uvloop":
    import uvloop
    loop = uvloop.new_event_loop()
else:
    loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
loop.run_until_complete(asyncio.wait_for(main(), 60))
"""

PUSHES = """
import asyncio, sys
from wsframe.asyncio import connect, serve

async def pushes(ws):
    await asyncio.sleep(0)
    for _ in range(3):
        for number in range(8):
            await ws.send(f"{number}")
        await asyncio.sleep(0.01)
    async for message in ws:
        pass

async def main():
    async with serve(pushes, "127.0.0.1", 0, compression=None) as server:
        uri = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with connect(uri, compression=None) as ws:
            for _ in range(3):
                print(*[await ws.recv() for _ in range(8)])

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("shim") / "faults.so"
    command = [*CC, "-shared", "-fPIC", "-O1", HERE / "faults.c", "-o", library, "-ldl"]
    subprocess.run(command, check=True)
    return library


def run(shim: Path, program: str, *arguments: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=environment() | {"LD_PRELOAD": str(shim)} | variables,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("faults", ["n", "ni", "na", "a", "1", "h", "nh1aih", "naaa1"])
def test_partial_and_interrupted_sends_lose_nothing(shim: Path, faults: str, loop: str) -> None:
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    assert run(shim, PROGRAM, loop, FAULTS=faults) == "600 1000"


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("faults", ["nnnp", "nnnr", "p", "hp"])
def test_transport_resends_after_a_temporary_send_error(shim: Path, faults: str, loop: str) -> None:
    """It writes the rest, and would meet the error again if it stood."""
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    assert run(shim, PROGRAM, loop, FAULTS=faults) == "600 1000"


def test_pushes_of_an_iteration_take_two_writes(shim: Path, tmp_path: Path) -> None:
    counted = tmp_path / "counted"
    assert run(shim, PUSHES, COUNTED=str(counted)) == "\n".join(["0 1 2 3 4 5 6 7"] * 3)
    sizes = list(map(int, counted.read_text().split()))
    assert sizes[:6] == [3, 7 * 3] * 3

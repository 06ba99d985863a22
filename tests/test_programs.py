"""The programs of examples/, run as their first lines say."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from support import browser

pytest.importorskip("httptools")

from wsframe.asyncio import ConnectionClosed, InvalidStatus, Response, broadcast, connect, serve
from wsframe.demo.servers import Program, running

EXAMPLES = Path(__file__).parents[1] / "examples"

pytestmark = pytest.mark.skipif(not EXAMPLES.exists(), reason="no examples here")

Conversation = Callable[[str], Awaitable[None]]


def run(folder: Path, converse: Conversation, *words: str) -> None:
    """Start a server, and exchange messages with it."""
    with running(Program(words[0], words), folder / "log", accelerated=False) as server:
        uri = f"ws://127.0.0.1:{server.port()}"
        asyncio.run(asyncio.wait_for(converse(uri), 60))


def example(name: str) -> str:
    return str(EXAMPLES / f"{name}.py")


def test_every_example_is_short_and_tested() -> None:
    tests = Path(__file__).read_text(encoding="utf-8")
    engines = (Path(__file__).parent / "asyncio" / "test_engines.py").read_text(encoding="utf-8")
    for program in EXAMPLES.glob("*.py"):
        lines = program.read_text(encoding="utf-8").splitlines()
        assert len(lines) < 100, program
        assert program.name in lines[0] or program.stem + ":app" in lines[0]
        if f'running("{program.name}"' not in engines:
            assert f'example("{program.stem}")' in tests or f'"{program.stem}:app"' in tests


def test_chat_example_relays_messages(tmp_path: Path) -> None:
    async def converse(uri: str) -> None:
        get = asyncio.get_running_loop().run_in_executor
        page = await get(None, lambda: urllib.request.urlopen(uri.replace("ws", "http"), timeout=20).read())
        assert b"<title>Chat</title>" in page
        async with connect(uri) as ann, connect(uri) as ben:
            names = [f"guest {ws.local_address[1]}" for ws in (ann, ben)]
            assert [await ann.recv(), await ann.recv()] == [f"{name} is here" for name in names]
            assert await ben.recv() == f"{names[1]} is here"
            await ben.send("hello")
            assert await ann.recv() == await ben.recv() == f"{names[1]}: hello"
            await ben.close()
            assert await ann.recv() == f"{names[1]} is gone"

    run(tmp_path, converse, example("chat"), "0")


def test_feed_example_sends_prices_on_request(tmp_path: Path) -> None:
    async def converse(uri: str) -> None:
        async with connect(uri) as gold, connect(uri) as wrong:
            await gold.send("gold")
            for _ in range(3):
                told = json.loads(await gold.recv())
                assert told["name"] == "gold" and 90 <= told["price"] <= 110
            await wrong.send(b"gold")
            with pytest.raises(ConnectionClosed, match=r"4000 \(private use\) send a name"):
                await wrong.recv()

    run(tmp_path, converse, example("feed"), "0")


def test_progress_example_streams_the_output_of_a_command(tmp_path: Path) -> None:
    async def converse(uri: str) -> None:
        async with connect(uri) as ws:
            assert [line async for line in ws] == ["one", "two"]
        assert (ws.close_code, ws.close_reason) == (1000, "status 3")

    code = "print('one'); print('two'); raise SystemExit(3)"
    run(tmp_path, converse, example("progress"), "0", sys.executable, "-c", code)


def test_cursors_example_shares_positions(tmp_path: Path) -> None:
    async def converse(uri: str) -> None:
        async with connect(uri) as ann:
            assert json.loads(await ann.recv()) == {"id": 1, "x": 0.5, "y": 0.5}
            async with connect(uri) as ben:
                assert [json.loads(await ben.recv())["id"] for _ in range(2)] == [1, 2]
                await ben.send("[0.25, 0.75]")
                assert json.loads(await ann.recv())["id"] == 2
                assert json.loads(await ann.recv()) == {"id": 2, "x": 0.25, "y": 0.75}
            assert json.loads(await ann.recv()) == {"id": 2}
            await ann.send("[NaN, 0]")
            with pytest.raises(ConnectionClosed, match="4000"):
                await ann.recv()

    run(tmp_path, converse, example("cursors"), "0")


PAGES = {
    "chat": ("0",),
    "feed": ("0",),
    "progress": ("0", sys.executable, "-c", "print('working'); raise SystemExit(3)"),
    "cursors": ("0",),
}
PLACES = "[...document.querySelectorAll('i')].map(({style}) => [style.left, style.top])"


@pytest.mark.skipif(browser.PROGRAM is None, reason="no Chromium")
@pytest.mark.parametrize("name", PAGES)
def test_example_page_works_in_a_browser(tmp_path: Path, name: str) -> None:
    """The page of an example does in a browser what its first lines say."""

    async def converse(uri: str) -> None:
        uri = uri.replace("ws", "http", 1)
        text = "document.body.innerText"
        async with browser.browser(tmp_path / "profile") as chromium, chromium.page(uri) as page:
            if name == "chat":
                await page.until("ws.readyState === 1")
                await page.type("hello, <b>world</b> 😊")
                await page.until(f"{text}.includes(': hello, <b>world</b> 😊')")
            elif name == "feed":
                for row in ("gold", "silver", "copper"):
                    await page.until(f"/{row}\\s+[\\d.]{{5}}/.test({text})")
            elif name == "progress":
                await page.until(f"{text}.includes('working\\nclosed: 1000 status 3')")
            else:
                async with chromium.page(uri) as other:
                    for one in (page, other):
                        await one.until("players.textContent === '2'")
                    width, height = await other.value("[innerWidth, innerHeight]")
                    await other.move(width // 4, height // 2)
                    await page.until(f"{PLACES}[1][0] !== '50%'")
                    x, y = (float(edge.removesuffix("%")) for edge in (await page.value(PLACES))[1])
                    assert (x, y) == pytest.approx((25, 50), abs=1)
            await page.screenshot(tmp_path / "page.png")
        assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")

    run(tmp_path, converse, example(name), *PAGES[name])


def test_asgi_example_replies_in_upper_case(tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")

    async def converse(uri: str) -> None:
        async with connect(f"{uri}/upper") as ws:
            await ws.send("héllo")
            assert await ws.recv() == "HÉLLO"
            await ws.send(b"bytes")
            with pytest.raises(ConnectionClosed, match=r"1003 \(unsupported data\) text only"):
                await ws.recv()
        with pytest.raises(InvalidStatus) as refused:
            await connect(uri)
        assert refused.value.response.status_code == 404
        assert refused.value.response.body == b"There is only /upper.\n"

    protocol = ("--ws", "wsframe.uvicorn:WebSocketProtocol")
    words = ("-m", "uvicorn", "--app-dir", str(EXAMPLES), *protocol, "--port", "0", "asgi:app")
    run(tmp_path, converse, *words)


def test_client_example_reconnects_after_failures() -> None:
    """It connects again after a refusal and after a broken connection, and ends when told so."""
    attempts: list[str | bytes] = []

    def refuse_once(ws: object, request: object) -> Response | None:
        attempts.append("asked")
        return Response(503) if len(attempts) == 1 else None

    async def converse() -> None:
        async def handler(ws) -> None:
            attempts.append(await ws.recv())
            broadcast([ws], f"attempt {len(attempts)}")
            if len(attempts) < 4:
                await ws.close(1012)

        async with serve(handler, "127.0.0.1", 0, process_request=refuse_once) as server:
            uri = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            process = await asyncio.create_subprocess_exec(
                sys.executable, example("client"), uri, "hi", stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            said, errors = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0
        assert said.decode().split("\n") == ["attempt 3", "attempt 5", ""]
        assert "closed: received 1012" in errors.decode() and "closed: received 1000" in errors.decode()

    asyncio.run(converse())
    assert attempts == ["asked", "asked", "hi", "asked", "hi"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shares a port among sockets")
def test_threads_example_closes_all_loops() -> None:
    async def talk(port: int, close: Callable[[], None]) -> None:
        clients = [await connect(f"ws://127.0.0.1:{port}", proxy=None) for _ in range(8)]
        for ws in clients:
            await ws.send("hello")
            assert await ws.recv() == "hello"
        close()
        for ws in clients:
            await ws.wait_closed()
            assert ws.close_code == 1012

    command = [sys.executable, example("threads"), "0", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().split(",")[0].rpartition(":")[2])
            asyncio.run(asyncio.wait_for(talk(port, process.terminate), 60))
            assert process.wait(60) == 0
        finally:
            process.kill()

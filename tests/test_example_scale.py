"""The chat on two nodes: across nodes, when a node is killed, when Redis is."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from support.browser import PROGRAM, browser

pytest.importorskip("httptools")
pytest.importorskip("redis")

from wsframe.asyncio import connect

ROOT = Path(__file__).parents[1]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="haproxy and redis-server of Linux"),
    pytest.mark.skipif(not (ROOT / "examples" / "scale").is_dir(), reason="no examples here"),
    *(
        pytest.mark.skipif(not shutil.which(name), reason=f"{name} is not installed")
        for name in ("haproxy", "redis-server")
    ),
]


@contextlib.contextmanager
def started():
    command = [sys.executable, "-m", "examples.scale"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


async def told(ws, key):
    """Return the next message with a key."""
    while key not in (found := json.loads(await ws.recv())):
        pass
    return found


@contextlib.asynccontextmanager
async def joined(uri, node=None):
    """Connect until it is that node."""
    while True:
        async with connect(uri, proxy=None) as ws:
            await ws.send('{"join": null}')
            at = (await told(ws, "node"))["node"]
            if node in (None, at):
                yield ws
                return


async def chat(address):
    page = await asyncio.to_thread(lambda: urllib.request.urlopen(address, timeout=20).read())
    assert b"Chat on two nodes" in page
    uri = address.replace("http", "ws") + "/ws"
    async with joined(uri, "one") as ann, joined(uri, "two") as ben:
        await ann.send('{"say": "hello"}')
        assert (await told(ann, "message"))["message"] == "hello"
        found = await told(ben, "message")
        assert found["message"] == "hello"
        await ann.send('{"kill": "node"}')
        await ann.wait_closed()
        async with connect(uri, proxy=None) as again:
            await ben.send('{"say": "meanwhile"}')
            assert (await told(ben, "message"))["message"] == "meanwhile"
            await again.send(json.dumps({"join": found["position"]}))
            assert (await told(again, "message"))["message"] == "meanwhile"
            assert (await told(again, "node"))["recovered"]
        await ben.send('{"kill": "engine"}')
        assert (await told(ben, "gap"))["gap"]
        await ben.send(json.dumps({"join": found["position"]}))
        assert not (await told(ben, "node"))["recovered"]  # this Redis keeps nothing on disk
        await ben.send('{"say": "after"}')
        assert (await told(ben, "message"))["message"] == "after"


def test_chat_goes_on_when_a_node_and_the_engine_are_killed():
    with started() as address:
        asyncio.run(asyncio.wait_for(chat(address), 90))


async def on_the_page(address, folder):
    says = "document.getElementById('log').textContent.includes('%s')"
    async with browser(folder) as chromium, chromium.page(address) as page:
        await page.until(says % "joined on node")
        await page.value("document.getElementById('text').focus()")
        await page.type("hello")
        await page.until(says % "hello")
        await page.value("document.getElementById('kill-node').click()")
        await page.until(says % "connection lost")
        await page.until(says % "recovered, nothing was missed")
        await page.value("document.getElementById('kill-engine').click()")
        await page.until(says % "gap: the engine was lost")
        await page.until(says % "the history is lost")
        await page.screenshot(folder / "page.png")


@pytest.mark.skipif(PROGRAM is None, reason="chromium is not installed")
def test_page_reports_the_gap_and_recovers(tmp_path):
    with started() as address:
        asyncio.run(asyncio.wait_for(on_the_page(address, tmp_path), 90))

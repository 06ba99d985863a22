"""A headless Chromium, driven through its DevTools protocol: one WebSocket per page, ours."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from wsframe.asyncio import connect

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
    "--remote-debugging-port=0",
]


class Page:
    """A page that is open."""

    def __init__(self, ws: Any) -> None:
        self._ws = ws
        self._number = 0

    async def call(self, method: str, **parameters: Any) -> Any:
        """Call a method of the DevTools protocol."""
        self._number += 1
        await self._ws.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            reply = json.loads(await self._ws.recv())
            if reply.get("id") == self._number:
                assert "error" not in reply, reply
                return reply["result"]

    async def value(self, expression: str) -> Any:
        """What JavaScript makes of an expression."""
        reply = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in reply, reply
        return reply["result"].get("value")

    async def until(self, expression: str) -> Any:
        """Wait until an expression is true."""
        while not (value := await self.value(expression)):
            await asyncio.sleep(0.05)
        return value

    async def type(self, text: str) -> None:
        """Type a line where the cursor is."""
        await self.call("Input.insertText", text=text)
        for kind in ("keyDown", "keyUp"):
            await self.call(
                "Input.dispatchKeyEvent", type=kind, key="Enter", text="\r", windowsVirtualKeyCode=13
            )

    async def move(self, x: int, y: int) -> None:
        """Move the mouse, in pixels."""
        await self.call("Page.bringToFront")  # what is behind may not be told, nor be drawn
        await self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    async def screenshot(self, file: Path) -> None:
        """Write what is seen as PNG."""
        await self.call("Page.bringToFront")
        shot = await self.call("Page.captureScreenshot")
        file.write_bytes(base64.b64decode(shot["data"]))


class Browser:
    """A running browser."""

    def __init__(self, port: int) -> None:
        self._port = port

    @asynccontextmanager
    async def page(self, uri: str) -> AsyncIterator[Page]:
        """Open a page."""
        ask = urllib.request.Request(f"http://127.0.0.1:{self._port}/json/new?{uri}", method="PUT")
        told = await asyncio.to_thread(lambda: json.load(urllib.request.urlopen(ask, timeout=20)))
        async with connect(told["webSocketDebuggerUrl"], compression=None, max_size=2**26) as ws:
            page = Page(ws)
            await page.until(f"location.href.startsWith({uri!r}) && document.readyState === 'complete'")
            yield page


@asynccontextmanager
async def browser(folder: Path, *options: str) -> AsyncIterator[Browser]:
    """Run a browser with a profile of its own."""
    assert PROGRAM is not None
    process = subprocess.Popen(
        [PROGRAM, *OPTIONS, *options, f"--user-data-dir={folder}", "about:blank"],
        env={name: value for name, value in os.environ.items() if name != "LD_PRELOAD"},  # a sanitizer's
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        told = folder / "DevToolsActivePort"
        while not told.exists() or "\n" not in told.read_text():
            assert process.poll() is None
            await asyncio.sleep(0.05)
        yield Browser(int(told.read_text().split("\n")[0]))
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

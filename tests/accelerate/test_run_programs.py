"""`wsframe run` with the programs people deploy: the replies are the same, and accelerated."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from wsframe.demo.servers import Program, running

pytestmark = pytest.mark.skipif(os.name == "nt", reason="gunicorn and sanic's workers need POSIX")

REPLY = """
from wsframe.accelerate import status

def reply(message):
    if message == "raise":
        raise RuntimeError("as asked")
    if message == "who?":
        return " ".join(host.host for host in status() if host.active) or "nothing"
    return message
"""
ASGI = """
from reply import reply

async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            kind = "bytes" if message.get("text") is None else "text"
            await send({"type": "websocket.send", kind: reply(message[kind])})
"""
CHANNELS = """
import django
from django.conf import settings

settings.configure(ALLOWED_HOSTS=["*"], INSTALLED_APPS=["channels"], SECRET_KEY="known")
django.setup()

from reply import reply
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

class Consumer(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data and reply(text_data), bytes_data)

class Threaded(WebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
        self.send(text_data and reply(text_data), bytes_data)

routes = [path("", Consumer.as_asgi()), path("threaded", Threaded.as_asgi())]
app = ProtocolTypeRouter({"websocket": URLRouter(routes)})
"""
FLASK = """
from reply import reply
from flask import Flask
from flask_sock import Sock

app = Flask(__name__)

@Sock(app).route("/")
def echo(ws):
    while True:
        ws.send(reply(ws.receive()))
"""
SANIC = """
from reply import reply
from sanic import Sanic

app = Sanic("echo")

@app.websocket("/")
async def echo(request, ws):
    async for message in ws:
        await ws.send(reply(message))
"""
APPS = {"reply": REPLY, "asgi": ASGI, "channels_app": CHANNELS, "flask_app": FLASK, "sanic_app": SANIC}

# What must be installed, what runs, and what is active in the process that replies.
PROGRAMS: dict[str, tuple[list[str], str, str]] = {
    "daphne": (["daphne", "channels"], "daphne -p PORT channels_app:app", "autobahn"),
    "flask": (["flask_sock"], "flask --app flask_app run -p PORT", "wsproto"),
    "gunicorn, threads": (
        ["gunicorn", "flask_sock"],
        "gunicorn --threads 4 --no-control-socket -b 127.0.0.1:PORT flask_app:app",
        "wsproto",
    ),
    "gunicorn, uvicorn": (
        ["gunicorn", "uvicorn_worker"],
        "gunicorn -k uvicorn_worker.UvicornWorker -w 2 --no-control-socket -b 127.0.0.1:PORT asgi:app",
        "uvicorn websockets",
    ),
    "hypercorn": (["hypercorn"], "hypercorn -w 2 -b 127.0.0.1:PORT asgi:app", "hypercorn wsproto"),
    "sanic": (["sanic"], "sanic sanic_app:app --single-process --port PORT", "websockets"),
}
PATHS = {"daphne": ["", "threaded"]}
MESSAGES = ["hello", "é" * 500, b"\0\xff" * 40_000, "x" * 70_000, *map(str, range(100))]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


async def listening(port: int) -> None:
    """Wait until somebody listens."""
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.05)


async def converse(uri: str, *, fails: bool) -> tuple[list[Any], str]:
    """Return what comes back, how it ends, and what is active there."""
    got: list[Any] = []
    async with connect(uri, proxy=None, close_timeout=0.5) as ws:
        await ws.send("who?")
        active = await ws.recv()
        for message in MESSAGES:
            await ws.send(message)
        got += [await ws.recv() for _ in MESSAGES]
        await (await ws.ping(b"how are you"))
        await ws.send(["in ", "pieces"])
        got.append(await ws.recv())
    if fails:
        async with connect(uri, proxy=None, close_timeout=0.5) as ws:
            await ws.send("raise")
            with pytest.raises(ConnectionClosed):
                await ws.recv()
            got.append((ws.close_code, ws.close_reason))
    return got, active  # type: ignore[return-value]


def serve(name: str, log: Path, *, accelerated: bool) -> list[tuple[list[Any], str]]:
    """Start a program, exchange messages at each of its paths, and stop it."""
    port = free_port()
    command = ("-m", *PROGRAMS[name][1].replace("PORT", str(port)).split())
    with running(Program(name, command), log, accelerated=accelerated) as server:
        asyncio.run(asyncio.wait_for(listening(port), 60))
        uris = [f"ws://127.0.0.1:{port}/{path}" for path in PATHS.get(name, [""])]
        # A view of Flask that fails has an HTTP response written into the middle of the frames.
        fails = "flask" not in PROGRAMS[name][1]
        got = [asyncio.run(asyncio.wait_for(converse(uri, fails=fails), 60)) for uri in uris]
        assert server.process.poll() is None
    return got


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_replies_the_same(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs, _, active = PROGRAMS[name]
    for module in needs:
        pytest.importorskip(module, exc_type=ImportError)
    for app, source in APPS.items():
        (tmp_path / f"{app}.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    plain = serve(name, tmp_path / "plain", accelerated=False)
    assert [(got[: len(MESSAGES)], told) for got, told in plain] == [(MESSAGES, "nothing")] * len(plain)
    assert serve(name, tmp_path / "log", accelerated=True) == [(got, active) for got, _ in plain]


JUPYTER = """
import atexit
from wsframe.accelerate import status

atexit.register(lambda: print("active:", *(host.host for host in status() if host.active)))
"""
CELLS = ["print('é' * 50_000)", "1 / 0", "6 * 7"]


def call(url: str, method: str, **data: str) -> Any:
    """Ask the REST interface of a Jupyter server."""
    headers = {"Authorization": "token known", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(data).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.loads(reply.read() or b"null")


async def run_cells(uri: str) -> tuple[str, list[Any]]:
    """Have a kernel run cells; return what it prints, and what it returns and raises."""
    printed, got = "", []
    async with connect(f"{uri}?token=known", proxy=None, max_size=2**24) as ws:
        for number, code in enumerate(CELLS):
            message = {
                "header": {"msg_id": f"{number}", "msg_type": "execute_request", "version": "5.3"},
                "content": {"code": code, "silent": False},
                "parent_header": {},
                "metadata": {},
                "channel": "shell",
            }
            message["header"] |= {"session": "known", "username": "", "date": ""}  # type: ignore[operator]
            await ws.send(json.dumps(message))
            idle = False
            while not idle:
                reply = json.loads(await ws.recv())
                kind, to = reply["msg_type"], reply["parent_header"].get("msg_id")
                if to == f"{number}" and kind != "execute_reply":
                    content = reply["content"]
                    idle = content.get("execution_state") == "idle"
                    printed += content.get("text", "")
                    got += [content[name] for name in ("data", "ename") if name in content]
    return printed, got


def test_jupyter_kernel_replies_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel is a child process that is reached, too; what it sends comes over tornado."""
    for module in ("jupyter_server", "ipykernel"):
        pytest.importorskip(module)
    (tmp_path / "jupyter_server_config.py").write_text(JUPYTER)
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    replies = []
    for accelerated in (False, True):
        port = free_port()
        options = f"--allow-root --no-browser --ServerApp.port={port} --IdentityProvider.token=known"
        command = ("-m", "jupyter_server", *options.split())
        log = tmp_path / f"log {accelerated}"
        with running(Program("jupyter", command), log, accelerated=accelerated):
            asyncio.run(asyncio.wait_for(listening(port), 60))
            kernels = f"http://127.0.0.1:{port}/api/kernels"
            kernel = call(kernels, "POST", name="python3")["id"]
            uri = f"ws://127.0.0.1:{port}/api/kernels/{kernel}/channels"
            replies.append(asyncio.run(asyncio.wait_for(run_cells(uri), 60)))
            call(f"{kernels}/{kernel}", "DELETE")
        active = log.read_text().rpartition("active:")[2].split()
        assert ("tornado" in active) is accelerated
    assert replies == [("é" * 50_000 + "\n", ["ZeroDivisionError", {"text/plain": "42"}])] * 2

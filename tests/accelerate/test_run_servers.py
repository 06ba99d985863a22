"""`wsframe run` with real servers: every process that replies is accelerated."""

from __future__ import annotations

import json
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

from wsframe.demo.servers import Program, running

APP = """
import json, os
from wsframe.accelerate import status

async def app(scope, receive, send):
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    await receive()
    text = json.dumps([os.getpid(), *(host.host for host in status() if host.active)])
    await send({"type": "websocket.send", "text": text})
    await receive()
"""


@pytest.fixture
def app(tmp_path):
    (tmp_path / "who.py").write_text(APP)
    return tmp_path


def uvicorn(app, *options):
    words = ("-m", "uvicorn", "--ws", "wsproto", "--port", "0", "--app-dir", str(app), *options, "who:app")
    return running(Program("uvicorn", words), app / "log", accelerated=True)


def ask(port):
    """Ask the process that replies for its number and what is accelerated in it."""
    with connect(f"ws://127.0.0.1:{port}", compression=None, proxy=None) as client:
        client.send("who?")
        number, *hosts = json.loads(client.recv(timeout=20))
    return number, hosts


def ask_until(port, enough):
    """Ask again and again; return {process: hosts}."""
    replies = {}
    end = time.monotonic() + 60
    while not enough(replies):
        assert time.monotonic() < end, replies
        try:
            number, hosts = ask(port)
        except (OSError, ConnectionClosed, InvalidHandshake):  # nobody there, or on its way out
            time.sleep(0.1)
            continue
        replies[number] = hosts
    return replies


def test_single_process_server_is_accelerated(app):
    with uvicorn(app) as server:
        number, hosts = ask(server.port())
        assert number == server.process.pid
        assert "wsproto" in hosts
        assert any("ready to accelerate" in remark and "wsproto 1." in remark for remark in server.remarks())


def test_worker_processes_are_accelerated(app):
    with uvicorn(app, "--workers", "2") as server:
        replies = ask_until(server.port(), lambda replies: len(replies) == 2)
    assert server.process.pid not in replies
    assert all("wsproto" in hosts for hosts in replies.values())


def test_reloaded_server_is_accelerated(app):
    with uvicorn(app, "--reload", "--reload-dir", str(app)) as server:
        first = ask_until(server.port(), lambda replies: len(replies) == 1)

        def changed(replies):
            # Time and again: the reloader notes the state of the files some time after the first reply.
            (app / "who.py").write_text(f"{APP}\n# changed at {time.monotonic()}\n")
            return len({**replies, **first}) == 2

        replies = ask_until(server.port(), changed)
    assert all("wsproto" in hosts for hosts in (*first.values(), *replies.values()))


def test_websockets_server_is_accelerated(tmp_path):
    program = tmp_path / "who.py"
    program.write_text(
        """
import asyncio, json, os
from websockets.asyncio.server import serve
from wsframe.accelerate import status

async def who(websocket):
    await websocket.recv()
    await websocket.send(json.dumps([os.getpid(), *(host.host for host in status() if host.active)]))

async def main():
    async with serve(who, "127.0.0.1", 0) as server:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

asyncio.run(main())
"""
    )
    with running(Program("websockets", (str(program),)), tmp_path / "log", accelerated=True) as server:
        assert ask(server.port()) == (server.process.pid, ["websockets"])


@pytest.mark.parametrize("ws", ["websockets", "auto", "websockets-sansio", "wsproto"])
def test_every_protocol_class_of_uvicorn_is_accelerated(tmp_path, ws):
    active = "*(host.host for host in status() if host.active)"
    assert active in APP
    (tmp_path / "who.py").write_text(
        APP.replace(active, "*(one for host in status() for one in host.unpatched)")
    )
    command = f"-W ignore -m uvicorn --ws {ws} --port 0 --app-dir {tmp_path} who:app"
    program = Program("uvicorn", ("python", *command.split()))
    with running(program, tmp_path / "log", accelerated=True) as server:
        _, unpatched = ask(server.port())
        remarks = server.remarks()
    assert unpatched == []
    assert len(remarks) == 1

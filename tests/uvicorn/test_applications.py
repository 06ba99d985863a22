"""Starlette applications on uvicorn with wsframe, in a thread and in worker processes."""

from __future__ import annotations

import json
import os
import time

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, WebSocketRoute
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from wsframe.demo.servers import Program, running


async def echo(ws):
    await ws.accept(subprotocol=ws.scope["subprotocols"][-1] if ws.scope["subprotocols"] else None)
    async for text in ws.iter_text():
        await ws.send_text(text)


async def echo_json(ws):
    await ws.accept()
    async for value in ws.iter_json():
        await ws.send_json({"got": value}, mode="binary")
        await ws.send_json({"got": value})


async def deny(ws):
    await ws.send_denial_response(
        JSONResponse({"error": "no token"}, status_code=401, headers={"WWW-Authenticate": "Bearer"})
    )


async def refuse(ws):
    await ws.close()


async def headers(ws):
    await ws.accept(headers=[(b"x-one", b"1"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")])
    await ws.send_text(ws.headers["x-token"])


async def about(ws):
    await ws.accept()
    scope = {name: ws.scope[name] for name in ("scheme", "path", "root_path")} | {"client": ws.client.host}
    await ws.send_json({**scope, "query": dict(ws.query_params), "url": str(ws.url)})


starlette = Starlette(
    routes=[
        WebSocketRoute("/echo", echo),
        WebSocketRoute("/json", echo_json),
        WebSocketRoute("/deny", deny),
        WebSocketRoute("/refuse", refuse),
        WebSocketRoute("/headers", headers),
        Mount("/below", routes=[WebSocketRoute("/about", about)]),
    ]
)


def open_ws(port, path, **options):
    return connect(f"ws://127.0.0.1:{port}{path}", proxy=None, **options)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("deflate", [False, True])
def test_starlette_application_echoes_on_both_loops(serve, loop, deflate):
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    port = serve(starlette, loop=loop, ws_per_message_deflate=deflate)
    with open_ws(port, "/echo", subprotocols=["one", "two"]) as ws:
        assert ws.subprotocol == "two"
        assert ("Sec-WebSocket-Extensions" in ws.response.headers) is deflate
        for text in ("", "héllo", "😀" * 50_000):
            ws.send(text)
            assert ws.recv(10) == text


def test_json_messages_are_exchanged(serve):
    with open_ws(serve(starlette), "/json") as ws:
        for value in ({"a": [1, None]}, "é", 5):
            ws.send(json.dumps(value))
            assert json.loads(ws.recv(10)) == {"got": value}
            assert json.loads(ws.recv(10)) == {"got": value}


def test_denial_response_reaches_the_client(serve):
    with pytest.raises(InvalidStatus) as refused, open_ws(serve(starlette), "/deny"):
        pass
    response = refused.value.response
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert json.loads(response.body) == {"error": "no token"}


@pytest.mark.parametrize("path", ["/refuse", "/nowhere"])
def test_refused_or_unknown_path_is_a_403(serve, path):
    with pytest.raises(InvalidStatus) as refused, open_ws(serve(starlette), path):
        pass
    assert refused.value.response.status_code == 403


def test_headers_of_application_and_config_are_sent(serve):
    port = serve(starlette, headers=[("X-Every", "where")])
    with open_ws(port, "/headers", additional_headers={"X-Token": "s3cret"}) as ws:
        fields = ws.response.headers
        assert (fields["x-one"], fields["x-every"], fields["server"]) == ("1", "where", "uvicorn")
        assert fields.get_all("set-cookie") == ["a=1", "b=2"]
        assert ws.recv(10) == "s3cret"


def test_root_path_and_proxy_headers_reach_the_scope(serve):
    port = serve(starlette, root_path="/api", forwarded_allow_ips="127.0.0.1")
    told = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    with open_ws(port, "/below/about?q=%C3%A9", additional_headers=told) as ws:
        seen = json.loads(ws.recv(10))
    assert seen["root_path"] == "/api/below"
    assert (seen["path"], seen["query"]) == ("/api/below/about", {"q": "é"})
    assert (seen["client"], seen["scheme"]) == ("203.0.113.7", "wss")
    assert seen["url"] == f"wss://127.0.0.1:{port}/api/below/about?q=%C3%A9"


def test_messages_and_scheme_work_over_tls(serve, certificates):
    files, context = certificates
    port = serve(starlette, **files)
    with connect(f"wss://localhost:{port}/below/about", ssl=context, proxy=None) as ws:
        assert json.loads(ws.recv(10))["scheme"] == "wss"
    with connect(f"wss://localhost:{port}/echo", ssl=context, proxy=None) as ws:
        ws.send("x" * 500_000)
        assert ws.recv(10) == "x" * 500_000


# Worker processes.

WORKERS_APP = """
import os
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

async def who(ws):
    await ws.accept()
    async for text in ws.iter_text():
        await ws.send_json([os.getpid(), text])

app = Starlette(routes=[WebSocketRoute("/", who)])
"""


def test_worker_processes_serve_connections(tmp_path):
    (tmp_path / "workers_app.py").write_text(WORKERS_APP)
    words = ("-m", "uvicorn", "--ws", "wsframe.uvicorn:WebSocketProtocol", "--port", "0", "--workers", "2")
    program = Program("uvicorn", (*words, "--app-dir", str(tmp_path), "workers_app:app"))
    processes = set()
    with running(program, tmp_path / "log", accelerated=False) as server:
        end = time.monotonic() + 120
        while len(processes) < 2:
            assert time.monotonic() < end, (processes, (tmp_path / "log").read_text())
            try:
                with open_ws(server.port(), "/") as ws:
                    ws.send("hello")
                    number, text = json.loads(ws.recv(20))
            except OSError:  # no worker yet
                time.sleep(0.1)
                continue
            assert text == "hello"
            processes.add(number)
    assert not processes & {os.getpid(), server.process.pid}

"""The figures for monitoring in a Starlette application, on the same port as its WebSockets."""

from __future__ import annotations

import time
import urllib.request

import pytest
from serving import OURS, serving
from starlette.applications import Starlette
from starlette.routing import Mount, WebSocketRoute
from websockets.sync.client import connect

from wsframe.asgi import Metrics, Topics


async def echo(ws):
    await ws.accept()
    async for message in ws.iter_text():
        await ws.send_text(message)


def read(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics/", timeout=20) as response:
        text = response.read().decode()
    return {
        name: float(value)
        for name, value in (line.split(" ") for line in text.splitlines() if line[0] != "#")
    }


@pytest.mark.parametrize("ws_class", [OURS, "websockets-sansio"])
def test_figures_at_a_path_of_an_application(ws_class):
    metrics = Metrics(topics=(Topics(),))
    app = Starlette(routes=[Mount("/metrics", metrics.asgi), WebSocketRoute("/", echo)])
    with serving(app, ws=ws_class) as port:
        before = read(port)
        with connect(f"ws://127.0.0.1:{port}/", compression=None) as ws:
            for number in range(10):
                ws.send(f"number {number}")
                assert ws.recv() == f"number {number}"
            during = read(port)
        while (after := read(port))["wsframe_connections"]:
            time.sleep(0.01)
    counts = 1 if ws_class == OURS else 0  # other classes have none
    assert during["wsframe_connections"] == counts
    assert during["wsframe_topics_published_total"] == 0
    for name, number in (
        ("opened_connections", 1),
        ("received_messages", 10),
        ("sent_messages", 10),
        ("sent_bytes", 10 * 10),
        ("received_bytes", 10 * 14),
    ):
        name = f"wsframe_{name}_total"
        assert during[name] - before[name] == number * counts
        closing = {"wsframe_sent_bytes_total": 4, "wsframe_received_bytes_total": 8}.get(name, 0)
        assert after[name] - during[name] <= closing * counts
        assert after[name] >= during[name]

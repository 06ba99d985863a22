"""The figures for monitoring: as an object, over HTTP on the same port, and for prometheus_client."""

from __future__ import annotations

import asyncio
import urllib.request

import pytest
from both_ends import address, local

from wsframe.asyncio import Metrics, Topics, connect


def values(metrics):
    return {metric.name: metric.value for metric in metrics.read()}


async def test_figures_of_connections_and_topics():
    topics = Topics()
    metrics = Metrics(topics=(topics,))

    async def handler(ws):
        topics.add(ws, "news")
        async for message in ws:
            topics.publish("news", message)

    async with local(handler, process_request=metrics.process_request) as server:
        uri = address(server)

        def get():
            with urllib.request.urlopen(uri.replace("ws:", "http:") + "/metrics?x=1", timeout=20) as response:
                return response.headers["Content-Type"], response.read().decode()

        async with connect(uri) as one, connect(uri) as other:
            while len(topics.members("news")) < 2:
                await asyncio.sleep(0)
            await one.send("hello")
            assert await one.recv() == await other.recv() == "hello"
            kind, text = await asyncio.to_thread(get)
            assert kind.startswith("text/plain; version=0.0.4")
            assert "# TYPE wsframe_connections gauge\nwsframe_connections 2\n" in text
            assert "\nwsframe_topics_delivered_total 2\n" in text
            assert "\nwsframe_topics 1\n" in text
            found = values(metrics)
            assert found["wsframe_connections"] == 2
            assert found["wsframe_unsent_bytes"] == found["wsframe_congested_connections"] == 0
            assert found["wsframe_topics_published_total"] == 1
            ours = next(iter(server.connections))
            await (await ours.ping())
            found = values(metrics)
            assert (
                found["wsframe_latency_max_seconds"]
                == found["wsframe_latency_mean_seconds"]
                == ours.latency
                > 0
            )


async def test_servers_can_be_named():
    async def handler(ws):
        await ws.wait_closed()

    async with local(handler) as server, connect(address(server)):
        metrics = Metrics(servers=(server,))
        while values(metrics)["wsframe_connections"] != 1:
            await asyncio.sleep(0)
        assert not any(name.startswith("wsframe_topics") for name in values(metrics))


async def test_figures_for_asgi():
    sent, metrics = [], Metrics(topics=(Topics(),))

    async def send(event):
        sent.append(event)

    await metrics.asgi({"type": "http"}, None, send)
    assert sent[0]["status"] == 200
    assert b"wsframe_topics_dropped_total 0" in sent[1]["body"]
    with pytest.raises(ValueError, match="HTTP"):
        await metrics.asgi({"type": "websocket"}, None, send)


async def test_collector_of_prometheus_client():
    prometheus_client = pytest.importorskip("prometheus_client")
    topics = Topics()
    topics.publish("news", "to nobody")
    registry = prometheus_client.CollectorRegistry()
    registry.register(Metrics(topics=(topics,)))
    assert registry.get_sample_value("wsframe_topics_published_total") == 1
    assert registry.get_sample_value("wsframe_connections") == 0
    assert b"# TYPE wsframe_topics_published_total counter" in prometheus_client.generate_latest(registry)

"""The figures for monitoring: as an object, over HTTP on the same port, and for prometheus_client."""

from __future__ import annotations

import asyncio
import urllib.request

import pytest
from both_ends import address, local

from wsframe.asyncio import Listener, Metrics, Topics, broadcast, connect


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


@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_figures_of_messages_and_bytes(compression):
    metrics, received = Metrics(), []

    async def handler(ws):
        async for message in ws:
            received.append(message)
            if message == "stream":
                await ws.send("begin")
                async for piece in ws.recv_streaming():
                    received.append(piece)
            elif message == "broadcast":
                broadcast([ws], "to all")
                ws.send_nowait("at once")
                await ws.send(["in ", "three ", "fragments"])
            else:
                await ws.send(message)

    def counted():
        found = values(metrics)
        kinds = ("received_messages", "sent_messages", "received_bytes", "sent_bytes")
        return [found[f"wsframe_{kind}_total"] for kind in kinds]

    async with local(
        handler, compression=compression, process_request=metrics.process_request, ping_interval=None
    ) as server:
        metrics._servers.add(server)
        async with connect(address(server), compression=compression, ping_interval=None) as ws:
            assert counted() == [0, 0, 0, 0]
            for message in ("x" * 50, b"y" * 200_000):
                await ws.send(message)
                assert await ws.recv() == message
            await (await ws.ping())  # no message, but 10 bytes with its key
            assert counted()[:2] == [2, 2]
            if compression is None:
                assert counted()[2:] == [50 + 6 + 200_000 + 14 + 10, 50 + 2 + 200_000 + 10 + 6]
            await ws.send(["in ", "three ", "fragments"])
            assert await ws.recv() == "in three fragments"
            await ws.send("stream")
            assert await ws.recv() == "begin"
            await ws.send(["a", "b", "c"])
            await ws.send("broadcast")
            assert [await ws.recv() for _ in range(3)] == ["to all", "at once", "in three fragments"]
            assert counted()[:2] == [6, 7]
            assert (ws._messages_sent, ws._messages_received) == (6, 7)
            before = counted()
            await ws.close()
        while values(metrics)["wsframe_connections"] or server._all_connections:
            await asyncio.sleep(0.01)
        after = counted()
        assert after[:2] == before[:2]
        assert [now - then for now, then in zip(after[2:], before[2:], strict=True)] == [8, 4]
        assert values(metrics)["wsframe_opened_connections_total"] == 1


async def test_figures_of_a_listener_and_of_topics():
    topics, metrics = Topics(), Metrics()

    class Chat(Listener):
        def on_open(self, ws):
            topics.add(ws, "chat")

        def on_message(self, ws, message):
            topics.publish("chat", message)

    async with local(Chat) as server:
        metrics._servers.add(server)
        async with connect(address(server)) as one, connect(address(server), compression=None) as other:
            while len(topics.members("chat")) < 2:
                await asyncio.sleep(0)
            for number in range(10):
                one.send_nowait(f"number {number}")
            for ws in (one, other):
                assert [await ws.recv() for _ in range(10)] == [f"number {number}" for number in range(10)]
        found = values(metrics)
        assert found["wsframe_received_messages_total"] == 10
        assert found["wsframe_sent_messages_total"] == 20


async def test_the_server_is_known_before_anybody_asks_for_the_figures():
    metrics = Metrics()

    async def handler(ws):
        await ws.wait_closed()

    async with local(handler, process_request=metrics.process_request) as server, connect(address(server)):
        assert values(metrics)["wsframe_opened_connections_total"] == 1


@pytest.mark.parametrize(
    "options", [{"topics": Topics()}, {"topics": (1,)}, {"servers": 3}, {"servers": ("x",)}, {"path": None}]
)
def test_options_of_wrong_types_are_type_errors(options):
    (name,) = options
    with pytest.raises(TypeError, match=f"{name} must be"):
        Metrics(**options)

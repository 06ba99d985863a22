"""Ways to send a message to connections of another process, over Redis: both nodes are in this process."""

from __future__ import annotations

import os

from bench.endpoints import HOST
from bench.fanout.ways import TEXT, measure, with_uvicorn
from wsframe.asyncio import RedisEngine, Topics, serve


def url() -> str:
    return os.environ["BENCH_REDIS"]


async def with_topics(connections, messages):
    joined = 0
    async with Topics(engine=RedisEngine(url())) as topics, Topics(engine=RedisEngine(url())) as other:

        async def handler(ws):
            nonlocal joined
            await topics.subscribe(ws, "all")
            joined += 1
            await ws.wait_closed()

        async with serve(handler, HOST, 0, compression=None, ping_interval=None) as server:
            port = server.sockets[0].getsockname()[1]

            async def publish():
                other.publish("all", TEXT)

            return await measure(port, connections, lambda: joined, messages, publish, waits=True)


async def with_socketio(connections, messages):
    import socketio

    server = socketio.AsyncServer(
        async_mode="asgi", client_manager=socketio.AsyncRedisManager(url()), ping_interval=3600
    )
    other = socketio.AsyncRedisManager(url(), write_only=True)
    joined = 0

    @server.event
    async def connect(sid, environ):
        nonlocal joined
        joined += 1

    async def measured(port):
        path = "/socket.io/?EIO=4&transport=websocket"
        publish = lambda: other.emit("message", TEXT)  # noqa: E731
        return await measure(
            port, connections, lambda: joined, messages, publish, "socketio", path, waits=True
        )

    return await with_uvicorn(socketio.ASGIApp(server), measured)


async def with_channels(connections, messages):
    from django.conf import settings

    name = "channels_redis.pubsub.RedisPubSubChannelLayer"
    layers = {"default": {"BACKEND": name, "CONFIG": {"hosts": [url()]}}}
    settings.configure(CHANNEL_LAYERS=layers)
    from channels.generic.websocket import AsyncWebsocketConsumer
    from channels_redis.pubsub import RedisPubSubChannelLayer

    other = RedisPubSubChannelLayer(hosts=[url()])
    joined = 0

    class Consumer(AsyncWebsocketConsumer):
        async def connect(self):
            nonlocal joined
            await self.channel_layer.group_add("all", self.channel_name)
            await self.accept()
            joined += 1

        async def text(self, event):
            await self.send(text_data=event["text"])

    async def measured(port):
        publish = lambda: other.group_send("all", {"type": "text", "text": TEXT})  # noqa: E731
        return await measure(port, connections, lambda: joined, messages, publish, waits=True)

    return await with_uvicorn(Consumer.as_asgi(), measured)


WAYS = {
    "wsframe Topics, Redis": with_topics,
    "python-socketio, Redis": with_socketio,
    "channels_redis": with_channels,
}

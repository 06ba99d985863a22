"""hypercorn in this process, unaccelerated and accelerated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from socket import AF_INET, SOCK_STREAM, socket
from typing import Any

import pytest

from wsframe import accelerate

asgi = pytest.importorskip("hypercorn.asyncio")
from hypercorn.config import Config  # noqa: E402

LIMIT = 1000


@pytest.fixture(autouse=True, params=["as it is", "accelerated"])
def twice(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "as it is":
        yield request.param
        return
    accelerate.install("hypercorn", "wsproto")
    try:
        assert {host.host for host in accelerate.status() if host.active} >= {"hypercorn", "wsproto"}
        yield request.param
    finally:
        accelerate.uninstall("hypercorn", "wsproto")


@asynccontextmanager
async def running(app: Any, **options: Any) -> AsyncIterator[str]:
    config = Config()
    config.errorlog = None
    config.websocket_max_message_size = LIMIT
    for name, value in options.items():
        setattr(config, name, value)
    end = asyncio.Event()
    with closing(socket(AF_INET, SOCK_STREAM)) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        host, port = listener.getsockname()
        config.bind = [f"fd://{listener.fileno()}"]
        task = asyncio.create_task(asgi.serve(app, config, shutdown_trigger=end.wait, mode="asgi"))
        try:
            yield f"ws://{host}:{port}"
        finally:
            end.set()
            await task
            listener.detach()  # hypercorn closed it


def replying(*kinds: Any) -> Any:
    """An echo that sends bytes back as objects of these types."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            assert sorted(message) == ["bytes", "text", "type"]
            if message["text"] is not None:
                assert message["bytes"] is None
                await send({"type": "websocket.send", "text": message["text"]})
            for kind in kinds if message["text"] is None else ():
                assert type(message["bytes"]) is bytes
                await send({"type": "websocket.send", "bytes": kind(message["bytes"])})

    return app

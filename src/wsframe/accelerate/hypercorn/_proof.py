"""Known answers, over a hypercorn whose own ways are out of order."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any

from .._known import HELLO, MASKED_HELLO, long_way, run
from ._asyncio import Asyncio, Queue

LONG_WAY = long_way("hypercorn")


def of_the_stream() -> None:
    from wsproto.connection import Connection, ConnectionType

    ws_stream = import_module("hypercorn.protocol.ws_stream")
    config = import_module("hypercorn.config").Config()
    to_app: list[Any] = []
    to_wire: list[Any] = []

    async def app_put(message: Any) -> None:
        to_app.append(message)

    async def send(event: Any) -> None:
        to_wire.append(event)

    stream = ws_stream.WSStream(None, config, None, None, False, None, None, send, 1)
    stream.app_put = app_put
    stream.state = ws_stream.ASGIWebsocketState.CONNECTED
    stream.connection = Connection(ConnectionType.SERVER)
    stream.handshake = ws_stream.Handshake([], "1.1")
    stream.handshake.accepted = True
    vars(stream.buffer).update(extend=LONG_WAY)
    vars(stream.connection).update(events=LONG_WAY, send=LONG_WAY)
    run(stream.handle(ws_stream.Data(stream_id=1, data=MASKED_HELLO)))
    run(stream.app_send({"type": "websocket.send", "text": "Hello"}))
    if to_app != [{"type": "websocket.receive", "bytes": None, "text": "Hello"}] or to_wire != [
        ws_stream.Data(stream_id=1, data=HELLO)
    ]:
        raise RuntimeError("a wrong answer")


def of_the_server() -> None:
    server = import_module("hypercorn.asyncio.tcp_server")
    events = import_module("hypercorn.events")
    handled: list[Any] = []
    ends = iter([False, True])

    async def read(size: int) -> bytes:
        return b"data"

    async def handle(event: Any) -> None:
        handled.append(event)

    connection = SimpleNamespace(
        config=SimpleNamespace(read_timeout=None),
        protocol=SimpleNamespace(handle=handle),
        reader=SimpleNamespace(at_eof=lambda: next(ends), read=read),
    )
    if not isinstance(server.asyncio, Asyncio):
        LONG_WAY()
    run(server.TCPServer._read_data(connection))
    if handled != [events.RawData(b"data"), events.Closed()]:
        raise RuntimeError("a wrong answer")


def of_the_tasks() -> None:
    task_group = import_module("hypercorn.asyncio.task_group")
    config = SimpleNamespace(max_app_queue_size=1)
    spawned: list[Any] = []

    async def spawn() -> None:
        group = task_group.TaskGroup(SimpleNamespace(run_in_executor=print))
        vars(group).update(spawn=lambda *task: spawned.extend(task))
        put = await group.spawn_app(None, config, None, None)
        queue = put.__self__
        if type(queue) is not Queue:
            LONG_WAY()
        vars(queue).update(get_nowait=LONG_WAY)
        await put("item")
        full = queue.full()
        if not full or queue.get not in spawned or await queue.get() != "item" or not queue.empty():
            raise RuntimeError("a wrong answer")

    run(spawn())

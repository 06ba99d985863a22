"""Known answers, over a hypercorn whose own ways are out of order."""

from __future__ import annotations

from asyncio import StreamReader
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from .._shared.proof import HELLO, KEY, MASKED_HELLO, alter, long_way, run
from .asyncio import Asyncio, Queue

LONG_WAY = long_way("hypercorn")
REQUEST = (
    (b"host", b"localhost"),
    (b"connection", b"Upgrade"),
    (b"upgrade", b"websocket"),
    (b"sec-websocket-key", KEY),
    (b"sec-websocket-version", b"13"),
)


def of_the_stream() -> None:
    ws_stream = import_module("hypercorn.protocol.ws_stream")
    events = import_module("hypercorn.protocol.events")
    to_app: list[Any] = []
    to_wire: list[Any] = []

    async def app_put(message: Any) -> None:
        to_app.append(message)

    async def spawn_app(*_: Any) -> Any:
        return app_put

    async def send(event: Any) -> None:
        to_wire.append(event)

    group = SimpleNamespace(spawn_app=spawn_app)
    stream = ws_stream.WSStream(None, _config(), None, group, False, None, None, send, 1)
    request = events.Request(
        stream_id=1, headers=list(REQUEST), http_version="1.1", method="GET", raw_path=b"/", state={}
    )
    run(stream.handle(request))
    run(stream.app_send({"type": "websocket.accept"}))
    if to_app != [{"type": "websocket.connect"}] or [event.status_code for event in to_wire] != [101]:
        raise RuntimeError("no handshake")
    alter(stream.buffer, extend=LONG_WAY)
    alter(stream.connection, events=LONG_WAY, send=LONG_WAY)
    run(stream.handle(events.Data(stream_id=1, data=MASKED_HELLO)))
    run(stream.app_send({"type": "websocket.send", "text": "Hello"}))
    if to_app[1:] != [{"type": "websocket.receive", "bytes": None, "text": "Hello"}] or to_wire[1:] != [
        events.Data(stream_id=1, data=HELLO)
    ]:
        raise RuntimeError("a wrong answer")


def of_the_server() -> None:
    server = import_module("hypercorn.asyncio.tcp_server")
    events = import_module("hypercorn.events")
    handled: list[Any] = []

    async def handle(event: Any) -> None:
        handled.append(event)

    loop: Any = SimpleNamespace(get_debug=bool)
    reader = StreamReader(loop=loop)
    reader.feed_data(b"data")
    reader.feed_eof()
    if not isinstance(server.asyncio, Asyncio):
        LONG_WAY()
    connection = server.TCPServer(None, loop, _config(), None, {}, reader, None)
    connection.protocol = SimpleNamespace(handle=handle)  # `run` makes it, once it has begun to listen
    run(connection._read_data())
    if handled != [events.RawData(b"data"), events.Closed()]:
        raise RuntimeError("a wrong answer")


def of_the_tasks() -> None:
    task_group = import_module("hypercorn.asyncio.task_group")
    config = _config()
    alter(config, max_app_queue_size=1)
    spawned: list[Any] = []

    async def spawn() -> None:
        group = task_group.TaskGroup(SimpleNamespace(run_in_executor=print))
        alter(group, spawn=lambda *task: spawned.extend(task))
        put = await group.spawn_app(None, config, None, None)
        queue = put.__self__
        if type(queue) is not Queue:
            LONG_WAY()
        alter(queue, get_nowait=LONG_WAY)
        await put("item")
        full = queue.full()
        if not full or queue.get not in spawned or await queue.get() != "item" or not queue.empty():
            raise RuntimeError("a wrong answer")

    run(spawn())


def _config() -> Any:
    """Make a configuration that logs nothing, sends no pings, and sets up no logger of the program."""

    async def access(*_: Any) -> None: ...

    config = import_module("hypercorn.config").Config()
    alter(config, _log=SimpleNamespace(access=access), websocket_ping_interval=None)
    return config

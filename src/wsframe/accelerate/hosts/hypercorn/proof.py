"""Known messages, with the original code of hypercorn disabled."""

from __future__ import annotations

from asyncio import StreamReader
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from .._shared.proof import HELLO, KEY, MASKED_HELLO, alter, check, made, original_code, run
from .waiting import Asyncio, Queue

ORIGINAL_CODE = original_code("hypercorn")
REQUEST = (
    (b"host", b"localhost"),
    (b"connection", b"Upgrade"),
    (b"upgrade", b"websocket"),
    (b"sec-websocket-key", KEY),
    (b"sec-websocket-version", b"13"),
)


def prove_stream() -> None:
    ws_stream = import_module("hypercorn.protocol.ws_stream")
    events = import_module("hypercorn.protocol.events")
    to_app: list[Any] = []
    to_server: list[Any] = []

    async def app_put(message: Any) -> None:
        to_app.append(message)

    async def spawn_app(*_: Any) -> Any:
        return app_put

    async def send(event: Any) -> None:
        to_server.append(event)

    group = SimpleNamespace(spawn_app=spawn_app)
    stream = ws_stream.WSStream(None, _config(), None, group, False, None, None, send, 1)
    request = made(
        events.Request,
        stream_id=1,
        headers=list(REQUEST),
        http_version="1.1",
        method="GET",
        raw_path=b"/",
        state={},  # since 0.17
    )
    run(stream.handle(request))
    run(stream.app_send({"type": "websocket.accept"}))
    if to_app != [{"type": "websocket.connect"}] or [event.status_code for event in to_server] != [101]:
        raise RuntimeError("no handshake")
    alter(stream.buffer, extend=ORIGINAL_CODE)
    alter(stream.connection, events=ORIGINAL_CODE, send=ORIGINAL_CODE)
    run(stream.handle(events.Data(stream_id=1, data=MASKED_HELLO)))
    run(stream.app_send({"type": "websocket.send", "text": "Hello"}))
    check(to_app[1:] == [{"type": "websocket.receive", "bytes": None, "text": "Hello"}])
    check(to_server[1:] == [events.Data(stream_id=1, data=HELLO)])


def prove_server() -> None:
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
        ORIGINAL_CODE()
    connection = made(
        server.TCPServer,
        app=None,
        loop=loop,
        config=_config(),
        context=None,
        state={},  # since 0.17
        reader=reader,
        writer=None,
    )
    connection.protocol = SimpleNamespace(handle=handle)  # `run` makes it, once it has begun to listen
    run(connection._read_data())
    check(handled == [events.RawData(b"data"), events.Closed()])


def prove_tasks() -> None:
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
            ORIGINAL_CODE()
        alter(queue, get_nowait=ORIGINAL_CODE)
        await put("item")
        check(queue.full() and queue.get in spawned)
        check(await queue.get() == "item" and queue.empty())

    run(spawn())


def _config() -> Any:
    """Make a configuration that logs nothing, sends no pings, and sets up no logger of the program."""

    async def access(*_: Any) -> None: ...

    config = import_module("hypercorn.config").Config()
    alter(config, _log=SimpleNamespace(access=access), websocket_ping_interval=None)
    return config

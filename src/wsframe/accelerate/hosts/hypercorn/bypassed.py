"""The functions that the fast paths bypass or replace: a wrapper of one of them is noticed."""

from __future__ import annotations

from ...ownership import Bypassed

STREAM = "hypercorn.protocol.ws_stream"
STREAM_CLASS = f"{STREAM}:WSStream"
PROTOCOL = "hypercorn.protocol.h11"
SERVER = "hypercorn.asyncio.tcp_server"
TASKS = "hypercorn.asyncio.task_group"

RECEIVING: tuple[Bypassed, ...] = (
    (STREAM_CLASS, ("_handle_events",)),
    (f"{STREAM}:WebsocketBuffer", ("extend", "to_message", "clear")),
    ("wsproto.connection:Connection", ("events",)),
)
SENDING: tuple[Bypassed, ...] = (
    (STREAM_CLASS, ("app_send", "_send_wsproto_event")),
    ("wsproto.events:Message", ("__init__",)),
    ("wsproto.events:TextMessage", ("__init__",)),
    ("wsproto.events:BytesMessage", ("__init__",)),
)
# From a stream to the transport.
WRITING: tuple[Bypassed, ...] = (
    ("hypercorn.protocol.events:Data", ("__init__",)),
    ("hypercorn.events:RawData", ("__init__",)),
    (f"{PROTOCOL}:H11Protocol", ("stream_send",)),
    (f"{SERVER}:TCPServer", ("protocol_send",)),
    ("asyncio.streams:StreamWriter", ("drain", "write")),
)
QUEUE: tuple[Bypassed, ...] = (("asyncio.queues:Queue", ("_get", "empty", "get", "get_nowait")),)

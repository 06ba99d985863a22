"""What the fast paths do the work of without calling it."""

from __future__ import annotations

from ...host import PassedBy

STREAM = "hypercorn.protocol.ws_stream"
STREAM_CLASS = f"{STREAM}:WSStream"
PACKAGES = ("hypercorn", "asyncio", "wsproto")

RECEIVING: tuple[PassedBy, ...] = (
    (STREAM_CLASS, ("_handle_events",)),
    (f"{STREAM}:WebsocketBuffer", ("extend", "to_message", "clear")),
    ("wsproto.connection:Connection", ("events",)),
)
SENDING: tuple[PassedBy, ...] = (
    (STREAM_CLASS, ("app_send", "_send_wsproto_event")),
    ("wsproto.events:Message", ("__init__",)),
    ("wsproto.events:TextMessage", ("__init__",)),
    ("wsproto.events:BytesMessage", ("__init__",)),
)
# From a stream to the transport.
WRITING: tuple[PassedBy, ...] = (
    ("hypercorn.protocol.events:Data", ("__init__",)),
    ("hypercorn.events:RawData", ("__init__",)),
    ("hypercorn.protocol.h11:H11Protocol", ("stream_send",)),
    ("hypercorn.asyncio.tcp_server:TCPServer", ("protocol_send",)),
    ("asyncio.streams:StreamWriter", ("drain", "write")),
)
QUEUE: tuple[PassedBy, ...] = (("asyncio.queues:Queue", ("_get", "empty", "get", "get_nowait")),)

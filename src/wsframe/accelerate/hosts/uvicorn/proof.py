"""Known messages, with the original code of protocols disabled."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any

from .._shared.proof import HELLO, QUIET, alter, check, original_code, privately, run
from .bypassed import SANSIO, WSPROTO
from .reading import TRANSPORT

ORIGINAL_CODE = original_code("uvicorn")

# Of a text and a binary message, as the application gets them.
EVENTS: list[dict[str, Any]] = [
    {"type": "websocket.receive", "text": "text"},
    {"type": "websocket.receive", "bytes": b"bytes"},
]


class Stage:
    """A protocol after its handshake, on a transport and a loop that record calls."""

    def __init__(self, Protocol: Any, **state: Any) -> None:
        self.written: list[bytes] = []
        self.later: list[Any] = []
        transport: Any = TRANSPORT.__new__(TRANSPORT)
        vars(transport).update(
            _sock=None, is_closing=lambda: False, pause_reading=ORIGINAL_CODE, write=self.written.append
        )
        config: Any = import_module("uvicorn.config").Config(
            None, interface="asgi3", log_config=None, ws_per_message_deflate=False
        )
        config.loaded, config.loaded_app = True, None
        loop = SimpleNamespace(call_soon=lambda *call: self.later.append(call))
        state_of_server = import_module("uvicorn.server").ServerState()
        # Its logger is one of the program, and the WebSocket's of websockets, too.
        init = privately(Protocol.__init__, logging=SimpleNamespace(getLogger=lambda _: QUIET))
        Protocol = type(Protocol.__name__, (Protocol,), {"__init__": init})
        self.protocol: Any = Protocol(config, state_of_server, {}, _loop=loop)
        alter(self.protocol, handshake_complete=True, transport=transport, **state)

    def prove(self) -> None:
        """See that EVENTS have come, that a message leaves, and that reading goes on once all are taken."""
        protocol = self.protocol
        run(protocol.send({"type": "websocket.send", "text": "Hello"}))
        received = [protocol.queue.get_nowait() for _ in range(protocol.queue.qsize())]
        ((callback, *values),) = self.later
        protocol.read_paused = False
        callback(*values)
        check(self.written == [HELLO] and received == EVENTS)


def prove_wsproto() -> None:
    from wsproto.connection import Connection, ConnectionType

    impl: Any = import_module(WSPROTO)
    stage = Stage(impl.WSProtocol)
    alter(stage.protocol.conn, connection=Connection(ConnectionType.SERVER), send=ORIGINAL_CODE)
    stage.protocol.handle_message(impl.events.TextMessage("text"))
    stage.protocol.handle_message(impl.events.BytesMessage(b"bytes"))
    stage.prove()


def prove_sansio() -> None:
    from websockets.frames import Frame, Opcode
    from websockets.protocol import SERVER, Protocol

    conn: Any = Protocol(SERVER, logger=QUIET)
    conn.send_text = conn.send_binary = ORIGINAL_CODE
    conn.events += [Frame(Opcode.TEXT, b"text"), Frame(Opcode.BINARY, b"bytes")]
    stage = Stage(
        import_module(SANSIO).WebSocketsSansIOProtocol,
        conn=conn,
        send_receive_event_to_app=ORIGINAL_CODE,
    )
    stage.protocol.handle_events()
    stage.prove()

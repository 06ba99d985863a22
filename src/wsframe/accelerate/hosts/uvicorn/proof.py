"""What the proofs of both protocols have in common."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any

from .._shared.proof import HELLO, QUIET, alter, long_way, privately, run
from .reading import TRANSPORT

LONG_WAY = long_way("uvicorn")

# Of a text and a binary message, as the application gets them.
EVENTS: list[dict[str, Any]] = [
    {"type": "websocket.receive", "text": "text"},
    {"type": "websocket.receive", "bytes": b"bytes"},
]


class Stage:
    """A protocol whose handshake is over, on a transport and a loop that remember what is asked of them."""

    def __init__(self, Protocol: Any, **state: Any) -> None:
        self.written: list[bytes] = []
        self.later: list[Any] = []
        transport: Any = TRANSPORT.__new__(TRANSPORT)
        vars(transport).update(
            _sock=None, is_closing=lambda: False, pause_reading=LONG_WAY, write=self.written.append
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
        if self.written != [HELLO] or received != EVENTS:
            raise RuntimeError("a wrong answer")

"""websocket-client: a frame that comes unmasked, and one that leaves under a key of the system.

All else is left to its own code, which goes on where the new code stops: a frame that is masked, long, or in
pieces, a key of the program's own. As ever no byte is read that is not part of the frame at hand.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module
from socket import socketpair

from ...._spec import Opcode
from ...host import Host, Replacement
from .._shared.proof import HELLO, long_way
from . import leaves, receive, send
from .bypassed import RECEIVING, SENDING

__all__ = ["HOST"]

MODULES = "websocket._abnf", "websocket._core", "websocket._utils"
LONG_WAY = long_way("websocket-client")


def _replacements() -> Iterable[Replacement]:
    abnf, core, utils = map(import_module, MODULES)
    yield utils, "_validate_utf8", leaves.validate_utf8(utils._validate_utf8)
    yield abnf, "_mask", leaves.mask_arrays(abnf._mask)
    yield abnf.ABNF, "format", send.format_frame(abnf.ABNF)
    yield abnf.frame_buffer, "recv_frame", receive.recv_frame(abnf)
    for name, method in receive.receive_methods(core, abnf).items():
        yield core.WebSocket, name, method
    yield core.WebSocket, "send", send.send(core)
    for name in ("recv", "send"):
        original = getattr(core, name)
        new = leaves.on_socket(original, name)
        for path, module in list(sys.modules.items()):
            if path.partition(".")[0] == "websocket" and getattr(module, name, None) is original:
                yield module, name, new


def _prove() -> None:
    abnf, core, utils = map(import_module, MODULES)
    ws = core.WebSocket()
    ws.frame_buffer.recv_strict = LONG_WAY
    ws.cont_frame.add = ws.cont_frame.extract = LONG_WAY
    frame = abnf.ABNF.create_frame("Hello", int(Opcode.TEXT))
    frame._get_masked = LONG_WAY
    near, far = socketpair()
    with near, far:
        near.setblocking(False)
        ws.sock = near
        far.sendall(HELLO * 2)
        received = [ws.recv(), ws.recv_data_frame()[1].data]
        ws.send_frame(frame)
        sent = [far.recv(2**14)]
        # A class of its own: other threads use the methods of the library meanwhile.
        sender = type("Sender", (core.WebSocket,), {"send_frame": LONG_WAY})()
        sender.sock = near
        sender.send("Hello")
        sent.append(far.recv(2**14))
    replaced = core.WebSocket.recv, abnf._mask, utils._validate_utf8
    if (
        not all(hasattr(one, "__wrapped__") for one in replaced)
        or received != ["Hello", b"Hello"]
        or [abnf.validate_utf8("é".encode()), abnf.validate_utf8(b"\xff")] != [True, False]
        or [(data[:2], abnf.ABNF.mask(data[2:6], data[6:])) for data in sent] != [(b"\x81\x85", b"Hello")] * 2
    ):
        raise RuntimeError("a wrong answer")


HOST = Host(
    name="websocket_client",
    first=(1, 8),
    below=(1, 10),
    modules=MODULES,
    replacements=_replacements,
    prove=_prove,
    passes_by=RECEIVING + SENDING,
)

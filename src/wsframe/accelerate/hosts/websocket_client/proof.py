"""Known messages, with the original code of a socket disabled."""

from __future__ import annotations

from importlib import import_module
from socket import socketpair

from ...._spec import Opcode
from .._shared.proof import HELLO, check, original_code
from .bypassed import ABNF, CORE, UTILS

ORIGINAL_CODE = original_code("websocket-client")


def prove() -> None:
    abnf, core, utils = map(import_module, (ABNF, CORE, UTILS))
    ws = core.WebSocket()
    ws.frame_buffer.recv_strict = ORIGINAL_CODE
    ws.cont_frame.add = ws.cont_frame.extract = ORIGINAL_CODE
    frame = abnf.ABNF.create_frame("Hello", int(Opcode.TEXT))
    frame._get_masked = ORIGINAL_CODE
    near, far = socketpair()
    with near, far:
        near.setblocking(False)
        ws.sock = near
        far.sendall(HELLO * 2)
        received = [ws.recv(), ws.recv_data_frame()[1].data]
        ws.send_frame(frame)
        sent = [far.recv(2**14)]
        # A class of its own: other threads use the methods of the library meanwhile.
        sender = type("Sender", (core.WebSocket,), {"send_frame": ORIGINAL_CODE})()
        sender.sock = near
        sender.send("Hello")
        sent.append(far.recv(2**14))
    replaced = core.WebSocket.recv, abnf._mask, utils._validate_utf8
    check(all(hasattr(one, "__wrapped__") for one in replaced) and received == ["Hello", b"Hello"])
    check([abnf.validate_utf8("é".encode()), abnf.validate_utf8(b"\xff")] == [True, False])
    check(all((data[:2], abnf.ABNF.mask(data[2:6], data[6:])) == (b"\x81\x85", b"Hello") for data in sent))

"""tornado, its server and its client.

A message that arrives in one frame takes the short way. All else, from a fragment to a broken rule, meets the
code of tornado, at the frame where it stands: exceptions, log lines and limits are its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from ..._spec import Opcode
from .._host import Deflating, Host, Replacement
from .._known import HELLO, MASKED_HELLO, long_way, run
from .._patch import own_replacements
from .._slot import distribution_version
from ._passed import RECEIVING, SENDING

__all__ = ["HOST", "protocol_class"]

MODULE = "tornado.websocket"
LONG_WAY = long_way("tornado")


def protocol_class() -> type:
    """Make a class to be used without patching.

    Returns:
        A subclass of `tornado.websocket.WebSocketProtocol13`: what the `get_websocket_protocol` of a handler
        or of a client may set as the `__class__` of the object it returns.

    Raises:
        RuntimeError: the installed tornado is not one that was tested, or somebody else has patched it.
    """
    found = distribution_version("tornado")
    if found is None or not HOST.covers(found):
        raise RuntimeError(f"tornado {HOST.misfit(found)}")
    Protocol = import_module(MODULE).WebSocketProtocol13
    patched = Protocol._receive_frame.__globals__["__name__"].startswith(__name__)
    methods = {} if patched else {name: new for _, name, new in own_replacements(HOST, HOST.name)}
    return type("WebSocketProtocol13", (Protocol,), methods)


def _replacements() -> Iterable[Replacement]:
    from . import _receive, _send

    Protocol = import_module(MODULE).WebSocketProtocol13
    write_frame = _send.write_frame()
    yield Protocol, "_receive_frame", _receive.receive_frame()
    yield Protocol, "_write_frame", write_frame
    yield Protocol, "write_message", _send.write_message(write_frame)


def _prove() -> None:
    websocket, iostream = import_module(MODULE), import_module("tornado.iostream")
    received: list[Any] = []
    sent: list[bytes] = []
    later: list[Any] = []

    def send(data: bytes) -> int:
        sent.append(data)
        return len(data)

    loop: Any = SimpleNamespace(call_soon=lambda *call: later.append(call), create_future=object)
    stream = iostream.IOStream.__new__(iostream.IOStream)
    vars(stream).update(
        _close_callback=None,
        _closed=False,
        _connecting=False,
        _read_buffer=bytearray(MASKED_HELLO),
        _read_buffer_size=len(MASKED_HELLO),
        _read_future=None,
        _state=None,
        _total_write_done_index=0,
        _total_write_index=0,
        _user_read_buffer=False,
        _write_buffer=b"",
        io_loop=SimpleNamespace(asyncio_loop=loop),
        max_write_buffer_size=None,
        read_bytes=LONG_WAY,
        socket=SimpleNamespace(send=send),
        write=LONG_WAY,
    )
    handler = SimpleNamespace(log_exception=LONG_WAY, on_message=received.append)
    protocol = websocket.WebSocketProtocol13(handler, False, websocket._WebSocketParams())
    protocol.stream = stream
    running = asyncio._get_running_loop()
    asyncio._set_running_loop(loop)
    try:
        run(protocol._receive_frame())
        protocol.write_message("Hello")
        stream.write = send
        protocol._write_frame(True, Opcode.TEXT, b"Hello")
    finally:
        asyncio._set_running_loop(running)
    sizes = protocol._wire_bytes_in, protocol._wire_bytes_out, stream._read_buffer_size, len(later)
    if received != ["Hello"] or sent != [HELLO] * 2 or sizes != (len(MASKED_HELLO), len(HELLO) * 2, 0, 1):
        raise RuntimeError("a wrong answer")


def _round_trip(data: bytes) -> tuple[Any, Any, bytes]:
    websocket = import_module(MODULE)
    compressor = websocket._PerMessageDeflateCompressor(True, None)
    decompressor = websocket._PerMessageDeflateDecompressor(True, None, len(data))
    answer = decompressor.decompress(compressor.compress(data))
    return compressor._compressor, decompressor._decompressor, answer


HOST = Host(
    name="tornado",
    first=(6, 3),
    below=(6, 7),
    modules=(MODULE,),
    replacements=_replacements,
    prove=_prove,
    passes_by=RECEIVING + SENDING,
    coalesces=True,
    deflating=Deflating(module=MODULE, round_trip=_round_trip),
)

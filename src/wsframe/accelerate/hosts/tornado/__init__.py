"""tornado, its server and its client.

A message that arrives in one frame takes the short way. All else, from a fragment to a broken rule, meets the
code of tornado, at the frame where it stands: exceptions, log lines and limits are its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from importlib import import_module
from socket import socketpair
from types import SimpleNamespace
from typing import Any

from ...._spec import Opcode
from ...host import Deflating, Host, Replacement
from ...patch import own_replacements
from ...slot import distribution_version
from .._shared.proof import HELLO, MASKED_HELLO, alter, long_way, run
from .bypassed import RECEIVING, SENDING

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
    from . import receive, send

    Protocol = import_module(MODULE).WebSocketProtocol13
    write_frame = send.write_frame()
    yield Protocol, "_receive_frame", receive.receive_frame()
    yield Protocol, "_write_frame", write_frame
    yield Protocol, "write_message", send.write_message(write_frame)


def _prove() -> None:
    websocket, iostream = import_module(MODULE), import_module("tornado.iostream")
    received: list[Any] = []
    # It opens no selector; tornado's constructor finds it, and neither makes nor asks one of the program.
    loop = asyncio.BaseEventLoop()
    loop.set_debug(False)
    running = asyncio._get_running_loop()
    asyncio._set_running_loop(loop)
    try:
        near, far = socketpair()
        with near, far:
            far.settimeout(1)
            stream = iostream.IOStream(near)
            alter(
                stream,
                _read_buffer=bytearray(MASKED_HELLO),
                _read_buffer_size=len(MASKED_HELLO),
                read_bytes=LONG_WAY,
                write=LONG_WAY,
            )
            handler = SimpleNamespace(log_exception=LONG_WAY, on_message=received.append)
            protocol = websocket.WebSocketProtocol13(handler, False, websocket._WebSocketParams())
            alter(protocol, stream=stream)
            run(protocol._receive_frame())
            written = protocol.write_message("Hello")
            sent = far.recv(100)
            alter(stream, write=near.send)
            protocol._write_frame(True, Opcode.TEXT, b"Hello")
            sent += far.recv(100)
            stream.io_loop.close()
    finally:
        asyncio._set_running_loop(running)
        loop.close()
    sizes = protocol._wire_bytes_in, protocol._wire_bytes_out, stream._read_buffer_size
    if (
        received != ["Hello"]
        or sent != HELLO * 2
        or sizes != (len(MASKED_HELLO), len(HELLO) * 2, 0)
        or written.done()
    ):
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

"""picows, whose mask no Python call reaches: its kernel is called through ctypes."""

import asyncio
import ctypes
import logging
import socket
from types import SimpleNamespace

from picows import WSListener, picows
from picows.picows import WSProtocol

DISTRIBUTION = "picows"
NOTE = "it returns frames; joining fragments and checking close codes is left to the application"
MASK_FROM = 256 * 1024  # bytes; below, ctypes would be what is measured

READ_BUFFER = 4 * 2**20
REQUEST = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Collector(WSListener):
    def __init__(self):
        self.received = []

    def on_ws_frame(self, transport, frame):
        self.received.append(frame.get_payload_as_utf8_text())


async def open_protocol(listener):
    protocol = WSProtocol(
        host_port=None,
        ws_path=None,
        is_client_side=False,
        ws_listener_factory=lambda request: listener,
        logger=logging.getLogger("picows"),
        disconnect_on_exception=True,
        websocket_handshake_timeout=None,
        enable_auto_ping=False,
        auto_ping_idle_timeout=None,
        auto_ping_reply_timeout=None,
        auto_ping_strategy=0,
        enable_auto_pong=True,
        max_frame_size=READ_BUFFER,
        extra_headers=None,
        read_buffer_init_size=READ_BUFFER,
    )
    transport = SimpleNamespace(
        get_extra_info={"socket": socket.socket()}.get, get_write_buffer_size=int, write=len
    )
    protocol.connection_made(transport)
    return protocol


def decoder():
    listener = Collector()
    protocol = asyncio.run(open_protocol(listener))

    def feed(data):
        listener.received = received = []
        size = len(data)
        protocol.get_buffer(-1)[:size] = data
        protocol.buffer_updated(size)
        return received

    feed(REQUEST)
    return feed


library = ctypes.PyDLL(picows.__file__)
pointer, size_t = ctypes.c_void_p, ctypes.c_size_t
library.get_apply_mask_fast_fn.restype = ctypes.PYFUNCTYPE(
    size_t, pointer, size_t, size_t, ctypes.c_uint32, pointer
)
kernel = library.get_apply_mask_fast_fn()


def buffer(data):
    """A copy where the kernel wants it: at a multiple of 64."""
    raw = ctypes.create_string_buffer(len(data) + 63)
    aligned = (ctypes.c_char * len(data)).from_buffer(raw, -ctypes.addressof(raw) % 64)
    aligned.raw = data
    return aligned


def mask_into(buffer, key):
    kernel(buffer, len(buffer), 0, int.from_bytes(key, "little"), buffer)

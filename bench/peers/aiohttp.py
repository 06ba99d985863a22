"""aiohttp's compiled reader and mask, and its writer, which is Python."""

import asyncio
from types import SimpleNamespace

from aiohttp._websocket.mask import _websocket_mask_cython as websocket_mask
from aiohttp._websocket.reader_c import WebSocketDataQueue, WebSocketReader
from aiohttp._websocket.writer import WebSocketWriter

DISTRIBUTION = "aiohttp"
NOTE = "its messages stay in its queue; awaiting each one in an application is not counted"

TEXT = 1
MAX_MESSAGE = 4 * 2**20  # its default
QUEUE = 2**31 - 1  # the most it can be told to hold before it stops reading


class Flowing:
    """A transport's protocol that must not be asked to stop."""

    _reading_paused = False
    _paused = False

    def pause_reading(self):
        raise AssertionError("aiohttp stopped reading: the figure would be of nothing")


def decoder():
    loop = asyncio.new_event_loop()
    loop.close()
    queue = WebSocketDataQueue(Flowing(), QUEUE, loop=loop)
    reader = WebSocketReader(queue, MAX_MESSAGE, False, True)
    received = queue._buffer

    def feed(data):
        received.clear()  # the reader still counts what was here: see QUEUE
        reader.feed_data(data)
        return received

    return feed


def texts(received):
    return [message.data for message, size in received]


def mask(data, key):
    buffer = bytearray(data)
    websocket_mask(key, buffer)
    return buffer


def mask_into(buffer, key):
    websocket_mask(key, buffer)


sent = []  # a long message is a write of its own, after its header
transport = SimpleNamespace(write=sent.append, is_closing=bool)
write = WebSocketWriter(Flowing(), transport)._write_websocket_frame
write_masked = WebSocketWriter(Flowing(), transport, use_mask=True)._write_websocket_frame


def encode_text(text):
    sent.clear()
    write(text.encode(), TEXT, 0)
    return sent


def encode_text_masked(text):
    sent.clear()
    write_masked(text.encode(), TEXT, 0)
    return sent

"""No WebSocket library: bytes that are known beforehand, at the least cost asyncio has.

What they reach bounds what a library on asyncio can: less than to read, to count and to write it cannot do.
"""

import asyncio
from typing import ClassVar

from bench.endpoints import HOST, text_of
from wsframe import accept_key, encode_text

CLOSE = 8  # bytes of a Close: header, key, status code
READ_SIZE = 2**18


class Constants:
    """Replies to each frame of a known size with the same one."""

    reply = b""

    def connection_made(self, transport):
        self.transport = transport
        self.write = transport.write
        self.partial = -1  # the handshake comes first

    def shake_hands(self, data):
        self.partial = 0
        key = data.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
        self.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept_key(key).encode() + b"\r\n\r\n"
        )

    def reply_to(self, size):
        frames, self.partial = divmod(self.partial + size, len(self.reply) + 4)
        if frames:
            self.write(self.reply * frames)
        elif self.partial == CLOSE:
            self.transport.close()


class Unbuffered(Constants, asyncio.Protocol):
    def data_received(self, data):
        if self.partial < 0:
            self.shake_hands(data)
        else:
            self.reply_to(len(data))


class Buffered(Constants, asyncio.BufferedProtocol):
    buffer = memoryview(bytearray(READ_SIZE))

    def get_buffer(self, sizehint):
        return self.buffer

    def buffer_updated(self, size):
        if self.partial < 0:
            self.shake_hands(bytes(self.buffer[:size]))
        else:
            self.reply_to(size)


class PerRead(Buffered):
    """Replies to each read with the same frame: for one message in flight."""

    def reply_to(self, size):
        if size == CLOSE:
            self.transport.close()
        else:
            self.write(self.reply)


async def echo(size):
    Constants.reply = encode_text(text_of(size))
    return await asyncio.get_running_loop().create_server(Unbuffered, HOST, 0)


async def echo_buffered(size):
    Constants.reply = encode_text(text_of(size))
    return await asyncio.get_running_loop().create_server(Buffered, HOST, 0)


async def echo_reads(size):
    Constants.reply = encode_text(text_of(size))
    return await asyncio.get_running_loop().create_server(PerRead, HOST, 0)


async def waiting():
    return await echo(0)


class Broadcaster(Constants, asyncio.Protocol):
    """Writes a frame to all connections when one sends anything."""

    connections: ClassVar = []

    def data_received(self, data):
        if self.partial < 0:
            self.shake_hands(data)
            self.connections.append(self)
        else:
            frame = self.reply
            for connection in self.connections:
                connection.write(frame)


async def broadcasting(size):
    Constants.reply = encode_text(text_of(size))
    return await asyncio.get_running_loop().create_server(Broadcaster, HOST, 0)


class Sender(Constants, asyncio.Protocol):
    """Sends texts as fast as they are taken; so many of them, in each write as many as fit `BATCH`."""

    BATCH = 2**17
    frame, messages = b"", 0

    def data_received(self, data):
        if self.partial < 0:
            self.shake_hands(data)
            self.left = self.messages
            self.size = self.BATCH // len(self.frame)
            self.batch = self.frame * self.size
            self.writing = True
            self.pour()

    def pause_writing(self):
        self.writing = False

    def resume_writing(self):
        self.writing = True
        self.pour()

    def pour(self):
        while self.writing and self.left:
            now = min(self.left, self.size)
            self.left -= now
            self.write(self.batch if now == self.size else self.frame * now)


async def sending(size, messages):
    Sender.frame, Sender.messages = encode_text(text_of(size)), messages
    return await asyncio.get_running_loop().create_server(Sender, HOST, 0)

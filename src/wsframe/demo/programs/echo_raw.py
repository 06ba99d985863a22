"""Not a WebSocket server: it replies with bytes made in advance, at the lowest cost possible in Python.

Its rate is the maximum that a load can measure. `python echo_raw.py [TEXT]`
"""

import asyncio
import sys

from wsframe import accept_key, encode_text
from wsframe.demo.load import TEXT

REPLY = encode_text(sys.argv[1] if sys.argv[1:] else TEXT)
FRAME = len(REPLY) + 4  # the key
CLOSE = 8  # header, key, status code


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.partial: int = -1  # the handshake comes first

    def data_received(self, data: bytes) -> None:
        if self.partial < 0:
            self.partial = 0
            key = data.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
            self.transport.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept_key(key).encode() + b"\r\n\r\n"
            )
            return
        frames, self.partial = divmod(self.partial + len(data), FRAME)
        if frames:
            self.transport.write(REPLY * frames)
        elif self.partial == CLOSE:
            self.transport.close()


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    print("listening on port", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())

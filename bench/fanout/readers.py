"""Clients that open WebSockets and forget what arrives: `python -m bench.fanout.readers PORT COUNT`."""

import selectors
import socket
import sys

REQUEST = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def main(port: int, count: int) -> None:
    selector = selectors.DefaultSelector()
    for _ in range(count):
        client = socket.create_connection(("127.0.0.1", port))
        client.sendall(REQUEST)
        client.setblocking(False)
        selector.register(client, selectors.EVENT_READ)
    buffer = bytearray(2**20)
    while True:
        for key, _ in selector.select():
            if not key.fileobj.recv_into(buffer):
                return


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

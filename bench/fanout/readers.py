"""Clients that open WebSockets and count what arrives: `python -m bench.fanout.readers PORT COUNT KIND PATH`.

For each byte on its standard input it prints how many bytes have arrived.
"""

import selectors
import socket
import sys

REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{deflate}"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate\r\n"

# Text "40", masked with zeros: opens the namespace of Socket.IO.
SOCKETIO = bytes([0x81, 0x82, 0, 0, 0, 0]) + b"40"


def main(port: int, count: int, kind: str, path: str) -> None:
    selector = selectors.DefaultSelector()
    request = REQUEST.format(path=path, deflate=DEFLATE if kind == "deflate" else "").encode()
    for _ in range(count):
        client = socket.create_connection(("127.0.0.1", port))
        client.sendall(request)
        if kind == "socketio":
            client.recv(2**16)  # the response: uvicorn drops what is behind a request
            client.sendall(SOCKETIO)
        client.setblocking(False)
        selector.register(client, selectors.EVENT_READ)
    selector.register(sys.stdin.buffer.raw, selectors.EVENT_READ)
    buffer, total = bytearray(2**20), 0
    while True:
        for key, _ in selector.select():
            if isinstance(key.fileobj, socket.socket):
                size = key.fileobj.recv_into(buffer)
                if not size:
                    return
                total += size
            elif key.fileobj.read(1):
                print(total, flush=True)
            else:
                selector.unregister(key.fileobj)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])

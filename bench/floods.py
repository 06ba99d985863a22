"""How long a peer that floods a server holds its loop: `python -m bench.floods`.

A server that receives nothing, and a peer in a thread that sends for two seconds; the loop measures how late
its own timer comes.  The figures are those of the longest stop, in milliseconds, over five runs.
"""

from __future__ import annotations

import asyncio
import socket
import statistics
import threading
import time
import zlib

from wsframe import Opcode, encode_frame
from wsframe.asyncio import serve
from wsframe.deflate import ClientPolicy
from wsframe.handshake import new_key, open_request, parse_uri

RUNS = 5
SECONDS = 2.0
TICK = 0.001


def compressed(data: bytes) -> bytes:
    deflater = zlib.compressobj(9, wbits=-15)
    payload = (deflater.compress(data) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]
    return encode_frame(Opcode.TEXT, payload, rsv=4, mask_key=b"mask")


FLOODS = {
    "messages of 1 MiB, compressed to 1 KiB": compressed(b"a" * 2**20),
    "messages of 1 byte, compressed": compressed(b"x"),
    "messages of 500 empty DEFLATE streams": encode_frame(
        Opcode.TEXT, b"\x03\x00" * 500, rsv=4, mask_key=b"mask"
    ),
    "messages of 1 byte, not compressed": encode_frame(Opcode.TEXT, b"x", mask_key=b"mask"),
}


def attack(port: int, one: bytes) -> None:
    """Send as much as is taken."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        policy = ClientPolicy(client_max_window_bits=None)
        uri = parse_uri(f"ws://127.0.0.1:{port}")
        sock.sendall(open_request(uri, new_key(), compression=policy).serialize())
        sock.recv(2**16)
        sock.settimeout(SECONDS)
        data = one * (2**20 // len(one))
        end = time.monotonic() + SECONDS
        try:
            while time.monotonic() < end:
                sock.sendall(data)
        except OSError:
            pass


async def longest_stop(one: bytes, receive: bool) -> float:
    async def handler(ws):  # type: ignore[no-untyped-def]
        if not receive:
            await ws.wait_closed()
        async for _ in ws:
            pass

    longest = 0.0
    async with serve(handler, "127.0.0.1", 0, ping_interval=None, close_timeout=0.1) as server:
        port = server.sockets[0].getsockname()[1]
        thread = threading.Thread(target=attack, args=(port, one))
        thread.start()
        while thread.is_alive():
            before = time.perf_counter()
            await asyncio.sleep(TICK)
            longest = max(longest, time.perf_counter() - before - TICK)
        for connection in server.connections:
            connection.transport.abort()
    return longest


def main() -> None:
    print(f"{'':40}  nobody receives  somebody does")
    for name, one in FLOODS.items():
        figures = [
            statistics.median(asyncio.run(longest_stop(one, receive)) for _ in range(RUNS))
            for receive in (False, True)
        ]
        print(f"{name:40}" + "".join(f"{figure * 1e3:12.1f} ms" for figure in figures))


if __name__ == "__main__":
    main()

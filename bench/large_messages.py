"""Large messages, plain and under `wsframe run`: `python -m bench.large_messages [WORD...]`.

Servers send every message back; clients receive them. The figures are the CPU time of a message under
`wsframe run`, divided by that of the library alone: medians over ROUNDS pairs of processes.
"""

from __future__ import annotations

import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Thread

from tests.echoes.echoes import ECHOES, Echo
from wsframe import Opcode, accept_key, encode_frame
from wsframe.demo.cpu import cpu_seconds
from wsframe.demo.servers import STEADY_MALLOC, UNDER_RUN, running
from wsframe.handshake import new_key, open_request, parse_uri

SIZES = {"300 kB": 300_000, "1 MB": 1_000_000, "5 MB": 5_000_000, "20 MB": 20_000_000}
ROUNDS = 3
ORDERS = [(False, True), (True, False)]  # which of a pair runs first
# Of messages, a measurement. With a tenth of it, one collection of garbage counts for a fifth of the figure.
BYTES = 600_000_000
CLIENT = Path(__file__).parent / "hosts" / "large_client.py"
CLIENTS = [
    "websockets",
    "websockets_sync",
    "websockets_legacy",
    "aiohttp",
    "tornado",
    "autobahn",
    "websocket_client",
]
# Bytes of the longest message that an echo takes; all others take more than is sent here.
LIMITS = {"hypercorn": 2**24, "hypercorn-uvloop": 2**24}


def body(size: int) -> bytes:
    return (b"a large message, of which no two lines need to differ\n" * (size // 54 + 1))[:size]


def receive_exactly(sock: socket.socket, count: int) -> None:
    buffer = bytearray(2**18)
    while count:
        got = sock.recv_into(buffer, min(count, len(buffer)))
        if not got:
            raise SystemExit("the server ended the connection")
        count -= got


def head_of(sock: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        got = sock.recv(1)
        if not got:
            raise SystemExit("no handshake")
        head += got
    return head


def server_seconds(echo: Echo, size: int, accelerated: bool) -> float:
    """Return the CPU seconds that a server takes to send a message back."""
    count = max(3, BYTES // size)
    frame = encode_frame(Opcode.BINARY, body(size), mask_key=b"mask")
    length = len(encode_frame(Opcode.BINARY, body(size)))
    with (
        tempfile.TemporaryDirectory() as folder,
        running(echo.program, Path(folder) / "log", accelerated=accelerated) as server,
        socket.create_connection(("127.0.0.1", server.port())) as sock,
    ):
        uri = parse_uri(f"ws://127.0.0.1:{sock.getpeername()[1]}")
        sock.sendall(open_request(uri, new_key(), compression=None).serialize())
        head_of(sock)
        before = 0.0
        for number in range(count + 2):
            if number == 2:
                before = cpu_seconds(server.process.pid) or 0.0
            sender = Thread(target=sock.sendall, args=[frame])
            sender.start()
            receive_exactly(sock, length)
            sender.join()
        return ((cpu_seconds(server.process.pid) or 0.0) - before) / count


def client_seconds(library: str, size: int, accelerated: bool) -> float:
    """Return the CPU seconds that a client takes to receive a message."""
    count = max(3, BYTES // size)
    frame = encode_frame(Opcode.BINARY, body(size))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        start = UNDER_RUN if accelerated else [sys.executable]
        with subprocess.Popen(
            [*start, str(CLIENT), library, str(port), str(count)],
            env={**os.environ, **STEADY_MALLOC},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as client:
            sock, _ = listener.accept()
            with sock:
                key = re.search(r"sec-websocket-key: *(\S+)", head_of(sock).decode(), re.IGNORECASE)
                assert key is not None
                accepted = accept_key(key[1])
                sock.sendall(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    f"Sec-WebSocket-Accept: {accepted}\r\n\r\n".encode()
                )
                for _ in range(count + 2):
                    sock.sendall(frame)
                sock.sendall(encode_frame(Opcode.CLOSE, b"\x03\xe8"))
                sock.shutdown(socket.SHUT_WR)  # else a client waits for that until its time-out
                sock.settimeout(30)
                while sock.recv(2**16):  # its Close, and the end
                    pass
            output = client.communicate(timeout=30)[0]
    return float(output.split()[-1]) / count


def row(name: str, limit: int, seconds: Callable[[int, bool], float]) -> str:
    """Measure one library; return its line of the table."""
    cells = []
    for size in SIZES.values():
        if size > limit:
            cells.append(f"{'-':>12}")
            continue
        ratios = []
        for number in range(ROUNDS):
            pair = {accelerated: seconds(size, accelerated) for accelerated in ORDERS[number % 2]}
            ratios.append(pair[True] / pair[False])
        cells.append(f"{statistics.median(ratios):12.2f}")
    return f"{name:36}" + "".join(cells)


def main(words: list[str]) -> None:
    """Measure the libraries whose names have one of the words, or all."""
    rows: list[tuple[str, int, Callable[[int, bool], float]]] = [
        (f"{name}, server", LIMITS.get(name, 2**25), partial(server_seconds, echo))
        for name, echo in ECHOES.items()
        if not echo.client
    ]
    rows += [(f"{name}, client", 2**25, partial(client_seconds, name)) for name in CLIENTS]
    print(f"{'':36}" + "".join(f"{name:>12}" for name in SIZES))
    for name, limit, seconds in rows:
        if not words or any(word in name for word in words):
            print(row(name, limit, seconds), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

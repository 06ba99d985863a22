"""Closing a listening socket that shares its port with other processes, without losing a connection.

The system gives each connection to one of the sockets, and resets those that wait to be accepted by a socket
that is closed.  A filter (BPF) first has the system drop SYN segments for this socket: clients repeat theirs
after a second, and another socket gets it.  When nothing waits any more, the socket can be closed.
"""

from __future__ import annotations

import asyncio
import ctypes
import select
import socket
import struct
import sys
from collections.abc import Iterable
from typing import Any

# From <asm-generic/socket.h> of Linux; socket has no name for it.
SO_ATTACH_FILTER = 26

# Load byte 13 of the TCP header, the flags; drop the segment if SYN is set, else take all of it.
FILTER = b"".join(
    struct.pack("=HBBI", *instruction)
    for instruction in (
        (0x30, 0, 0, 13),  # BPF_LD | BPF_B | BPF_ABS
        (0x45, 0, 1, 0x02),  # BPF_JMP | BPF_JSET | BPF_K
        (0x06, 0, 0, 0),  # BPF_RET | BPF_K
        (0x06, 0, 0, 0xFFFFFFFF),
    )
)

# Seconds for the handshakes of TCP that have begun: a round trip.
HANDSHAKE_TIME = 0.2


async def drain_listening(sockets: Iterable[Any]) -> None:
    """Wait until no connection waits to be accepted by sockets that share their port, and none can come.

    On other systems than Linux, and for sockets that do not share their port, it returns at once.
    """
    shared = [sock for sock in sockets if _drop_new(sock)]
    if not shared:
        return
    await asyncio.sleep(HANDSHAKE_TIME)
    while any(_is_readable(sock) for sock in shared):
        await asyncio.sleep(0)


def _drop_new(sock: Any) -> bool:
    """Have a socket get no new connections; return False if it need not or cannot be."""
    if sys.platform != "linux" or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT):
        return False
    program = ctypes.create_string_buffer(FILTER, len(FILTER))
    fprog = struct.pack("HP", len(FILTER) // 8, ctypes.addressof(program))
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)
    except OSError:  # a sandbox may not allow it
        return False
    return True


def _is_readable(sock: Any) -> bool:
    """Tell whether a connection waits to be accepted."""
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return bool(poll.poll(0))

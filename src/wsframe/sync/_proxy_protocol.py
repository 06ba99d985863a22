"""The PROXY protocol in front of a connection: its header comes before all else, also before TLS."""

from __future__ import annotations

from typing import Any

from .._http.forwarded import Client, TrustedProxies
from .._http.proxy_protocol import ProxyHeaderReader
from ._socket import Deadline, Socket


def read_header(
    transport: Socket, peer: Any, proxies: TrustedProxies | None, deadline: Deadline
) -> Client | None:
    """Read the header, and nothing behind it.

    Args:
        transport: the socket.
        peer: the address of the peer.
        proxies: those that may send a header; None for all.
        deadline: of the whole.

    Returns:
        The client; None if the header has no address.

    Raises:
        OSError: the header is malformed, the peer may not send one, or the stream ends.
        TimeoutError: the deadline is over.
    """
    if proxies is not None and not proxies.trusts(peer):
        raise PermissionError(f"the peer {peer!r} is not among trusted_proxies")
    reader = ProxyHeaderReader()
    while reader.wanted:
        if not transport.wait(read=True, write=False, timeout=deadline.rest())[0]:
            raise TimeoutError("timed out while reading the PROXY protocol header")
        data = transport.sock.recv(reader.wanted)
        if not data:
            raise ConnectionResetError("connection closed before the end of the PROXY protocol header")
        try:
            reader.feed(data)
        except ValueError as exc:
            raise ConnectionAbortedError(str(exc)) from None
    return None if reader.address is None else Client(reader.address)

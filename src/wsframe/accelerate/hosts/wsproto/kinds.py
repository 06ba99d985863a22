"""Which of `bytes` and `bytearray` a payload is, as each version has it.

Below 1.3 a payload is what the masker left: `bytes` where it was masked and not empty, else `bytearray`.
Since 1.3 a payload is `bytes`, of which events had a `bytearray` in 1.3.0 and 1.3.1. The code of the
library is run to find out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...._spec import FIN, KEY_SIZE, MASKED, RSV1, Opcode

Convert = Callable[[bytes], Any]

# A byte, and nothing; the same compressed (RFC 7692, 7.2.3).
PLAIN = b"x", b""
DEFLATED = b"\xaa\0\0", b"\0"


def payload_kinds(process_buffer: Callable[..., Any]) -> tuple[Convert, Convert]:
    """Return the conversions of bytes to the payload of a frame, for a server and for a client."""
    from wsproto.frame_protocol import FrameDecoder

    def kind_of(client: bool, payload: bytes) -> type:
        decoder = FrameDecoder(client)
        decoder.receive_bytes(_frame(0, payload, masked=not client))
        return type(process_buffer(decoder).payload)

    return _for_server_and_client(kind_of, PLAIN)


def data_kinds(events: Callable[..., Any], bit: int = 0) -> tuple[Convert, Convert]:
    """Return the conversions of bytes to the data of an event, for a server and for a client.

    Args:
        events: of a connection.
        bit: RSV1 for messages that came compressed.
    """
    from wsproto.connection import Connection, ConnectionType
    from wsproto.extensions import PerMessageDeflate

    def kind_of(client: bool, payload: bytes) -> type:
        deflate = PerMessageDeflate()
        deflate.finalize("")
        connection = Connection(ConnectionType.CLIENT if client else ConnectionType.SERVER, [deflate])
        connection.receive_data(_frame(bit, payload, masked=not client))
        (event,) = events(connection)
        return type(event.data)

    return _for_server_and_client(kind_of, DEFLATED if bit == RSV1 else PLAIN)


def _for_server_and_client(
    kind_of: Callable[[bool, bytes], type], payloads: tuple[bytes, bytes]
) -> tuple[Convert, Convert]:
    server, client = (
        _converter(*(kind_of(client, payload) for payload in payloads)) for client in (False, True)
    )
    return server, client


def _converter(nonempty: type, empty: type) -> Convert:
    if nonempty is empty:
        return nonempty
    return lambda payload: payload or empty()


def _frame(bit: int, payload: bytes, *, masked: bool) -> bytes:
    """Write a binary message; a key of zeros leaves the payload as it is."""
    head = bytes([FIN | bit | Opcode.BINARY, (MASKED if masked else 0) | len(payload)])
    return head + bytes(KEY_SIZE if masked else 0) + payload

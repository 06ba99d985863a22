"""A stream of HTTP/2 as the transport of a WebSocket connection (RFC 8441, section 5)."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

WINDOW = 65_535  # bytes that a client may send unasked (RFC 9113, section 6.9.2)
HIGH, LOW = 65_536, 16_384  # bytes, as of asyncio's transports

NO_ERROR, FLOW_CONTROL_ERROR, CANCEL = 0, 3, 8  # RFC 9113, section 7
SWITCHING_PROTOCOLS = 101
STATUS = slice(9, 12)  # in "HTTP/1.1 101 "

# Of a response, what HTTP/2 has no use for.
LEFT_OUT = {
    *(b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"),
    b"sec-websocket-accept",
}
# Of the connection below, what would make a protocol believe that it has that for itself: a stream has a
# half-closed state, which TLS has not.
HIDDEN = {"socket", "sslcontext", "ssl_object"}


class StreamTransport(asyncio.Transport):
    """A transport whose END_STREAM is an EOF, and whose RST_STREAM is a reset.

    Args:
        http: the HTTP/2 connection, of the class in `http2`.
        stream_id: of the stream.
        protocol: of the WebSocket connection.
    """

    # What uvicorn looks at in the requests of a connection.
    response_complete = True
    body = b""

    def __init__(self, http: Any, stream_id: int, protocol: Any) -> None:
        super().__init__()
        self._http: Any = http
        self._id = stream_id
        self._stream: Any = http.conn.stream(stream_id)
        self._protocol: Any = protocol
        self._head: bytes | None = b""  # of the response, until it is complete
        self._denial: Any = None  # what parses a response that is no 101
        self._received = bytearray()  # while reading is paused
        self._reading = True
        self._eof = False
        self._writing = True
        self._closing = False
        self._ended = False  # END_STREAM was queued
        self._lost = False
        self._high, self._low = HIGH, LOW

    # What the WebSocket class calls.

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default if name in HIDDEN else self._http.transport.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def is_closing(self) -> bool:
        return self._closing

    def is_reading(self) -> bool:
        return self._reading and not self._closing

    def pause_reading(self) -> None:
        if self._reading and not self._closing:
            self._reading = False
            self._http.conn.withhold(self._id)

    def resume_reading(self) -> None:
        if not self._reading and not self._closing:
            self._reading = True
            self._http.loop.call_soon(self._read)

    def write(self, data: Any) -> None:
        if self._ended or self._lost or not data:
            return
        if self._head is not None or self._denial is not None:
            data = self._respond(bytes(data))
        if data:
            self._send(data)
        self._http.flush()
        self.check_output()

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self._end()
        self._http.flush()

    def get_write_buffer_size(self) -> int:
        return self._stream.pending_bytes or 0

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = high if high is not None else HIGH if low is None else 4 * low
        self._low = low if low is not None else self._high // 4
        if not self._high >= self._low >= 0:
            raise ValueError(f"high ({self._high}) must be >= low ({self._low}) must be >= 0")
        self.check_output()

    def close(self) -> None:
        """End the stream once all is sent."""
        if not self._closing:
            self._closing = True
            self._end()
            self._http.flush()
            self.check_output()

    def abort(self) -> None:
        """Reset the stream (RFC 8441, section 5: CANCEL)."""
        if not self._lost:
            self._reset(CANCEL)
            self._lose_soon(None)

    # What the HTTP/2 connection calls.

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        if self._reading and not self._received:
            self._deliver(data)
        elif len(self._received) + len(data) > WINDOW:
            self._reset(FLOW_CONTROL_ERROR)
            self._lose_soon(ConnectionResetError("the client sends more than it may"))
        else:
            self._received += data

    def eof_received(self) -> None:
        self._eof = True
        if self._lost:
            self._discard()
        else:
            self._read_eof_soon()

    def reset_received(self, error_code: int) -> None:
        self._ended = self._eof = True
        if self._lost:
            self._discard()
        self._lose_soon(ConnectionResetError(f"the stream was reset, error code {error_code}"))

    def lose(self, exc: Exception | None) -> None:
        """Tell the protocol that its connection is gone."""
        if not self._lost:
            self._lost = self._closing = True
            self._protocol.connection_lost(exc)

    def check_output(self) -> None:
        """Pause or resume the writing of the protocol, or end the connection, by what is not sent yet."""
        if self._lost:
            return
        size, congested = self.get_write_buffer_size(), self._http.flow.write_paused
        if self._closing and not size:
            self._lose_soon(None)
        elif self._writing and (congested or size > self._high):
            self._writing = False
            self._protocol.pause_writing()
        elif not self._writing and not congested and size <= self._low:
            self._writing = True
            self._protocol.resume_writing()

    def _deliver(self, data: bytes) -> None:
        try:
            self._protocol.data_received(data)
        except Exception as exc:  # the other streams go on
            context = {"message": "a WebSocket class failed", "exception": exc, "protocol": self._protocol}
            self._http.loop.call_exception_handler({**context, "transport": self})
            self.abort()

    def _read(self) -> None:
        """Deliver what has arrived while reading was paused; then the client may send more."""
        if self._reading and self._received and not self._closing:
            data, self._received = bytes(self._received), bytearray()
            self._deliver(data)
        if self._reading and not self._closing:
            frame = self._http.conn.grant(self._id)
            if frame:
                self._http.transport.write(frame)
            if self._eof:
                self._read_eof_soon()

    def _read_eof_soon(self) -> None:
        """Deliver the end in the next loop iteration: the application replies to the last message before it.

        TCP delivers data and its end in two reads, END_STREAM is a flag of a DATA frame.
        """
        self._http.loop.call_soon(self._read_eof)

    def _read_eof(self) -> None:
        readable = self._reading and not self._received and not self._closing
        if readable and not self._protocol.eof_received():
            self.close()

    def _respond(self, data: bytes) -> bytes:
        """Make a response of HTTP/2 of what was written for HTTP/1.1; return what comes after a 101."""
        if self._head is not None:
            self._head += data
            head, end, rest = self._head.partition(b"\r\n\r\n")
            if not end:
                return b""
            if int(head[STATUS]) == SWITCHING_PROTOCOLS:
                self._head = None
                lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
                self._send_response(200, [(name, value.strip()) for name, _, value in lines])
                return rest
            zttp = import_module("zttp")
            self._denial = zttp.Connection(zttp.CLIENT)
            data, self._head = self._head, None
        self._deny(data)
        return b""

    def _deny(self, data: bytes) -> None:
        """Pass on a part of a response that is no 101; an empty one ends it."""
        zttp: Any = import_module("zttp")
        self._denial.receive_data(data)
        while True:
            event = self._denial.next_event()
            if isinstance(event, zttp.Response):
                self._send_response(event.status_code, event.headers)
            elif isinstance(event, zttp.Data):
                self._send(event.data)
            elif isinstance(event, zttp.EndOfMessage):
                self._denial = None
                self._end()
                return
            else:
                return

    def _send_response(self, status: int, fields: Any) -> None:
        lower = [(name.lower(), value) for name, value in fields]
        self._try("send_response", status, [field for field in lower if field[0] not in LEFT_OUT])

    def _send(self, data: Any) -> None:
        self._try("send_data", data)

    def _end(self) -> None:
        if self._denial is not None and not self._ended:
            self._deny(b"")  # its end may be what ends it
        if not self._ended:
            self._ended = True
            if self._head is None:
                self._try("end_message")
            else:
                self._try("reset", CANCEL)  # there is no response

    def _reset(self, error_code: int) -> None:
        self._ended = self._eof = True
        self._try("reset", error_code)
        self._http.flush()

    def _try(self, function: str, *args: Any) -> None:
        """Call a function of the stream, which may be gone by now."""
        try:
            getattr(self._stream, function)(*args)
        except import_module("zttp").LocalProtocolError:
            self._lose_soon(ConnectionResetError("the stream is gone"))

    def _lose_soon(self, exc: Exception | None) -> None:
        if not self._lost:
            self._lost = self._closing = True
            self._http.loop.call_soon(self._finish, exc)

    def _finish(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)
        self._http.websocket_closed(self._id)
        if self._eof:
            self._discard()
        else:  # the client has a while to end its side
            self._http.loop.call_later(self._http.timeout_keep_alive, self._stop_client)

    def _stop_client(self) -> None:
        if not self._eof and not self._http.transport.is_closing():
            self._reset(NO_ERROR)
        self._discard()

    def _discard(self) -> None:
        self._http.sockets.pop(self._id, None)

"""A client of HTTP/2 over TLS, with WebSockets on its streams: h2 on a socket, one thread."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from socket import create_connection
from typing import TYPE_CHECKING, Any

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection

from wsframe import MessageDecoder, Role, encode_binary, encode_frame, encode_text
from wsframe._spec import Opcode

if TYPE_CHECKING:
    from typing_extensions import Self

TIMEOUT = 20  # seconds


class Stream:
    """One stream.

    Attributes:
        headers: of the response.
        messages: that have arrived and nobody has taken, of a WebSocket.
        body: of a response that opened no WebSocket.
        is_websocket: whether one was asked for.
        ended: whether the server has ended it.
        reset: the error code of RST_STREAM.
    """

    def __init__(self, client: Client, number: int) -> None:
        self.client = client
        self.number = number
        self.headers: dict[str, str] = {}
        self.messages: list[Any] = []
        self.body = b""
        self.is_websocket = True
        self.ended = False
        self.reset: int | None = None
        self.acknowledges = True  # gives credit for what arrives
        self.unacknowledged = 0
        self._decoder = MessageDecoder(Role.CLIENT, max_message=None)

    @property
    def status(self) -> int:
        self.client.until(lambda: bool(self.headers) or self.reset is not None)
        return int(self.headers.get(":status", 0))

    def send(self, message: str | bytes) -> None:
        encode: Any = encode_text if isinstance(message, str) else encode_binary
        self.send_bytes(encode(message, masked=True))

    def send_close(self, code: int = 1000, **options: Any) -> None:
        payload = code.to_bytes(2, "big")
        self.send_bytes(encode_frame(Opcode.CLOSE, payload, mask_key=bytes(4)), **options)

    def send_bytes(self, data: bytes, end: bool = False) -> None:
        """Send what the window has room for, wait for more room, and so on."""
        h2, client = self.client.h2, self.client
        while data:
            client.until(lambda: self.room > 0)
            part, data = data[: self.room], data[self.room :]
            for start in range(0, len(part), h2.max_outbound_frame_size):
                h2.send_data(self.number, part[start : start + h2.max_outbound_frame_size])
            client.flush()
        if end:
            self.end()

    @property
    def room(self) -> int:
        """How many bytes may be sent."""
        return int(self.client.h2.local_flow_control_window(self.number))

    def end(self) -> None:
        self.client.h2.end_stream(self.number)
        self.client.flush()

    def receive(self) -> Any:
        """Wait for the next message or control frame."""
        self.client.until(lambda: bool(self.messages) or self.ended or self.reset is not None)
        return self.messages.pop(0)

    def until_ended(self) -> None:
        self.client.until(lambda: self.ended or self.reset is not None)

    def acknowledge(self) -> None:
        """Give credit for all that has come, and for all that will."""
        self.acknowledges = True
        self.client.h2.acknowledge_received_data(self.unacknowledged, self.number)
        self.unacknowledged = 0
        self.client.flush()

    def on_data(self, data: bytes, size: int) -> None:
        if self.is_websocket and self.headers[":status"] == "200":
            self.messages += self._decoder.feed(data)
        else:
            self.body += data
        if self.acknowledges:
            self.client.h2.acknowledge_received_data(size, self.number)
        else:
            self.unacknowledged += size
            self.client.h2.increment_flow_control_window(size)  # of the connection


class Client:
    """A connection.

    Args:
        port: of a server at 127.0.0.1.
        context: trusts the server; None for HTTP/2 in cleartext.
    """

    def __init__(self, port: int, context: ssl.SSLContext | None) -> None:
        self.socket: Any = create_connection(("127.0.0.1", port), TIMEOUT)
        if context is not None:
            context.set_alpn_protocols(["h2"])
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
            assert self.socket.selected_alpn_protocol() == "h2"
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.streams: dict[int, Stream] = {}
        self.settings = False
        self.goaway = False
        self.closed = False
        self.pings = 0
        self.h2.initiate_connection()
        self.flush()
        self.until(lambda: self.settings)

    def websocket(self, path: str = "/", *more: tuple[str, str], **changed: str | None) -> Stream:
        """Ask for a WebSocket; `changed` has pseudo-header fields and the version, None leaves one out."""
        fields: dict[str, str | None] = {
            "method": "CONNECT",
            "protocol": "websocket",
            "scheme": "https",
            "path": path,
            "authority": "localhost",
            **changed,
        }
        version = fields.pop("version", "13")
        named = [(f":{name}", value) for name, value in fields.items() if value is not None]
        return self.request([*named, *([("sec-websocket-version", version)] if version else []), *more])

    def get(self, path: str = "/") -> Stream:
        fields = {":method": "GET", ":scheme": "https", ":path": path, ":authority": "localhost"}
        stream = self.request(list(fields.items()), end=True)
        stream.is_websocket = False
        return stream

    def request(self, fields: list[Any], end: bool = False) -> Stream:
        stream = Stream(self, self.h2.get_next_available_stream_id())
        self.streams[stream.number] = stream
        self.h2.send_headers(stream.number, fields, end_stream=end)
        self.flush()
        return stream

    def ping(self) -> None:
        """Wait until the server has processed all that was sent."""
        wanted = self.pings + 1
        self.h2.ping(b"12345678")
        self.flush()
        self.until(lambda: self.pings == wanted)

    def flush(self) -> None:
        self.socket.sendall(self.h2.data_to_send())

    def until(self, happened: Callable[[], bool]) -> None:
        """Receive until something has happened; the end of the connection is the last thing that can."""
        while not happened():
            assert not self.closed, "the connection is closed"
            data = self.socket.recv(65536)
            if not data:
                self.closed = True
            for event in self.h2.receive_data(data):
                self._on_event(event)
            if not self.closed:
                self.flush()

    def until_closed(self) -> None:
        self.until(lambda: self.closed)

    def _on_event(self, event: Any) -> None:
        stream: Any = self.streams.get(getattr(event, "stream_id", None) or 0)
        if isinstance(event, events.RemoteSettingsChanged):
            self.settings = True
        elif isinstance(event, events.PingAckReceived):
            self.pings += 1
        elif isinstance(event, events.ConnectionTerminated):
            self.goaway = True
        elif isinstance(event, events.ResponseReceived):
            stream.headers = dict(event.headers)
        elif isinstance(event, events.DataReceived):
            stream.on_data(event.data, event.flow_controlled_length)
        elif isinstance(event, events.StreamEnded):
            stream.ended = True
        elif isinstance(event, events.StreamReset):
            stream.reset = int(event.error_code)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

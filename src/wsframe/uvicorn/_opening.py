"""The opening handshake, from the bytes of a request to the response of the application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.utils import ClientDisconnected

from .._http.messages import write_fields
from .._spec import ALL_MESSAGES, Role
from ..asyncio._endpoint import HIGH_WATER
from ..asyncio._traffic import UVICORN
from ..handshake import Accepted, Refused, Request, RequestReader, accept, http_response
from ._base import Event
from ._close_reply import DelayedCloseReply
from ._refusing import Refusing
from ._scope import FRAGMENTS, scope_of

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

# The default for the size of a request head, as in uvicorn's HTTP classes.
MAX_HEAD = 2**16


class Opening(Refusing):
    """Reads the request, starts the application, and sends the response that it chooses."""

    request: Request | None
    subprotocol: str | None

    __slots__ = ("_accepted", "_early_data", "_reader")

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        super().__init__(config, server_state, app_state)
        max_head = config.h11_max_incomplete_event_size or MAX_HEAD
        # No separate limit for the number of header fields: the smallest one has 4 bytes.
        self._reader: RequestReader | None = RequestReader(max_head, max_head // 4)
        self._early_data = bytearray()  # received before the application accepted
        self._accepted: Accepted | None = None

    # What a subclass has to do.

    async def _run_asgi(self) -> None:
        """Run the application, up to its end."""
        raise NotImplementedError

    # The request.

    def _receive_handshake(self, data: bytes) -> None:
        if self._reader is None:
            self._early_data += data
            if len(self._early_data) > HIGH_WATER:
                self._pause_reading()
            return
        try:
            request = self._reader.feed(data)
            if request is not None:
                self._start_application(request)
        except Refused as refused:
            self._refuse(refused.status, refused.response)
        except Exception:
            self.logger.error("opening handshake failed", exc_info=True)
            self._fail_handshake()
            self._close_transport()

    def _start_application(self, request: Request) -> None:
        reader = self._reader
        assert reader is not None
        self._accepted = accept(
            request.method,
            request.http_version,
            request.headers.raw,
            compression=self._behaviour.deflate if self.config.ws_per_message_deflate else None,
        )
        self.request = request
        self.scope: dict[str, Any] = scope_of(self, request)
        self._early_data += reader.rest
        self._reader = None
        self._queue_event({"type": "websocket.connect"})
        task = self._loop.create_task(self._run_asgi())
        self.server_state.tasks.add(task)
        task.add_done_callback(self.server_state.tasks.discard)

    # The response.

    def _respond_to_handshake(self, message: Event) -> None:
        """Process an event that the application sends during the opening handshake."""
        kind = message["type"]
        if self._lost or self._flushed_transport.is_closing():
            raise ClientDisconnected
        if self._denial is not None or self._streamed_denial is not None:
            self._continue_denial(message)
        elif kind == "websocket.accept":
            self._log_handshake("[accepted]")
            self._accept(message)
        elif kind == "websocket.close":
            self._log_handshake("403")
            self._finish_denial(403, http_response(403, self._refusal_headers))
        elif kind == "websocket.http.response.start":
            status = message["status"]
            if not 200 <= status < 600:
                raise RuntimeError(f"Invalid HTTP status code '{status}' in response.")
            self._log_handshake(str(status))
            self._start_denial(status, list(message.get("headers", ())))
        else:
            raise RuntimeError(
                "Expected ASGI message 'websocket.accept', 'websocket.close' "
                f"or 'websocket.http.response.start' but got '{kind}'."
            )

    def _accept(self, message: Event) -> None:
        accepted = self._accepted
        assert accepted is not None
        headers = [*self.server_state.default_headers, *message.get("headers", ())]
        if message.get("subprotocol"):
            headers.append((b"Sec-WebSocket-Protocol", message["subprotocol"]))
            self.subprotocol = message["subprotocol"]
        self._transport_write(accepted.with_fields(write_fields(headers)))
        if self._behaviour.logs_open:
            self.logger.info("connection open")
        early = bytes(self._early_data)
        self._early_data.clear()
        protocol = DelayedCloseReply(
            Role.SERVER,
            max_message=self.config.ws_max_size if self._behaviour.limits_size else None,
            max_fragments=None,
            deflate=accepted.deflate,
        )
        protocol.corrupt_data_code = self._behaviour.corrupt_data_code
        protocol.sends_reason = self._behaviour.close_has_violation_reason
        if message.get(FRAGMENTS):
            protocol.decoder.streaming = ALL_MESSAGES
        UVICORN.opened(self)
        self._open(protocol, early)

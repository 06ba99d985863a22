"""Responses to a request that opens no connection."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .._http.messages import Header, encoded, phrase_of, write_fields
from ..handshake import Response, http_response
from ._base import Event
from ._receiving import Receiving

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState


class Refusing(Receiving):
    """Refusals, and the denial response that an application sends, at once or streamed."""

    __slots__ = ("_denial", "_streamed_denial")

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        super().__init__(config, server_state, app_state)
        self._denial: Response | None = None  # of the application, not complete yet
        self._streamed_denial: bool | None = None  # whether it is chunked; None if none is streamed

    def _fail_handshake(self) -> None:
        """Respond to an open handshake after the application failed or returned."""
        if self._streamed_denial is not None:  # a part of the response has been sent
            self._application_closed = True
            self._close_transport()
        elif self._protocol is None and not self._application_closed and not self._lost:
            response = http_response(500, (), b"Internal Server Error")
            status = 500
            if self._denial is not None:
                with suppress(TypeError, ValueError):  # the response of the application is not valid
                    response, status = self._denial.serialize(), self._denial.status_code
            self._refuse(status, response)

    def _refuse(self, status: int, response: bytes) -> None:
        self._application_closed = True
        if response:
            self._transport_write(response)
        if self._behaviour.logs_open:
            self.logger.info("connection rejected (%d %s)", status, phrase_of(status))
        self._close_transport()

    @property
    def _refusal_headers(self) -> list[Header]:
        content_type = self._behaviour.content_type
        return [] if content_type is None else [(b"Content-Type", content_type)]

    def _start_denial(self, status: int, headers: list[Header]) -> None:
        """Start the denial response of an application: stream it, or send it when it is complete."""
        if not self._behaviour.streams_denials:
            self._denial = Response(status, headers=headers)
            return
        names = {encoded("header name", name, "latin-1").lower() for name, _ in headers}
        chunked = not names & {b"content-length", b"transfer-encoding"}
        if chunked:
            headers.append((b"Transfer-Encoding", b"chunked"))
        phrase = phrase_of(status).encode("ascii")
        self._transport_write(b"HTTP/1.1 %d %b\r\n%b\r\n" % (status, phrase, write_fields(headers)))
        self._streamed_denial = chunked

    def _continue_denial(self, message: Event) -> None:
        if message["type"] != "websocket.http.response.body":
            raise RuntimeError(
                f"Expected ASGI message 'websocket.http.response.body' but got '{message['type']}'."
            )
        body, last = message.get("body", b""), not message.get("more_body", False)
        if self._denial is not None:
            self._denial.body += body
            if last:
                self._finish_denial(self._denial.status_code, self._denial.serialize())
            return
        if body:
            self._transport_write(b"%x\r\n%b\r\n" % (len(body), body) if self._streamed_denial else body)
        if last:
            self._finish_denial(0, b"0\r\n\r\n" if self._streamed_denial else b"")

    def _finish_denial(self, status: int, response: bytes) -> None:
        self._refuse(status, response)
        self._disconnect_queued = True
        self._queue_event(self._disconnect_event(False))

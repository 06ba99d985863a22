"""The WebSocket side of uvicorn: `uvicorn --ws wsframe.uvicorn:WebSocketProtocol app:app`.

An ASGI application sees here what it sees with uvicorn's own classes (ASGI websocket 2.4).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from uvicorn.logging import TRACE_LOG_LEVEL
from uvicorn.protocols.utils import (
    ClientDisconnected,
    get_client_addr,
    get_local_addr,
    get_path_with_query_string,
    get_remote_addr,
    is_ssl,
)

from ._http import bytes_of, tokens_of, write_fields
from ._spec import CloseCode, Role
from .asyncio.connection import HIGH_WATER, Connection
from .connection import Connection as Protocol, ConnectionClosed, State
from .deflate import ServerPolicy
from .handshake import Accepted, Refused, Request, RequestReader, Response, accept, http_response

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

Event = dict[str, Any]

# Where the settings want compression.
COMPRESSION = ServerPolicy()


class WebSocketProtocol(Connection):
    """One WebSocket connection of uvicorn, which makes it when a request asks for the upgrade.

    Reading stops while the application is busy with an earlier message, and goes on when it has
    received all there are.

    Args:
        config: uvicorn's settings.
        server_state: what all connections of a server share.
        app_state: the state that the lifespan of the application left.
    """

    __slots__ = (
        "_accepted",
        "_asgi_done",
        "_denial",
        "_early",
        "_reader",
        "app_state",
        "client",
        "config",
        "logger",
        "ping_sent_at",
        "scope",
        "server",
        "server_state",
    )

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if not config.loaded:
            config.load()
        # uvicorn takes 0 for no pings.
        super().__init__(ping_interval=config.ws_ping_interval or None, ping_timeout=config.ws_ping_timeout)
        self.config = config
        self.server_state = server_state
        self.app_state = app_state
        self.logger = logging.getLogger("uvicorn.error")
        self.server: tuple[str, int | None] | None = None
        self.client: tuple[str, int] | None = None
        self.scope: dict[str, Any] = {}
        self.ping_sent_at = 0.0
        self._reader: RequestReader | None = RequestReader()
        self._early = bytearray()  # what came before the application accepted
        self._accepted: Accepted | None = None
        self._denial: Response | None = None  # under way
        self._asgi_done = False  # the application may say no more: it has closed or denied

    # uvicorn's names for what it looks at.

    @property
    def close_timer(self) -> asyncio.TimerHandle | None:
        """The timer of the closing handshake."""
        return self._closer

    @property
    def ping_timer(self) -> asyncio.TimerHandle | None:
        """The timer of the keep-alive."""
        return self._timer

    @property
    def close_timeout(self) -> float | None:
        """Seconds to wait for the end of a closing connection."""
        return self._close_timeout

    @close_timeout.setter
    def close_timeout(self, seconds: float | None) -> None:
        self._close_timeout = seconds

    # What the transport and the server tell.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.server_state.connections.add(self)  # type: ignore[arg-type]
        self.server = get_local_addr(self.transport)
        self.client = get_remote_addr(self.transport)
        self._trace("WebSocket connection made")

    def data_received(self, data: bytes) -> None:
        """Take bytes from uvicorn's HTTP side, which writes the request anew."""
        self.receive(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server_state.connections.discard(self)
        self._trace("WebSocket connection lost")
        opened = self._protocol is not None
        super().connection_lost(exc)
        self._asgi_done = True
        self._tell({"type": "websocket.disconnect", "code": 1005 if opened else 1006})

    def shutdown(self) -> None:
        """Close: the server ends."""
        protocol = self._protocol
        if protocol is None:
            self._fail()
        elif protocol.state is State.OPEN:
            self._tell({"type": "websocket.disconnect", "code": 1012})
            self._say_close(CloseCode.SERVICE_RESTART, "")
        self._end_tcp()

    # The opening handshake.

    def handshake(self, data: bytes) -> None:
        if self._reader is None:
            self._early += data
            if len(self._early) > HIGH_WATER:
                self.read_no_more()
            return
        try:
            request = self._reader.feed(data)
            if request is None:
                return
            self._accepted = accept(
                request.method,
                request.http_version,
                request.headers.raw,
                compression=COMPRESSION if self.config.ws_per_message_deflate else None,
            )
        except Refused as refused:
            self._asgi_done = True
            self.transport_write(refused.response)
            self.transport.close()
            return
        self._early += self._reader.rest
        self._reader = None
        self.request = request
        self.scope = self._scope_of(request)
        self._tell({"type": "websocket.connect"})
        task = self._loop.create_task(self._run_asgi())
        self.server_state.tasks.add(task)
        task.add_done_callback(self.server_state.tasks.discard)

    def _scope_of(self, request: Request) -> dict[str, Any]:
        raw_path, _, query = request.path.partition("?")
        root_path = self.config.root_path
        return {
            "type": "websocket",
            "asgi": {"version": self.config.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if is_ssl(self.transport) else "ws",
            "server": self.server,
            "client": self.client,
            "root_path": root_path,
            "path": root_path + unquote(raw_path),
            "raw_path": bytes_of("path", root_path + raw_path, "latin-1"),
            "query_string": query.encode("latin-1"),
            "headers": [
                (bytes_of("header name", name, "latin-1").lower(), bytes_of("header", value, "latin-1"))
                for name, value in request.headers.raw
            ],
            "subprotocols": tokens_of(request.headers.get("Sec-WebSocket-Protocol", "")),
            "state": self.app_state.copy(),
            "extensions": {"websocket.http.response": {}},
        }

    async def _run_asgi(self) -> None:
        try:
            result = await self.config.loaded_app(self.scope, self.asgi_receive, self.asgi_send)
        except ClientDisconnected:
            pass
        except BaseException:
            self.logger.exception("Exception in ASGI application\n")
            self._fail()
        else:
            if self._protocol is None and not self._asgi_done:
                self.logger.error("ASGI callable returned without completing handshake.")
                self._fail()
            elif result is not None:
                self.logger.error("ASGI callable should return None, but returned '%s'.", result)
        self.flush()
        if self._closer is None:
            self.transport.close()

    def _fail(self) -> None:
        """Answer an open handshake for an application that will not."""
        if self._protocol is None and not self._asgi_done:
            self._asgi_done = True
            if self._denial is not None:
                self.transport_write(self._denial.serialize())
            else:
                self.transport_write(http_response(500, (), b"Internal Server Error"))

    # What the application receives.

    def enqueue(self, messages: list[Any], size: int) -> None:
        protocol = self.protocol
        if self._asgi_done:
            return
        if messages:
            self.push(messages)
            self.fresh = True
            if self.waiter is None:
                self.low = 0
                self.read_no_more()
            else:
                self.wake()
        if protocol.received is not None:
            self._disconnect(protocol.received.code, protocol.received.reason)
        elif protocol.error is not None:
            self._disconnect(protocol.error.close_code, protocol.error.reason)

    def _disconnect(self, code: int, reason: str) -> None:
        self._asgi_done = True
        self._tell({"type": "websocket.disconnect", "code": int(code), "reason": reason})

    def _tell(self, event: Event) -> None:
        self.push([event])
        self.wake()

    async def asgi_receive(self) -> Event:
        """The `receive` of ASGI."""
        while not self.queued:
            await self.arrival()
        event: Any = self.pop()
        if type(event) is str:
            return {"type": "websocket.receive", "text": event}
        if type(event) is bytes:
            return {"type": "websocket.receive", "bytes": event}
        if self._protocol is not None and self._protocol.error is not None and self.state is State.OPEN:
            self.fail()
        return event  # type: ignore[no-any-return]

    def make_arrival(self) -> asyncio.Future[None]:
        self.read_on()
        self.waiter = waiter = self._loop.create_future()
        return waiter

    # What the application sends.

    async def asgi_send(self, message: Event) -> None:
        """The `send` of ASGI."""
        if self.congested:
            await self._catch_up()
        protocol = self._protocol
        if protocol is None:
            self._answer(message)
        elif protocol.state is State.CLOSED:
            raise ClientDisconnected
        elif message["type"] == "websocket.send":
            data = message.get("bytes")
            if data is None:
                data = message.get("text")
            if self._asgi_done and protocol.received is None and protocol.error is None:
                raise _unexpected(message, "after sending 'websocket.close'")
            if data is not None:
                try:
                    self.send_nowait(data)
                except ConnectionClosed:
                    raise ClientDisconnected from None
        elif message["type"] != "websocket.close":
            raise RuntimeError(
                f"Expected ASGI message 'websocket.send' or 'websocket.close', but got '{message['type']}'."
            )
        elif protocol.state is State.OPEN:
            code, reason = message.get("code", 1000), message.get("reason") or ""
            self._disconnect(code, reason)
            self._say_close(code, reason)
            self._expect_end()
            self.read_on()  # for the Close of the peer
        elif protocol.received is None and protocol.error is None:
            raise _unexpected(message, "after sending 'websocket.close'")

    async def _catch_up(self) -> None:
        self.flush()
        while self.congested:
            if self._drained is None:
                self._drained = self._loop.create_future()
            await asyncio.shield(self._drained)

    def _answer(self, message: Event) -> None:
        """Take what the application says to the opening handshake."""
        kind = message["type"]
        if self._denial is not None:
            self._deny_further(message)
        elif self.transport.is_closing():
            raise ClientDisconnected
        elif self._asgi_done:
            raise _unexpected(message, "after sending 'websocket.close'")
        elif kind == "websocket.accept":
            self._log("[accepted]")
            self._accept(message)
        elif kind == "websocket.close":
            self._log("403")
            self._deny(http_response(403))
        elif kind == "websocket.http.response.start":
            status = message["status"]
            if not 100 <= status < 600:
                raise RuntimeError(f"Invalid HTTP status code '{status}' in response.")
            self._log(str(status))
            self._denial = Response(status, list(message.get("headers", ())))
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
        self.transport_write(accepted.with_fields(write_fields(headers)))
        early = bytes(self._early)
        self._early.clear()
        protocol = Protocol(
            Role.SERVER, max_message=self.config.ws_max_size, max_fragments=None, deflate=accepted.deflate
        )
        self.open(protocol, early)

    def _deny_further(self, message: Event) -> None:
        if message["type"] != "websocket.http.response.body":
            raise RuntimeError(
                f"Expected ASGI message 'websocket.http.response.body' but got '{message['type']}'."
            )
        assert self._denial is not None
        self._denial.body += message.get("body", b"")
        if not message.get("more_body", False):
            self._deny(self._denial.serialize())

    def _deny(self, response: bytes) -> None:
        self._asgi_done = True
        self._tell({"type": "websocket.disconnect", "code": 1006})
        self.transport_write(response)
        self.transport.close()

    # The end.

    def _say_close(self, code: int, reason: str) -> None:
        self.write(self.protocol.close(code, reason))
        self.plain = False
        self.flush()

    def _end_tcp(self) -> None:
        self._stop_timer()
        if self._closer is not None:
            self._closer.cancel()
            self._closer = None
        self.transport.close()

    def _give_up(self) -> None:
        self._closer = None
        if self.congested:
            self.transport.abort()
        else:
            self.transport.close()

    def _ping(self, data: bytes | None) -> asyncio.Future[float]:
        self.ping_sent_at = self._loop.time()
        return super()._ping(data)

    def _lose_patience(self) -> None:
        self._trace("WebSocket keepalive ping timeout")
        if self.state is State.OPEN:
            self._say_close(CloseCode.INTERNAL_ERROR, "keepalive ping timeout")
        self.transport.close()

    # Logging, in uvicorn's words.

    def _log(self, outcome: str) -> None:
        address = get_client_addr(self.scope)  # type: ignore[arg-type]
        path = get_path_with_query_string(self.scope)  # type: ignore[arg-type]
        self.logger.info('%s - "WebSocket %s" %s', address, path, outcome)

    def _trace(self, what: str) -> None:
        if self.logger.level <= TRACE_LOG_LEVEL:
            prefix = "{}:{} - ".format(*self.client) if self.client else ""
            self.logger.log(TRACE_LOG_LEVEL, "%s%s", prefix, what)


def _unexpected(message: Event, when: str) -> RuntimeError:
    return RuntimeError(f"Unexpected ASGI message '{message['type']}', {when}.")

"""A WebSocket class for uvicorn: `uvicorn --ws wsframe.uvicorn:WebSocketProtocol app:app`.

For an ASGI application it behaves as uvicorn's own classes (ASGI websocket 2.4).
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from weakref import ref

from uvicorn import __version__
from uvicorn.logging import TRACE_LOG_LEVEL
from uvicorn.protocols.utils import (
    ClientDisconnected,
    get_client_addr,
    get_local_addr,
    get_path_with_query_string,
    get_remote_addr,
    is_ssl,
)

from ._backend import asgi_calls
from ._http import errors
from ._http.messages import Header, encoded, phrase_of, tokens_of, write_fields
from ._spec import LOCAL_CLOSE_CODES, Close, CloseCode, Fragment, Ping, Role
from ._uvicorn_classes import behaviour_of
from .asyncio._endpoint import ALL_MESSAGES, HIGH_WATER, WRITE_LIMIT, Endpoint
from .asyncio._sending import LARGE
from .connection import ConnectionClosed, Event as Received, SansIOConnection as Protocol, State
from .handshake import Accepted, Refused, Request, RequestReader, Response, accept, http_response

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

Event = dict[str, Any]

# The default for the size of a request head, as in uvicorn's HTTP classes.
MAX_HEAD = 2**16

# An ASGI extension: an application that sends "websocket.accept" with this key set receives messages in
# parts, as they arrive, each but the last one with "more_body" set.
FRAGMENTS = "wsframe.fragments"

# Seconds in which an application must receive a message, else the reply to a Close is sent.
CLOSE_REPLY_DELAY = 0.25

# Seconds until a closing connection is aborted, unless the peer still reads.
CLOSE_TIMEOUT = 10.0

# Seconds until a connection that does not end is aborted when the server shuts down.
SHUTDOWN_TIMEOUT = 10.0

# The format of struct linger (SO_LINGER).
LINGER = "hh" if sys.platform == "win32" else "ii"


class DelayedCloseReply(Protocol):
    """A connection that replies to a Close on request, after the replies to earlier messages.

    Attributes:
        sends_reason: whether the Close for a violation has a reason.
    """

    __slots__ = ("sends_reason",)

    sends_reason: bool
    received: Close | None

    def _reply_to_controls(self, events: list[Received]) -> None:
        for event in events:
            if isinstance(event, Close):
                self.received = event
            elif isinstance(event, Ping):
                super()._reply_to_controls([event])

    def reply_to_close(self) -> None:
        """Queue the reply to the Close in `outgoing`."""
        if self.received is not None and self.state is State.OPEN:
            super()._reply_to_controls([self.received])

    def fail(self) -> None:
        error = self.error
        if self.sends_reason or error is None:
            super().fail()
        elif self.state is State.OPEN:
            self._queue_close(Close(int(error.close_code), ""))


class Extensions(dict[str, Any]):
    """The extensions of a scope; the connection is no key, for an application sees what it sees elsewhere.

    Attributes:
        connection: a weak reference to it, for `wsframe.asgi.Topics`.
    """

    __slots__ = ("connection",)

    def __init__(self, connection: WebSocketProtocol) -> None:
        super().__init__({"websocket.http.response": {}, FRAGMENTS: {}})
        self.connection = ref(connection)


class WebSocketProtocol(Endpoint):
    """A WebSocket connection of uvicorn, which creates it when a request asks for the upgrade.

    Reading continues while the application is busy, to reply to control frames, until `ws_max_queue` messages
    or 64 KiB of them are queued.

    Args:
        config: uvicorn's settings.
        server_state: shared by the connections of a server.
        app_state: the state of the application's lifespan.
    """

    request: Request | None
    subprotocol: str | None

    __slots__ = (
        "_accepted",
        "_close_reply_timer",
        "_behaviour",
        "_queue_check_scheduled",
        "_denial",
        "_early_data",
        "_application_closed",
        "_disconnect_received",
        "_max_queue",
        "_reader",
        "_more_waiters",
        "_shutdown_timer",
        "_streamed_denial",
        "_disconnect_queued",
        "app_state",
        "client",
        "config",
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
        behaviour = behaviour_of(config.ws if isinstance(config.ws, str) else "", __version__)
        # 0 means no Pings in uvicorn.
        interval = (config.ws_ping_interval or None) if behaviour.pings else None
        super().__init__(
            listener=None,
            ping_interval=interval,
            ping_timeout=config.ws_ping_timeout,
            close_timeout=CLOSE_TIMEOUT,
            write_limit=WRITE_LIMIT,
            logger=logging.getLogger("uvicorn.error"),
        )
        self.config: Config = config
        self.server_state: ServerState = server_state
        self.app_state: dict[str, Any] = app_state
        self.server: tuple[str, int | None] | None = None
        self.client: tuple[str, int] | None = None
        self.scope: dict[str, Any] = {}
        self.ping_sent_at: float = 0.0
        self._behaviour = behaviour
        max_head = config.h11_max_incomplete_event_size or MAX_HEAD
        # No separate limit for the number of header fields: the smallest one has 4 bytes.
        self._reader: RequestReader | None = RequestReader(max_head, max_head // 4)
        self._max_queue = config.ws_max_queue or sys.maxsize
        self._early_data = bytearray()  # received before the application accepted
        self._accepted: Accepted | None = None
        self._denial: Response | None = None  # of the application, not complete yet
        self._streamed_denial: bool | None = None  # whether it is chunked; None if none is streamed
        self._application_closed = False  # or denied, or no application was started
        self._disconnect_queued = False  # the disconnect event was queued
        self._disconnect_received = False  # the application has received that event
        self._queue_check_scheduled = False  # `_check_queue` is scheduled
        self._more_waiters: list[asyncio.Future[None]] = []  # futures of further `receive` calls
        self._close_reply_timer: asyncio.TimerHandle | None = None  # of a Close that waits for replies
        self._shutdown_timer: asyncio.TimerHandle | None = None

    # Attributes that uvicorn reads.

    @property
    def close_timer(self) -> asyncio.TimerHandle | None:
        """The timer of the closing handshake."""
        return self._close_timer

    @property
    def ping_timer(self) -> asyncio.TimerHandle | None:
        """The timer of the keep-alive."""
        return self._keepalive.timer

    @property
    def close_timeout(self) -> float | None:
        """Seconds to wait for the end of a closing connection."""
        return self._close_timeout

    @close_timeout.setter
    def close_timeout(self, seconds: float | None) -> None:
        self._close_timeout = seconds

    # Callbacks of the transport and the server.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.server = get_local_addr(self.transport)
        self.client = get_remote_addr(self.transport)
        self._log_trace("WebSocket connection made")
        # Last: if anything above raised, it would never be removed.
        self.server_state.connections.add(self)  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        """Process bytes from uvicorn's HTTP class, which serializes the request again."""
        self._receive(data)

    def eof_received(self) -> bool:
        # A client that has sent all may still wait for replies; TLS closes both directions at once.
        return self._close_reply_timer is not None and not is_ssl(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server_state.connections.discard(self)
        self._log_trace("WebSocket connection lost")
        opened = self._protocol is not None
        for timer in (self._close_reply_timer, self._shutdown_timer):
            if timer is not None:
                timer.cancel()
        self._close_reply_timer = self._shutdown_timer = None
        super().connection_lost(exc)
        if (
            opened
            and not self._disconnect_queued
            and self._behaviour.disconnect_code_without_close == CloseCode.ABNORMAL_CLOSURE
        ):
            self._queue_disconnect(self._behaviour.disconnect_code_without_close, "")
        else:
            self._queue_event(self._disconnect_event(opened))
        self._disconnect_queued = True
        if self._behaviour.logs_closed:
            self.logger.info("connection closed")

    def shutdown(self) -> None:
        """Close the connection: the server shuts down."""
        protocol = self._protocol
        if protocol is None:
            self._fail_handshake()
        elif protocol.state is State.OPEN:
            if not self._disconnect_queued:
                self._disconnect_queued = True
                self._queue_event({"type": "websocket.disconnect", "code": int(CloseCode.SERVICE_RESTART)})
            self._write_close(CloseCode.SERVICE_RESTART, "")
        self._close_transport()
        if self._shutdown_timer is None:  # a limit for all that follows
            timeout = self.config.timeout_graceful_shutdown
            seconds = SHUTDOWN_TIMEOUT if timeout is None else min(timeout, SHUTDOWN_TIMEOUT)
            self._shutdown_timer = self._loop.call_later(seconds, self._abort_transport)

    # The opening handshake.

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
        self.scope = self._scope_of(request)
        self._early_data += reader.rest
        self._reader = None
        self._queue_event({"type": "websocket.connect"})
        task = self._loop.create_task(self._run_asgi())
        self.server_state.tasks.add(task)
        task.add_done_callback(self.server_state.tasks.discard)

    def _scope_of(self, request: Request) -> dict[str, Any]:
        raw_path, _, query = request.path.partition("?")
        root_path = self.config.root_path
        before = root_path if self._behaviour.root_in_path else ""
        return {
            "type": "websocket",
            "asgi": {"version": self.config.asgi_version, "spec_version": self._behaviour.spec_version},
            "http_version": "1.1",
            "scheme": "wss" if is_ssl(self.transport) else "ws",
            "server": self.server,
            "client": self.client,
            "root_path": root_path,
            "path": before + unquote(raw_path),
            "raw_path": encoded("path", before + raw_path, "latin-1"),
            "query_string": query.encode("latin-1"),
            "headers": [
                (encoded("header name", name, "latin-1").lower(), encoded("header", value, "latin-1"))
                for name, value in request.headers.raw
            ],
            "subprotocols": self._subprotocols_of(request),
            "state": self.app_state.copy(),
            "extensions": Extensions(self),
        }

    def _subprotocols_of(self, request: Request) -> list[str]:
        """Split the header fields as uvicorn does, keeping empty elements."""
        fields = request.headers.get_all("Sec-WebSocket-Protocol")
        if fields and self._behaviour.checks_subprotocols:
            try:
                for field in fields:
                    if not tokens_of(field):
                        raise ValueError("no token")
            except ValueError as exc:
                raise errors.malformed("Sec-WebSocket-Protocol", exc) from None
        if not self._behaviour.splits_subprotocols:
            return fields
        return [token.strip() for field in fields for token in field.split(",")]

    async def _run_asgi(self) -> None:
        try:
            result = await self.config.loaded_app(self.scope, *asgi_calls(self))
        except ClientDisconnected:
            pass
        except BaseException:
            self.logger.exception("Exception in ASGI application\n")
            self._fail_handshake()
        else:
            if self._protocol is None and not self._application_closed and not self._lost:
                self.logger.error("ASGI callable returned without completing handshake.")
                self._fail_handshake()
            elif result is not None:
                self.logger.error("ASGI callable should return None, but returned '%s'.", result)
        self._finish_delayed_close()
        self.flush()
        if not self._waits_for_close:
            self._close_transport()

    @property
    def _waits_for_close(self) -> bool:
        """Whether the application has closed, and the Close of the peer has not arrived or timed out yet."""
        return self.state is State.CLOSING and not self.transport.is_closing()

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

    # Receiving.

    def _enqueue(self, messages: list[Any], size: int) -> None:
        if self._application_closed or self._disconnect_queued:
            return
        super()._enqueue(messages, size)
        if self._more_waiters:
            self._wakeup_more_waiters()
        if self._queued >= self._max_queue and not self._queue_check_scheduled:
            # The application may receive all of them before the next read.
            self._queue_check_scheduled = True
            self._call_soon(self._check_queue)
        protocol = self.protocol
        if protocol.received is not None:
            self._close_received(protocol.received)
        elif protocol.error is not None:
            code = self._behaviour.disconnect_code_of_violation
            if code is None:
                self._queue_disconnect(protocol.error.close_code, protocol.error.reason)
            else:
                self._queue_disconnect(code, "")

    def _check_queue(self) -> None:
        self._queue_check_scheduled = False
        if self._queued >= self._max_queue and not self._disconnect_queued and not self._lost:
            self._resume_at_queued = self._max_queue // 4
            self._pause_reading()

    def _close_received(self, close: Close) -> None:
        waiting = self._queued > 0
        self._queue_disconnect(close.code, close.reason)
        if not waiting:
            self._reply_to_close()
        elif self.state is State.OPEN:
            if self._close_timer is not None:
                self._close_timer.cancel()
                self._close_timer = None
            self._delay_close_reply(self._queued + 1)

    def _delay_close_reply(self, before: int) -> None:
        """Delay the reply to a Close while the application receives the messages before it."""
        if self._queued < before:
            self._close_reply_timer = self._loop.call_later(
                CLOSE_REPLY_DELAY, self._delay_close_reply, self._queued
            )
        else:
            self._reply_to_close()

    def _reply_to_close(self) -> None:
        protocol = self._protocol
        assert isinstance(protocol, DelayedCloseReply)
        if self._close_reply_timer is not None:
            self._close_reply_timer.cancel()
            self._close_reply_timer = None
        if protocol.state is State.OPEN:
            protocol.reply_to_close()
            self._write_outgoing(protocol)
            self.flush()
            self._wakeup_drain_waiter()
            self._close_transport()

    def _finish_delayed_close(self) -> None:
        """Reply to the Close, or fail the connection, after the application has received all messages."""
        protocol = self._protocol
        if protocol is not None and protocol.state is State.OPEN:
            if protocol.received is not None:
                self._reply_to_close()
            elif protocol.error is not None:
                self._fail_connection()

    def _queue_disconnect(self, code: int, reason: str) -> None:
        self._disconnect_queued = True
        event = {"type": "websocket.disconnect", "code": int(code), "reason": reason}
        if not self._behaviour.disconnect_has_reason:
            del event["reason"]
        self._queue_event(event)

    def _disconnect_event(self, opened: bool) -> Event:
        """Return the disconnect event where there was no Close, and for each further `receive`."""
        code = CloseCode.NO_STATUS_RCVD if opened else CloseCode.ABNORMAL_CLOSURE
        return {"type": "websocket.disconnect", "code": int(code)}

    def _queue_event(self, event: Event) -> None:
        self._push([event])
        self._wakeup_waiter()
        self._wakeup_more_waiters()

    def _wakeup_more_waiters(self) -> None:
        waiters, self._more_waiters = self._more_waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def asgi_receive(self) -> Event:
        """The `receive` of ASGI."""
        while not self._queued:
            if self._lost:
                self._disconnect_received = True
                await asyncio.sleep(0)  # an application that never stops must not block the loop
                return self._disconnect_event(self._protocol is not None)
            await self._message_waiter()
        event: Any = self._pop()
        if type(event) is str:
            return {"type": "websocket.receive", "text": event}
        if type(event) is bytes:
            return {"type": "websocket.receive", "bytes": event}
        if type(event) is Fragment:
            kind = "text" if isinstance(event.data, str) else "bytes"
            return {"type": "websocket.receive", kind: event.data, "more_body": not event.final}
        if self._disconnect_queued:
            self._disconnect_received = True
            self._finish_delayed_close()
        return event  # type: ignore[no-any-return]

    def _make_waiter(self) -> asyncio.Future[None]:
        self._resume_reading()
        future = self._loop.create_future()
        if self._waiter is None or self._waiter.done():
            self._waiter = future
        elif self._behaviour.allows_concurrent_receive or self._protocol is None:
            self._more_waiters.append(future)
        else:
            raise RuntimeError(
                "cannot call recv while another coroutine is already waiting for the next message"
            )
        return future

    # Sending.

    async def asgi_send(self, message: Event) -> None:
        """The `send` of ASGI."""
        protocol = self._protocol
        if protocol is None:
            if self.congested:
                await self._wait_until_writable()
            self._respond_to_handshake(message)
        elif self._disconnect_received and self._behaviour.late_send_raises:
            raise _unexpected(message)
        elif protocol.state is State.CLOSED:
            raise ClientDisconnected
        elif self._application_closed:
            raise _unexpected(message)
        elif message["type"] == "websocket.send":
            data = message.get("bytes")
            if data is None:
                data = message.get("text")
            if data is not None:
                try:
                    large = len(data) >= LARGE and not self._encodes_directly
                    if large or self.congested or self._pending_sends:
                        await self._send_in_order(data, self._wait_until_writable)
                    else:
                        self.send_nowait(data)
                except ConnectionClosed:
                    raise ClientDisconnected from None
            elif self._behaviour.send_needs_data:
                raise TypeError("'websocket.send' needs text or bytes")
        elif message["type"] != "websocket.close":
            raise RuntimeError(
                f"Expected ASGI message 'websocket.send' or 'websocket.close', but got '{message['type']}'."
            )
        elif protocol.state is State.OPEN:
            self._close(message.get("code", 1000), message.get("reason") or "")

    async def _wait_until_writable(self) -> None:
        """Wait until the write buffer is below its limit."""
        self.flush()
        while self.congested:
            if self._protocol is not None and self._protocol.state is not State.OPEN:
                raise ClientDisconnected
            if self._drain_waiter is None:
                self._drain_waiter = self._loop.create_future()
            await asyncio.shield(self._drain_waiter)

    def _close(self, code: int, reason: str) -> None:
        if code not in LOCAL_CLOSE_CODES:
            sent = code
        elif self._behaviour.replaces_invalid_codes:
            sent = CloseCode.NORMAL_CLOSURE
        else:
            raise ValueError(f"close code {code} must not be sent (RFC 6455, 7.4)")
        self._write_close(sent, reason)
        self._application_closed = True
        if self.protocol.received is not None:  # it was delayed for the messages before it
            self._close_transport()
            return
        if not self._disconnect_queued:
            if self._behaviour.disconnect_has_own_close:
                self._queue_disconnect(code, reason)
            else:
                self._disconnect_queued = True
                self._queue_event(self._disconnect_event(True))
        self._start_close_timer()
        self._read_until_close()

    def _respond_to_handshake(self, message: Event) -> None:
        """Process an event that the application sends during the opening handshake."""
        kind = message["type"]
        if self._lost or self.transport.is_closing():
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

    @property
    def _refusal_headers(self) -> list[Header]:
        content_type = self._behaviour.content_type
        return [] if content_type is None else [(b"Content-Type", content_type)]

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
        protocol.sends_reason = self._behaviour.close_has_violation_reason
        if message.get(FRAGMENTS):
            protocol.decoder.streaming = ALL_MESSAGES
        self._open(protocol, early)

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

    # Closing.

    def _write_close(self, code: int, reason: str) -> None:
        super()._write_close(code, reason)
        self._wakeup_drain_waiter()  # no `send` needs to wait any more

    def _close_transport(self) -> None:
        if not self._lost:
            super()._close_transport()

    def _fail_connection(self) -> None:
        super()._fail_connection()
        self._wakeup_drain_waiter()

    def _abort_transport(self) -> None:
        reset_at_close(self.transport)
        super()._abort_transport()

    def _ping(self, data: bytes | None) -> asyncio.Future[float]:
        self.ping_sent_at = self._loop.time()
        return super()._ping(data)

    def _keepalive_failed(self) -> None:
        self._log_trace("WebSocket keepalive ping timeout")
        if self.state is State.OPEN:
            self._write_close(CloseCode.INTERNAL_ERROR, "keepalive ping timeout")
        self._close_transport()

    # Log messages, as those of uvicorn.

    def _log_handshake(self, outcome: str) -> None:
        address: object = self.client
        if not self._behaviour.logs_tuple:
            address = get_client_addr(self.scope)  # type: ignore[arg-type]
        path = get_path_with_query_string(self.scope)  # type: ignore[arg-type]
        self.logger.info('%s - "WebSocket %s" %s', address, path, outcome)

    def _log_trace(self, what: str) -> None:
        if self.logger.isEnabledFor(TRACE_LOG_LEVEL):
            prefix = "{}:{} - ".format(*self.client) if self.client else ""
            self.logger.log(TRACE_LOG_LEVEL, "%s%s", prefix, what)


def _unexpected(message: Event) -> RuntimeError:
    return RuntimeError(f"Unexpected ASGI message '{message['type']}', after sending 'websocket.close'.")


def reset_at_close(transport: asyncio.Transport) -> None:
    """Make the system discard unsent data at close, instead of keeping it for minutes."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with suppress(OSError):  # not every Unix socket has this option
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(LINGER, 1, 0))

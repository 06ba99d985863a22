"""The WebSocket side of uvicorn: `uvicorn --ws wsframe.uvicorn:WebSocketProtocol app:app`.

An ASGI application sees here what it sees with uvicorn's own classes (ASGI websocket 2.4).
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

from ._http import errors
from ._http.messages import Header, encoded, phrase_of, tokens_of, write_fields
from ._spec import LOCAL_CLOSE_CODES, Close, CloseCode, Ping, Role
from ._uvicorn_classes import behaviour_of
from .asyncio.connection import HIGH_WATER, LARGE, Connection
from .connection import Connection as Protocol, ConnectionClosed, Event as Received, State
from .handshake import Accepted, Refused, Request, RequestReader, Response, accept, http_response

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

Event = dict[str, Any]

# Bytes of a request head where uvicorn's settings name none: what its own HTTP classes allow then.
MAX_HEAD = 2**16

# Seconds within which an application has to take a message, for the Close behind it to wait on.
ANSWER_DELAY = 0.25

# Seconds until a connection that does not end is aborted when the server shuts down.
SHUTDOWN_TIMEOUT = 10.0

# How the system wants to be told to drop what is unsent.
LINGER = "hh" if sys.platform == "win32" else "ii"


class LateClose(Protocol):
    """A connection that replies to a Close when it is told to: replies to the messages before it leave first.

    Attributes:
        explains: whether the Close for a violation has the reason.
    """

    __slots__ = ("explains",)

    explains: bool

    def _answer(self, events: list[Received]) -> None:
        for event in events:
            if isinstance(event, Close):
                self.received = event
            elif isinstance(event, Ping):
                super()._answer([event])

    def answer_close(self) -> None:
        """Queue the answer in `outgoing`."""
        if self.received is not None and self.state is State.OPEN:
            super()._answer([self.received])

    def fail(self) -> None:
        error = self.error
        if self.explains or error is None:
            super().fail()
        elif self.state is State.OPEN:
            self._say_close(Close(int(error.close_code), ""))


class WebSocketProtocol(Connection):
    """One WebSocket connection of uvicorn, which makes it when a request asks for the upgrade.

    Reading goes on while the application is busy, so that control frames are answered, until
    `ws_max_queue` messages or 64 KiB of them wait.

    Args:
        config: uvicorn's settings.
        server_state: what all connections of a server share.
        app_state: the state that the lifespan of the application left.
    """

    __slots__ = (
        "_accepted",
        "_answering",
        "_behaviour",
        "_checking",
        "_denial",
        "_early",
        "_ended",
        "_gone",
        "_max_queue",
        "_reader",
        "_receivers",
        "_shutdown_timer",
        "_streaming",
        "_told",
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
        # uvicorn takes 0 for no pings.
        interval = (config.ws_ping_interval or None) if behaviour.pings else None
        # `send` waits for the peer, so that there is no need for another bound.
        super().__init__(
            ping_interval=interval,
            ping_timeout=config.ws_ping_timeout,
            max_unsent=None,
            logger=logging.getLogger("uvicorn.error"),
        )
        self.config = config
        self.server_state = server_state
        self.app_state = app_state
        self.server: tuple[str, int | None] | None = None
        self.client: tuple[str, int] | None = None
        self.scope: dict[str, Any] = {}
        self.ping_sent_at = 0.0
        self._behaviour = behaviour
        max_head = config.h11_max_incomplete_event_size or MAX_HEAD
        # No limit of its own for the number of header fields: the least takes 4 bytes.
        self._reader: RequestReader | None = RequestReader(max_head, max_head // 4)
        self._max_queue = config.ws_max_queue or sys.maxsize
        self._early = bytearray()  # what came before the application accepted
        self._accepted: Accepted | None = None
        self._denial: Response | None = None  # under way
        self._streaming: bool | None = None  # whether the denial under way is chunked; None if there is none
        self._ended = False  # the application has closed, denied, or will never be asked
        self._told = False  # a disconnect event is queued, or was
        self._gone = False  # the application has received it
        self._checking = False  # the length of the queue is to be checked
        self._receivers: list[asyncio.Future[None]] = []  # those that wait behind `_waiter`
        self._answering: asyncio.TimerHandle | None = None  # of a Close that waits for answers
        self._shutdown_timer: asyncio.TimerHandle | None = None

    # uvicorn's names for what it looks at.

    @property
    def close_timer(self) -> asyncio.TimerHandle | None:
        """The timer of the closing handshake."""
        return self._closer

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

    # What the transport and the server tell.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.server = get_local_addr(self.transport)
        self.client = get_remote_addr(self.transport)
        self._trace("WebSocket connection made")
        # Last: were anything to fail above, nobody would take it out again.
        self.server_state.connections.add(self)  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        """Take bytes from uvicorn's HTTP side, which writes the request anew."""
        self._receive(data)

    def eof_received(self) -> bool:
        # A client that has said all may still wait for the answers; TLS ends both ways at once.
        return self._answering is not None and not is_ssl(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server_state.connections.discard(self)
        self._trace("WebSocket connection lost")
        opened = self._protocol is not None
        for timer in (self._answering, self._shutdown_timer):
            if timer is not None:
                timer.cancel()
        self._answering = self._shutdown_timer = None
        super().connection_lost(exc)
        if opened and not self._told and self._behaviour.lost_code == CloseCode.ABNORMAL_CLOSURE:
            self._disconnect(self._behaviour.lost_code, "")
        else:
            self._tell(self._end_event(opened))
        self._told = True
        if self._behaviour.logs_closed:
            self.logger.info("connection closed")

    def shutdown(self) -> None:
        """Close: the server ends."""
        protocol = self._protocol
        if protocol is None:
            self._fail()
        elif protocol.state is State.OPEN:
            if not self._told:
                self._told = True
                self._tell({"type": "websocket.disconnect", "code": int(CloseCode.SERVICE_RESTART)})
            self._say_close(CloseCode.SERVICE_RESTART, "")
        self._end_tcp()
        if self._shutdown_timer is None:  # whatever the peer does
            bound = self.config.timeout_graceful_shutdown
            seconds = SHUTDOWN_TIMEOUT if bound is None else min(bound, SHUTDOWN_TIMEOUT)
            self._shutdown_timer = self._loop.call_later(seconds, self._give_up)

    # The opening handshake.

    def handshake(self, data: bytes) -> None:
        if self._reader is None:
            self._early += data
            if len(self._early) > HIGH_WATER:
                self._pause_reading()
            return
        try:
            request = self._reader.feed(data)
            if request is not None:
                self._take_request(request)
        except Refused as refused:
            self._refuse(refused.status, refused.response)
        except Exception:
            self.logger.error("opening handshake failed", exc_info=True)
            self._fail()
            self._end_tcp()

    def _take_request(self, request: Request) -> None:
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
        self._early += reader.rest
        self._reader = None
        self._tell({"type": "websocket.connect"})
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
            "extensions": {"websocket.http.response": {}},
        }

    def _subprotocols_of(self, request: Request) -> list[str]:
        """Split as uvicorn does, with the empty elements."""
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
            result = await self.config.loaded_app(self.scope, self.asgi_receive, self.asgi_send)
        except ClientDisconnected:
            pass
        except BaseException:
            self.logger.exception("Exception in ASGI application\n")
            self._fail()
        else:
            if self._protocol is None and not self._ended and not self._lost:
                self.logger.error("ASGI callable returned without completing handshake.")
                self._fail()
            elif result is not None:
                self.logger.error("ASGI callable should return None, but returned '%s'.", result)
        self._settle()
        self.flush()
        if not self._waits_for_close:
            self._end_tcp()

    @property
    def _waits_for_close(self) -> bool:
        """Whether the application has closed, and the Close of the peer is still to come, or time out."""
        return self.state is State.CLOSING and not self.transport.is_closing()

    def _fail(self) -> None:
        """Answer an open handshake for an application that will not."""
        if self._streaming is not None:  # there is no way to take back half a response
            self._ended = True
            self._end_tcp()
        elif self._protocol is None and not self._ended and not self._lost:
            response = http_response(500, (), b"Internal Server Error")
            status = 500
            if self._denial is not None:
                with suppress(TypeError, ValueError):  # what the application wanted cannot be written
                    response, status = self._denial.serialize(), self._denial.status_code
            self._refuse(status, response)

    def _refuse(self, status: int, response: bytes) -> None:
        self._ended = True
        if response:
            self.transport_write(response)
        if self._behaviour.logs_open:
            self.logger.info("connection rejected (%d %s)", status, phrase_of(status))
        self._end_tcp()

    # What the application receives.

    def _enqueue(self, messages: list[Any], size: int) -> None:
        if self._ended or self._told:
            return
        super()._enqueue(messages, size)
        if self._receivers:
            self._wake_receivers()
        if self._queued >= self._max_queue and not self._checking:
            # The application may take them all before anything more is read.
            self._checking = True
            self.call_soon(self._check_queue)
        protocol = self.protocol
        if protocol.received is not None:
            self._take_close(protocol.received)
        elif protocol.error is not None:
            code = self._behaviour.violation_code
            if code is None:
                self._disconnect(protocol.error.close_code, protocol.error.reason)
            else:
                self._disconnect(code, "")

    def _check_queue(self) -> None:
        self._checking = False
        if self._queued >= self._max_queue and not self._told and not self._lost:
            self._low_water_messages = self._max_queue // 4
            self._pause_reading()

    def _take_close(self, close: Close) -> None:
        waiting = self._queued > 0
        self._disconnect(close.code, close.reason)
        if not waiting:
            self._answer_close()
        elif self.state is State.OPEN:
            if self._closer is not None:
                self._closer.cancel()
                self._closer = None
            self._check_answers(self._queued + 1)

    def _check_answers(self, before: int) -> None:
        """Let a Close wait as long as the application takes the messages before it."""
        if self._queued < before:
            self._answering = self._loop.call_later(ANSWER_DELAY, self._check_answers, self._queued)
        else:
            self._answer_close()

    def _answer_close(self) -> None:
        protocol = self._protocol
        assert isinstance(protocol, LateClose)
        if self._answering is not None:
            self._answering.cancel()
            self._answering = None
        if protocol.state is State.OPEN:
            protocol.answer_close()
            self._encodes_directly = False
            self._write_outgoing(protocol)
            self.flush()
            self._wake_drained()
            self._end_tcp()

    def _settle(self) -> None:
        """End what waited for the application to take all messages."""
        protocol = self._protocol
        if protocol is not None and protocol.state is State.OPEN:
            if protocol.received is not None:
                self._answer_close()
            elif protocol.error is not None:
                self.fail()

    def _disconnect(self, code: int, reason: str) -> None:
        self._told = True
        event = {"type": "websocket.disconnect", "code": int(code), "reason": reason}
        if not self._behaviour.tells_reason:
            del event["reason"]
        self._tell(event)

    def _end_event(self, opened: bool) -> Event:
        """What follows the disconnect event, and is the first where no Close came."""
        code = CloseCode.NO_STATUS_RCVD if opened else CloseCode.ABNORMAL_CLOSURE
        return {"type": "websocket.disconnect", "code": int(code)}

    def _tell(self, event: Event) -> None:
        self._push([event])
        self._wakeup_waiter()
        self._wake_receivers()

    def _wake_receivers(self) -> None:
        receivers, self._receivers = self._receivers, []
        for receiver in receivers:
            if not receiver.done():
                receiver.set_result(None)

    async def asgi_receive(self) -> Event:
        """The `receive` of ASGI."""
        while not self._queued:
            if self._lost:
                self._gone = True
                await asyncio.sleep(0)  # an application that asks for ever must not hold up the loop
                return self._end_event(self._protocol is not None)
            await self._message_waiter()
        event: Any = self._pop()
        if type(event) is str:
            return {"type": "websocket.receive", "text": event}
        if type(event) is bytes:
            return {"type": "websocket.receive", "bytes": event}
        if self._told:
            self._gone = True
            self._settle()
        return event  # type: ignore[no-any-return]

    def _make_waiter(self) -> asyncio.Future[None]:
        self.read_on()
        future = self._loop.create_future()
        if self._waiter is None or self._waiter.done():
            self._waiter = future
        elif self._behaviour.many_receivers or self._protocol is None:
            self._receivers.append(future)
        else:
            raise RuntimeError(
                "cannot call recv while another coroutine is already waiting for the next message"
            )
        return future

    # What the application sends.

    async def asgi_send(self, message: Event) -> None:
        """The `send` of ASGI."""
        protocol = self._protocol
        if protocol is None:
            if self.congested:
                await self._catch_up()
            self._answer(message)
        elif self._gone and self._behaviour.late_send_is_wrong:
            raise _unexpected(message)
        elif protocol.state is State.CLOSED:
            raise ClientDisconnected
        elif self._ended:
            raise _unexpected(message)
        elif message["type"] == "websocket.send":
            data = message.get("bytes")
            if data is None:
                data = message.get("text")
            if data is not None:
                try:
                    large = len(data) >= LARGE and not self._encodes_directly
                    if large or self.congested or self._pending_sends:
                        await self.send_in_order(data, self._catch_up)
                    else:
                        self.send_nowait(data)
                except ConnectionClosed:
                    raise ClientDisconnected from None
            elif self._behaviour.needs_data:
                raise TypeError("'websocket.send' needs text or bytes")
        elif message["type"] != "websocket.close":
            raise RuntimeError(
                f"Expected ASGI message 'websocket.send' or 'websocket.close', but got '{message['type']}'."
            )
        elif protocol.state is State.OPEN:
            self._close(message.get("code", 1000), message.get("reason") or "")

    async def _catch_up(self) -> None:
        """Wait until the peer has taken enough of what was sent."""
        self.flush()
        while self.congested:
            if self._protocol is not None and self._protocol.state is not State.OPEN:
                raise ClientDisconnected
            if self._drained is None:
                self._drained = self._loop.create_future()
            await asyncio.shield(self._drained)

    def _close(self, code: int, reason: str) -> None:
        if code not in LOCAL_CLOSE_CODES:
            sent = code
        elif self._behaviour.replaces_codes:
            sent = CloseCode.NORMAL_CLOSURE
        else:
            raise ValueError(f"close code {code} must not be sent (RFC 6455, 7.4)")
        self._say_close(sent, reason)
        self._ended = True
        if self.protocol.received is not None:  # it waited for the messages before it
            self._end_tcp()
            return
        if not self._told:
            if self._behaviour.tells_own_close:
                self._disconnect(code, reason)
            else:
                self._told = True
                self._tell(self._end_event(True))
        self._expect_end()
        self._discard_messages()  # up to the Close of the peer

    def _answer(self, message: Event) -> None:
        """Take what the application says to the opening handshake."""
        kind = message["type"]
        if self._lost or self.transport.is_closing():
            raise ClientDisconnected
        if self._denial is not None or self._streaming is not None:
            self._deny_further(message)
        elif kind == "websocket.accept":
            self._log("[accepted]")
            self._accept(message)
        elif kind == "websocket.close":
            self._log("403")
            self._deny(403, http_response(403, self._refusal_headers))
        elif kind == "websocket.http.response.start":
            status = message["status"]
            if not 200 <= status < 600:
                raise RuntimeError(f"Invalid HTTP status code '{status}' in response.")
            self._log(str(status))
            self._deny_with(status, list(message.get("headers", ())))
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
        self.transport_write(accepted.with_fields(write_fields(headers)))
        if self._behaviour.logs_open:
            self.logger.info("connection open")
        early = bytes(self._early)
        self._early.clear()
        protocol = LateClose(
            Role.SERVER,
            max_message=self.config.ws_max_size if self._behaviour.limits_size else None,
            max_fragments=None,
            deflate=accepted.deflate,
        )
        protocol.explains = self._behaviour.violation_reason
        self.open(protocol, early)

    def _deny_with(self, status: int, headers: list[Header]) -> None:
        """Begin the response of an application: all of it leaves at the end, or each part as it comes."""
        if not self._behaviour.streams_denials:
            self._denial = Response(status, headers=headers)
            return
        names = {encoded("header name", name, "latin-1").lower() for name, _ in headers}
        chunked = not names & {b"content-length", b"transfer-encoding"}
        if chunked:
            headers.append((b"Transfer-Encoding", b"chunked"))
        phrase = phrase_of(status).encode("ascii")
        self.transport_write(b"HTTP/1.1 %d %b\r\n%b\r\n" % (status, phrase, write_fields(headers)))
        self._streaming = chunked

    def _deny_further(self, message: Event) -> None:
        if message["type"] != "websocket.http.response.body":
            raise RuntimeError(
                f"Expected ASGI message 'websocket.http.response.body' but got '{message['type']}'."
            )
        body, last = message.get("body", b""), not message.get("more_body", False)
        if self._denial is not None:
            self._denial.body += body
            if last:
                self._deny(self._denial.status_code, self._denial.serialize())
            return
        if body:
            self.transport_write(b"%x\r\n%b\r\n" % (len(body), body) if self._streaming else body)
        if last:
            self._deny(0, b"0\r\n\r\n" if self._streaming else b"")

    def _deny(self, status: int, response: bytes) -> None:
        self._refuse(status, response)
        self._told = True
        self._tell(self._end_event(False))

    # The end.

    def _say_close(self, code: int, reason: str) -> None:
        if self.state is State.OPEN:
            self._flush_sends()
        self.write(self.protocol.close(code, reason))
        self._encodes_directly = False
        self.flush()
        self._wake_drained()  # who waits to send has nothing more to wait for

    def _end_tcp(self) -> None:
        if not self._lost:
            super()._end_tcp()

    def fail(self) -> None:
        super().fail()
        self._wake_drained()

    def _give_up(self) -> None:
        reset_at_close(self.transport)
        super()._give_up()

    def _ping(self, data: bytes | None) -> asyncio.Future[float]:
        self.ping_sent_at = self._loop.time()
        return super()._ping(data)

    def _keepalive_failed(self) -> None:
        self._trace("WebSocket keepalive ping timeout")
        if self.state is State.OPEN:
            self._say_close(CloseCode.INTERNAL_ERROR, "keepalive ping timeout")
        self._end_tcp()

    # Logging, in uvicorn's words.

    def _log(self, outcome: str) -> None:
        address: object = self.client
        if not self._behaviour.logs_tuple:
            address = get_client_addr(self.scope)  # type: ignore[arg-type]
        path = get_path_with_query_string(self.scope)  # type: ignore[arg-type]
        self.logger.info('%s - "WebSocket %s" %s', address, path, outcome)

    def _trace(self, what: str) -> None:
        if self.logger.isEnabledFor(TRACE_LOG_LEVEL):
            prefix = "{}:{} - ".format(*self.client) if self.client else ""
            self.logger.log(TRACE_LOG_LEVEL, "%s%s", prefix, what)


def _unexpected(message: Event) -> RuntimeError:
    return RuntimeError(f"Unexpected ASGI message '{message['type']}', after sending 'websocket.close'.")


def reset_at_close(transport: asyncio.Transport) -> None:
    """Have the system forget what a peer does not read, instead of keeping it for minutes more."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with suppress(OSError):  # a Unix socket may not know it
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(LINGER, 1, 0))

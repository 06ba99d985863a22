"""What an application receives: events, in order, up to the disconnect event."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from .._backend import Waiter
from .._spec import Close, CloseCode, Fragment
from ..connection import State
from ._base import Base, Event, shown_as
from ._close_reply import DelayedCloseReply

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

# Seconds in which an application must receive a message, else the reply to a Close is sent.
CLOSE_REPLY_DELAY = 0.25

# Called once a read: `super()` and its look-up would cost more than the call.
enqueue = Base._enqueue


class Receiving(Base):
    """The queue of events, `receive`, and the reply to a Close, which waits for those before it."""

    __slots__ = (
        "_application_returned",
        "_close_reply_timer",
        "_disconnect_queued",
        "_disconnect_received",
        "_max_queue",
        "_more_waiters",
        "_queue_check_scheduled",
    )

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        super().__init__(config, server_state, app_state)
        self._max_queue = config.ws_max_queue or sys.maxsize
        self._queue_check_scheduled = False  # `_check_queue` is scheduled
        self._more_waiters: list[Waiter] = []  # of further `receive` calls
        self._disconnect_queued = False  # the disconnect event was queued
        self._disconnect_received = False  # the application has received that event
        self._application_returned = False  # and the connection stays open
        self._close_reply_timer: asyncio.TimerHandle | None = None  # of a Close that waits for replies

    # Events.

    def _enqueue(self, messages: list[Any], size: int) -> None:
        if self._application_closed or self._disconnect_queued:
            return
        enqueue(self, messages, size)
        if messages and self._more_waiters:
            self._wakeup_more_waiters()
        if self._queued >= self._max_queue and not self._queue_check_scheduled:
            # The application may receive all of them before the next read.
            self._queue_check_scheduled = True
            self._call_soon(self._check_queue)
        protocol = self._protocol
        assert protocol is not None
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

    @shown_as("receive")
    async def asgi_receive(self) -> Event:
        """The `receive` of ASGI."""
        if self._disconnect_received:
            await asyncio.sleep(0)  # an application that never stops must not block the loop
        while not self._queued:
            if self._lost:
                self._disconnect_received = True
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
            if self._behaviour.repeats_disconnect and not self._queued:
                self._queue_event(self._disconnect_event(True))
        return event  # type: ignore[no-any-return]

    def _make_waiter(self) -> Waiter:
        self._resume_reading()
        last = Waiter(self._loop)
        waiters = [
            waiter
            for waiter in (self._waiter, *self._more_waiters)
            if waiter is not None and not waiter.done()
        ]
        if waiters and self._protocol is not None and not self._behaviour.allows_concurrent_receive:
            raise RuntimeError(
                "cannot call recv while another coroutine is already waiting for the next message"
            )
        # In the order of the calls: they are resumed in it, and the first one gets the next event.
        self._waiter, *self._more_waiters = *waiters, last
        return last

    # The Close of the peer.

    @property
    def _close_is_delayed(self) -> bool:
        """Whether a Close waits until the application has received the messages before it."""
        return self.state is State.OPEN and self.protocol.received is not None

    def _close_received(self, close: Close) -> None:
        waiting = self._queued > 0 and not self._application_returned
        self._queue_disconnect(int(close.code), close.reason)
        if not waiting:
            self._reply_to_close()
        elif self.state is State.OPEN:
            if self._close_timer is not None:
                self._close_timer.cancel()
                self._close_timer = None
            if not self._behaviour.pauses_for_messages:
                self._delay_close_reply(self._queued + 1)
            elif self._keepalive is not None and self.config.ws_ping_timeout is not None:
                # In the class that pauses reading, no Pong arrives meanwhile.
                seconds = (self.config.ws_ping_interval or 0.0) + self.config.ws_ping_timeout
                self._close_reply_timer = self._loop.call_later(seconds, self._reply_to_close)

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

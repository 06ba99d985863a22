"""Reading the socket of a connection for threads, and processing what arrives."""

from __future__ import annotations

import threading
from threading import get_ident

from .._spec import Close, Ping, Pong
from ..connection import Event, SansIOConnection, State
from ._endpoint import BUDGET
from ._sending import Sender
from ._socket import Deadline

# Frames that wait for a peer that does not read, over which reading from it pauses.
MAX_PENDING = 2**9


class Receiver(Sender):
    """The part of `Connection` that reads."""

    def _wait_for_message(self, timeout: float | None) -> None:
        """Read until there is a message."""
        deadline = Deadline(timeout)
        background = self._background
        self._outbox.delaying = 0
        try:
            if self._outbox.pending:
                self._flush_now()
            while not self._messages:
                if self._ended:
                    raise self.protocol.closed_error()
                if self._acquire_reading(deadline):
                    try:
                        if not self._messages and not self._ended:
                            self._read(deadline)
                    finally:
                        self._reading.release()
        except TimeoutError:
            if timeout is None:
                raise
            raise TimeoutError(f"timed out in {timeout:.1f}s") from None
        finally:
            if background.idle:
                background.notify()
        if len(self._messages) > 1 and not background.polling:
            self._outbox.delaying = get_ident()

    def _acquire_reading(self, deadline: Deadline) -> bool:
        if self._reading.acquire(False):
            return True
        rest = deadline.rest()
        if not self._reading.acquire(timeout=-1 if rest is None else min(rest, threading.TIMEOUT_MAX)):
            raise TimeoutError("timed out")
        return True

    def _read(self, deadline: Deadline) -> None:
        """Read once, and process what arrives; the lock `_reading` is held.

        Raises:
            TimeoutError: nothing came in time.
        """
        protocol = self.protocol
        decoder = protocol.decoder
        if self._has_failed:
            self._fail(protocol)
        if self._end_if_due(protocol):
            return
        data = b""
        if not decoder.unread or decoder.error is not None:
            received = self._receive(deadline)
            if received is None:
                return
            data = received
            if not data:
                self._end(None)
                return
            self._reads += 1
            if decoder.error is not None:
                return  # what follows a violation is discarded
            if protocol.state is not State.OPEN and self._is_full:
                decoder.skipping = True
        self._process(protocol, decoder.feed(data, BUDGET))

    def _receive(self, deadline: Deadline) -> bytes | None:
        """Wait for bytes; return None if something else happened meanwhile."""
        socket, outbox = self.socket, self._outbox
        rest, closing = deadline.rest(), self._close_deadline.rest()
        try:
            if rest is None and closing is None and not outbox.pending:
                return socket.recv()
            seconds = [one for one in (rest, closing) if one is not None]
            may_read = len(outbox.pending) < MAX_PENDING
            read, write = socket.wait(
                read=may_read, write=bool(outbox.pending), timeout=min(seconds, default=None)
            )
            if read:
                return socket.recv_now()
        except OSError as exc:
            self._end(exc)
            return None
        if write:
            self._flush_now()
        else:
            self._enforce_close_timeout()
            if not self._ended:
                raise TimeoutError("timed out")
        return None

    def _process(self, protocol: SansIOConnection, events: list[Event]) -> None:
        """Queue messages, and process control frames."""
        decoder = protocol.decoder
        if decoder.controls == protocol.controls and decoder.error is None:
            self._messages.extend(events)
            return
        with self._mutex:
            protocol.note(events)
            self._send_outgoing(protocol)
        for event in events:
            if isinstance(event, Pong):
                self._acknowledge_pings(event.data)
            elif not isinstance(event, (Ping, Close)):
                self._messages.append(event)
        self._flush_now()
        self._end_if_due(protocol)

    def _fail(self, protocol: SansIOConnection) -> None:
        """Fail the connection for a violation (RFC 6455, 7.1.7)."""
        with self._mutex:
            protocol.fail()
            self._send_outgoing(protocol)
        self._flush_now()

    def _send_outgoing(self, protocol: SansIOConnection) -> None:
        self._outbox.pending.extend(protocol.outgoing)
        protocol.outgoing.clear()
        if protocol.state is not State.OPEN:
            self._begin_closing()

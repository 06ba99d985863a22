"""Sending on a connection for threads: messages, fragments, Pings, Pongs and the Close."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .._backend import new_mask_key
from .._errors import ConcurrencyError
from .._spec import CloseCode
from ..connection import (
    ConnectionClosed,
    FragmentsAs,
    State,
    as_kind,
    bytes_of,
    check_fragment,
    close_body,
)
from ._endpoint import Endpoint, concurrent_call

if TYPE_CHECKING:
    from typing_extensions import Buffer

WHOLE = (str, bytes, bytearray, memoryview)


class Sender(Endpoint):
    """The part of `Connection` that sends."""

    def send(
        self, message: str | Buffer | Iterable[str] | Iterable[Buffer], text: bool | None = None
    ) -> None:
        """Send a message.

        Threads that send at the same time do so in the order of their calls.  While received messages are
        queued, what the receiving thread sends is coalesced, until it calls `recv` again when the queue is
        empty, or is busy with something else.

        Args:
            message: str for text, bytes-like for binary; an iterable of them is sent in fragments, those of
                an iterator as soon as it yields them.
            text: True to send bytes-like as text, which must be UTF-8, False to send str as binary.

        Raises:
            ConnectionClosed: the connection is closing or closed.
            ConcurrencyError: another thread sends a message in fragments.
            TypeError: the message has another type.
        """
        if isinstance(message, WHOLE):
            outbox = self._outbox
            lock = outbox.lock
            if text is not None:
                message = as_kind(message, text)
            if lock.waiters or not lock.acquire_unfair(False):
                lock.acquire()
            try:
                if outbox.send(self._encode(message)):
                    self._background.notify()
            except (ConnectionClosed, OSError) as exc:
                failure = exc
            except RuntimeError:  # of a message in fragments
                raise concurrent_call("send", "send") from None
            else:
                return
            finally:
                lock.release_unfair()
                if lock.waiters:
                    lock.release_next()
                if not outbox.delaying or self._background.polling:
                    self._after_sending()
            self._raise_closed(failure)
        elif isinstance(message, Mapping):
            raise TypeError("message must not be a mapping: send its keys() for fragments")
        elif isinstance(message, Iterable):
            self._send_fragments(message, text)
        else:
            raise TypeError(
                f"message must be str, bytes-like or an iterable of them, not {type(message).__name__}"
            )

    def _release_outbox(self) -> None:
        """Release the lock of sending, and send what other threads have appended meanwhile."""
        self._outbox.lock.release()
        self._after_sending()

    def _after_sending(self) -> None:
        outbox, protocol = self._outbox, self.protocol
        if outbox.pending and (not outbox.delaying or self._background.polling):
            self._flush_now()
        if protocol.state is not State.OPEN:
            self._end_if_due(protocol)

    def _raise_closed(self, failure: Exception) -> None:
        """Wait for the end of the connection, and raise its ConnectionClosed."""
        if isinstance(failure, OSError):
            self._sending_failed(failure)
        self._wait_for_end()
        error = self.protocol.closed_error()
        raise error from (failure if isinstance(failure, OSError) else error.__cause__)

    def _send_fragments(self, fragments: Iterable[str | Buffer], text: bool | None) -> None:
        """Send each fragment: those of an iterator at once, and then an empty one that ends the message;
        others when the next one is known, so that the last one ends it.
        """
        protocol = self.protocol
        at_once = isinstance(fragments, Iterator)  # it may wait
        last: str | Buffer | None = None
        begun = False
        kind = None if text is None else FragmentsAs(text)
        try:
            for fragment in fragments:
                if kind is not None:
                    fragment = kind.convert(fragment)
                check_fragment(fragment, last)
                sent = fragment if at_once else last
                last = fragment
                if sent is not None:
                    self._send_fragment(sent, begun=begun, final=False)
                    begun = True
            if kind is not None:
                kind.end()
            if last is not None:
                end: str | bytes = "" if isinstance(last, str) else b""
                self._send_fragment(end if at_once else last, begun=begun, final=True)
                begun = False
        except BaseException:
            if begun and protocol.state is State.OPEN:  # a part of a message has been sent
                self._start_closing(CloseCode.INTERNAL_ERROR, "fragmented message not finished")
                self._flush_now()
            raise

    def _send_fragment(self, fragment: str | Buffer, *, begun: bool, final: bool) -> None:
        outbox, protocol = self._outbox, self.protocol
        outbox.lock.acquire()
        try:
            if protocol.fragmenting is not begun:
                raise concurrent_call("send", "send")
            if outbox.send(protocol.send_fragment(fragment, final=final)):
                self._background.notify()
        except (ConnectionClosed, OSError) as exc:
            failure = exc
        else:
            return
        finally:
            self._release_outbox()
        self._raise_closed(failure)

    def ping(self, data: str | Buffer | None = None, *, ack_on_close: bool = False) -> threading.Event:
        """Send a Ping (RFC 6455, 5.5.2).

        Args:
            data: at most 125 bytes, different from those of Pings without a Pong; None for 4 random ones.
            ack_on_close: whether the event is also set when the connection is closed.

        Returns:
            An event that is set when the Pong arrives.

        Raises:
            ConnectionClosed: the connection is closing or closed.
            ConcurrencyError: a Ping with this data has no Pong yet.
            ValueError: data is too long.
        """
        payload = None if data is None else bytes_of(data)
        pong: threading.Event = self._send_control(lambda: self._ping(payload, ack_on_close))
        return pong

    def pong(self, data: str | Buffer = b"") -> None:
        """Send an unsolicited Pong (RFC 6455, 5.5.3) of at most 125 bytes."""
        payload = bytes_of(data)
        self._send_control(lambda: (self.protocol.pong(payload), None))

    def _send_control(self, make: Any) -> Any:
        outbox = self._outbox
        outbox.lock.acquire()
        try:
            frame, made = make()
            outbox.pending.append(frame)
            outbox.delaying = 0
            outbox.send(b"")
        except (ConnectionClosed, OSError) as exc:
            failure = exc
        else:
            self._background.watch_now()
            return made
        finally:
            self._release_outbox()
        self._raise_closed(failure)
        return None

    def _ping(self, data: bytes | None, ack_on_close: bool) -> tuple[bytes, threading.Event]:
        with self._mutex:
            if data is not None and data in self._pings:
                raise ConcurrencyError("already waiting for a pong with the same data")
            while data is None or data in self._pings:
                data = new_mask_key()
            frame = self.protocol.ping(data)
            pong = threading.Event()
            self._pings[data] = pong, time.monotonic(), ack_on_close
        return frame, pong

    def _acknowledge_pings(self, data: bytes) -> None:
        """A Pong acknowledges its Ping and all earlier ones (RFC 6455, 5.5.3)."""
        with self._mutex:
            if data not in self._pings:
                return
            now = time.monotonic()
            for sent in list(self._pings):
                pong, since, _ = self._pings.pop(sent)
                self.latency: float = now - since
                pong.set()
                if sent == data:
                    break
        self._background.notify()  # which may wait for it

    def _send_keepalive(self) -> threading.Event:
        """Send a Ping of the keep-alive."""
        try:
            frame, pong = self._ping(None, True)
        except ConnectionClosed:
            pong = threading.Event()
            pong.set()
            return pong
        self._outbox.pending.append(frame)
        self._flush_now()
        self._background.watch_now()
        return pong

    # Closing.

    def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Close the connection and wait until it is closed; only wait if it is closing already.

        Args:
            code: a status code that may be sent (RFC 6455, 7.4).
            reason: at most 123 bytes of UTF-8.

        Raises:
            ValueError: the code must not be sent, or the reason is too long.
        """
        close_body(code, reason)
        if self._protocol is None:
            self.close_socket()
            return
        if self._protocol.state is State.OPEN:
            timeout = self.close_timeout
            if self._outbox.lock.acquire(-1 if timeout is None else timeout):  # behind what others send
                try:
                    if self._protocol.fragmenting:
                        code, reason = CloseCode.INTERNAL_ERROR, "close during fragmented message"
                    self._start_closing(code, reason)
                finally:
                    self._release_outbox()
                self._flush_now()
            else:
                self._time_out()
        self._wait_for_end()
        self._background.join()

    def wait_closed(self, timeout: float | None = None) -> bool:
        """Wait until the connection is closed; return whether it is.

        Args:
            timeout: seconds to wait; None for no limit.
        """
        return self._background.join(timeout)

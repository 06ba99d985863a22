"""A WebSocket connection on a socket, either side, for threads."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, overload

from .._spec import CloseCode
from ..connection import ConnectionClosedOK
from ._endpoint import MAX_QUEUE as MAX_QUEUE, concurrent_call
from ._streaming import StreamReceiver

if TYPE_CHECKING:
    from typing_extensions import Self


class Connection(StreamReceiver):
    """An open WebSocket connection.

    All methods may be called from any thread.

    Args:
        socket: of the connection.
        ping_interval, ping_timeout, close_timeout, max_queue, logger: as connect and serve take them.

    Attributes:
        id: a random identifier, for logs.
        logger: the logger of the server or client.
        socket: the connected socket, with the methods of a socket; with TLS also those of an ssl.SSLObject.
        request, response: of the opening handshake, or None.
        subprotocol: the negotiated one, or None.
        latency: seconds between the last Ping and its Pong, 0 before the first.
        close_timeout: seconds to wait for the end of the closing connection, or None; it may be set.
    """

    @property
    def close_code(self) -> int | None:
        """The close code, or None before the connection is closed (RFC 6455, 7.1.5)."""
        if self._protocol is None:
            return CloseCode.ABNORMAL_CLOSURE if self._ended else None
        return self._protocol.close_code

    @property
    def close_reason(self) -> str | None:
        """The close reason, or None before the connection is closed (RFC 6455, 7.1.6)."""
        if self._protocol is None:
            return "" if self._ended else None
        return self._protocol.close_reason

    @property
    def local_address(self) -> Any:
        """The local address, as socket.getsockname() returns it."""
        return self.socket.getsockname()

    @property
    def remote_address(self) -> Any:
        """The address of the peer, as socket.getpeername() returns it."""
        return self.socket.getpeername()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self.close(CloseCode.NORMAL_CLOSURE if kind is None else CloseCode.INTERNAL_ERROR)

    def __iter__(self) -> Iterator[str | bytes]:
        """Receive messages until the connection is closed with 1000, 1001 or without a code."""
        receiving, messages = self._receiving, self._messages
        with suppress(ConnectionClosedOK):
            while getattr(self.recv, "__func__", None) is not Connection.recv:  # it is overridden
                yield self.recv()
            while True:  # as `recv` does
                if not receiving.acquire(False):
                    raise concurrent_call("recv")
                try:
                    if not messages:
                        self._wait_for_message(None)
                    message: str | bytes = messages.popleft()
                finally:
                    receiving.release()
                yield message

    @overload
    def recv(self, timeout: float | None = None, *, decode: Literal[True]) -> str: ...

    @overload
    def recv(self, timeout: float | None = None, *, decode: Literal[False]) -> bytes: ...

    @overload
    def recv(self, timeout: float | None = None, decode: bool | None = None) -> str | bytes: ...

    def recv(self, timeout: float | None = None, decode: bool | None = None) -> str | bytes:
        """Receive the next message.

        Args:
            timeout: seconds to wait for it, 0 to return only one that has arrived; None for no limit.
            decode: True to get str, False to get bytes; None for the type of the message.

        Returns:
            str for text, bytes for binary.

        Raises:
            ConnectionClosed: the connection is closed, and all messages before that have been received.
            ConcurrencyError: another thread is in recv.
            TimeoutError: no message arrived in time; none is lost.
        """
        if not self._receiving.acquire(False):
            raise concurrent_call("recv")
        try:
            if not self._messages:
                self._wait_for_message(timeout)
            message: str | bytes = self._messages.popleft()
        finally:
            self._receiving.release()
        if decode is None:
            return message
        if isinstance(message, str):
            return message if decode else message.encode()
        return self._decoded(message, codecs.getincrementaldecoder("utf-8")()) if decode else message

"""A listening server for threads: it accepts connections, and closes them."""

from __future__ import annotations

import logging
import selectors
import socket
import ssl as tls
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .._http.logs import log_listening
from .._spec import CloseCode
from ..connection import State, close_body
from ._opening import ServerConnection

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._options import AnyLogger

# Seconds to wait when the system is out of files before the next connection is accepted.
ACCEPT_DELAY = 0.1

_logger = logging.getLogger("wsframe.server")


class Server:
    """A listening WebSocket server, returned by `serve`.

    Args:
        sock: a socket that listens.
        handle: called in a new thread with each socket that is accepted, and its address.
        logger: the logger, instead of "wsframe.server".
        ssl: the context of TLS of its connections, or None.

    Attributes:
        socket: the one that listens.
        ssl: the context of TLS, or None.
        socket_closed: an event that is set once no more connections are accepted.
        logger: the logger.
    """

    def __init__(
        self,
        sock: socket.socket,
        handle: Callable[[socket.socket, Any], None],
        logger: AnyLogger | None = None,
        ssl: tls.SSLContext | None = None,
    ) -> None:
        self.socket = sock
        self.ssl = ssl
        self.logger: AnyLogger = _logger if logger is None else logger
        self.socket_closed: threading.Event = threading.Event()
        self._handle = handle
        self._lock = threading.Lock()
        self._connections: set[ServerConnection] = set()  # opening ones, too
        self._threads: set[threading.Thread] = set()
        self._is_serving = False
        self._warned_of_proxy = False
        self._warned_of_peer = False
        self._wakeup_sender, self._wakeup = socket.socketpair()

    @property
    def connections(self) -> set[ServerConnection]:
        """The connections that are open."""
        with self._lock:
            return {connection for connection in self._connections if connection.state is State.OPEN}

    def fileno(self) -> int:
        """Return the number of the socket that listens."""
        return self.socket.fileno()

    def serve_forever(self) -> None:
        """Accept connections until another thread calls `shutdown`.

        Raises:
            RuntimeError: the server is closed, or serves already.
        """
        with self._lock:
            if self._is_serving or self.socket_closed.is_set():
                raise RuntimeError(
                    "the server is closed" if self.socket_closed.is_set() else "it serves already"
                )
            self._is_serving = True
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._wakeup, selectors.EVENT_READ)
                selector.register(self.socket, selectors.EVENT_READ)
                log_listening(self.logger, self.socket)
                while not any(key.fileobj is self._wakeup for key, _ in selector.select()):
                    self._accept()
        finally:
            self._close_socket()

    def _accept(self) -> None:
        try:
            sock, address = self.socket.accept()
        except (BlockingIOError, ConnectionError):
            return  # another process has accepted it, or it is closed already
        except OSError:
            self.logger.exception("accepting a connection failed")
            self.socket_closed.wait(ACCEPT_DELAY)
            return
        sock.setblocking(True)
        thread = threading.Thread(target=self._run, args=(sock, address))
        with self._lock:
            self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:  # the system is out of threads
            self.logger.exception("accepting a connection failed")
            self._threads.discard(thread)
            sock.close()

    def _run(self, sock: socket.socket, address: Any) -> None:
        try:
            self._handle(sock, address)
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _add(self, connection: ServerConnection) -> None:
        with self._lock:
            self._connections.add(connection)

    def _discard(self, connection: ServerConnection) -> None:
        with self._lock:
            self._connections.discard(connection)

    def _warn_of_proxy(self, refused: Exception) -> None:
        """Log that a proxy lacks a line of configuration: once, because each request is the same."""
        with self._lock:
            warned, self._warned_of_proxy = self._warned_of_proxy, True
        if not warned:
            self.logger.warning("request refused: %s", refused)

    def _close_socket(self) -> None:
        self.socket.close()
        self._wakeup.close()
        self._wakeup_sender.close()
        self.socket_closed.set()

    def shutdown(
        self, close_connections: bool = True, code: int = CloseCode.GOING_AWAY, reason: str = ""
    ) -> None:
        """Stop: accept no more, refuse handshakes with 503, close connections, wait for their handlers.

        It may be called several times, from any thread.  Called by a handler, it does not wait for that one.

        Args:
            close_connections: whether to close the open connections.
            code, reason: of the Close frames.

        Raises:
            ValueError: the code must not be sent, or the reason is too long.
        """
        close_body(code, reason)
        self.logger.info("server closing")
        with self._lock:
            serving, self._is_serving = self._is_serving, True  # serve_forever() then raises
        if not serving:
            self._close_socket()
        with suppress(OSError):
            self._wakeup_sender.send(b"\0")
        self.socket_closed.wait()
        with self._lock:
            connections = list(self._connections)
            threads = [thread for thread in self._threads if thread is not threading.current_thread()]
        for connection in connections:
            connection._go_away(close_connections, code, reason)
        for thread in threads:
            thread.join()
        self.logger.info("server closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.shutdown()

"""The PROXY protocol in front of a connection: its header comes before all else, also before TLS."""

from __future__ import annotations

import asyncio
import ssl as tls
from typing import TYPE_CHECKING, Any

from .._http.proxy_protocol import READ_SIZE, ProxyHeaderReader

if TYPE_CHECKING:
    from .server import Server, ServerConnection


class HeaderProtocol(asyncio.BufferedProtocol):
    """Reads the header from a transport, starts TLS, and gives the transport to its connection.

    It offers the transport a buffer of no more bytes than the header has: what follows stays in the socket.

    Args:
        server: that has accepted the transport.
        connection: that gets it.
        ssl: the context of TLS, or None.
        tls_options: those of loop.start_tls.
    """

    def __init__(
        self,
        server: Server,
        connection: ServerConnection,
        ssl: tls.SSLContext | None,
        tls_options: dict[str, Any],
    ) -> None:
        self._server = server
        self._connection = connection
        self._ssl = ssl
        self._tls_options = tls_options
        self._reader = ProxyHeaderReader()
        self._buffer = bytearray(READ_SIZE)
        self._task: asyncio.Task[None] | None = None  # starts TLS
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport
        self._loop = asyncio.get_running_loop()
        self._deadline = None if server.open_timeout is None else self._loop.time() + server.open_timeout

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._server._unidentified.add(self)
        if self._deadline is not None:
            self._timer = self._loop.call_at(self._deadline, self.abort)
        trusted = self._server._proxies
        peer = transport.get_extra_info("peername")
        if trusted is not None and not trusted.trusts(peer):
            self._fail(f"the peer {peer!r} is not among trusted_proxies", warn=True)

    def get_buffer(self, sizehint: int) -> Any:
        if not self._reader.wanted:  # Windows' proactor has read what follows
            return self._connection.get_buffer(sizehint)
        return memoryview(self._buffer)[: self._reader.wanted]

    def buffer_updated(self, nbytes: int) -> None:
        if not self._reader.wanted:
            self._connection.buffer_updated(nbytes)
            return
        try:
            complete = self._reader.feed(bytes(self._buffer[:nbytes]))
        except ValueError as exc:
            self._fail(str(exc))
            return
        if not complete:
            return
        self._connection._set_peer(self._reader.address)
        if self._ssl is None:
            self._hand_over(self._transport)
        else:
            self._transport.pause_reading()
            self._task = self._server._start_task(self._start_tls(self._ssl))

    def _hand_over(self, transport: asyncio.Transport) -> None:
        self._discard()
        transport.set_protocol(self._connection)
        self._connection.connection_made(transport)

    async def _start_tls(self, context: tls.SSLContext) -> None:
        options = dict(self._tls_options)
        if options.get("ssl_handshake_timeout") is None and self._deadline is not None:
            options["ssl_handshake_timeout"] = max(self._deadline - self._loop.time(), 0.001)
        early = _EarlyData()
        try:
            secured = await self._loop.start_tls(self._transport, early, context, server_side=True, **options)
        except Exception as exc:  # uvloop raises RuntimeError where the peer has disconnected
            self._fail(f"{type(exc).__name__}: {exc}")
            return
        if secured is None or secured.is_closing() or early.lost:
            self.abort()
            return
        try:
            self._hand_over(secured)
            self._receive(early.data)
        except BaseException:  # of a class of the application
            secured.abort()
            raise

    def _receive(self, data: bytes) -> None:
        """Give the connection what has arrived before it had the transport."""
        while data:
            buffer = self._connection.get_buffer(len(data))
            size = min(len(buffer), len(data))
            buffer[:size] = data[:size]
            self._connection.buffer_updated(size)
            data = data[size:]

    def _fail(self, why: str, warn: bool = False) -> None:
        server = self._server
        log = server.logger.warning if warn and not server._warned_of_peer else server.logger.debug
        server._warned_of_peer |= warn  # once: a proxy that is not listed, or any peer
        log("connection refused: %s", why)
        self.abort()

    def abort(self) -> None:
        """Close the connection at once."""
        self._discard()
        self._transport.abort()
        if self._task is not None:
            self._task.cancel()

    def _discard(self) -> None:
        self._server._unidentified.discard(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def eof_received(self) -> bool:
        return False  # the transport closes itself

    def connection_lost(self, exc: Exception | None) -> None:
        self._discard()


class _EarlyData(asyncio.Protocol):
    """Keeps what arrives between the end of the TLS handshake and the next iteration of the loop."""

    def __init__(self) -> None:
        self.data = b""
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True

"""TLS on a connected socket.

OpenSSL's connection may be used by one thread at a time, and a thread that waits in it for bytes would keep
the others from sending.  So it works in memory, under a lock that no thread holds while waiting for the peer.
"""

from __future__ import annotations

import ssl
import threading
from contextlib import suppress
from typing import Any

from ._socket import READ_SIZE, Deadline, Socket


class TLSSocket(Socket):
    """A socket with TLS.

    Args:
        below: the socket for the encrypted bytes.
        context: of TLS.
        server_side: which side we are.
        server_hostname: the name of the server, in a client.
    """

    def __init__(
        self,
        below: Socket,
        context: ssl.SSLContext,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
    ) -> None:
        self.sock = below.sock
        self._below = below
        self._lock = threading.Lock()
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._unsent = b""  # encrypted bytes that the system has not taken
        self._decrypted = b""  # bytes that came with the handshake
        self._ended = False
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=server_hostname
        )

    def handshake(self, deadline: Deadline) -> None:
        """Do the handshake of TLS.

        Raises:
            OSError: it fails, or the peer ends the stream.
            TimeoutError: the deadline is over.
        """
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                pass
            finally:  # a failure is reported to the peer
                if self._outgoing.pending:
                    self._below.sendall(self._outgoing.read())
            data = self._below.recv_within(deadline)
            if data:
                self._incoming.write(data)
            else:
                self._incoming.write_eof()
        self._decrypted = self._decrypt()

    def _decrypt(self) -> bytes:
        pieces = []
        try:
            while piece := self._tls.read(READ_SIZE):
                pieces.append(piece)
            self._ended = True
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self._ended = True
        return b"".join(pieces)

    def _take(self, data: bytes) -> bytes | None:
        """Decrypt bytes; return None if a record is incomplete."""
        with self._lock:
            if data:
                self._incoming.write(data)
            else:
                self._incoming.write_eof()
            plain = self._decrypt()
        return plain or (b"" if self._ended else None)

    @property
    def _has_input(self) -> bool:
        return self._ended or bool(self._decrypted)

    def recv(self) -> bytes:
        if self._has_input:
            data, self._decrypted = self._decrypted, b""
            return data
        while True:
            plain = self._take(self._below.recv())
            if plain is not None:
                return plain

    def recv_now(self) -> bytes | None:
        if self._has_input:
            return self.recv()
        data = self._below.recv_now()
        return None if data is None else self._take(data)

    def wait(self, *, read: bool, write: bool, timeout: float | None) -> tuple[bool, bool]:
        if read and self._has_input:
            return True, write
        return self._below.wait(read=read, write=write, timeout=timeout)

    @property
    def has_output(self) -> bool:  # type: ignore[override]
        return bool(self._unsent) or self._outgoing.pending > 0 or self._below.has_output

    def _encrypt(self, data: bytes) -> None:
        """Append encrypted bytes to those that are unsent."""
        with self._lock:
            view = memoryview(data)
            while view:
                view = view[self._tls.write(view) :]
            self._unsent += self._outgoing.read()

    def sendall(self, data: bytes) -> None:
        self._encrypt(data)
        encrypted, self._unsent = self._unsent, b""
        self._below.sendall(encrypted)

    def send_now(self, data: bytes) -> int:
        # What is encrypted must be sent: a little at a time.
        taken = b"" if self._unsent else data[:READ_SIZE]
        self._encrypt(taken)
        self._unsent = self._unsent[self._below.send_now(self._unsent) :]
        return len(taken)

    def send_close_notify(self) -> None:
        with self._lock, suppress(ssl.SSLError, OSError):
            with suppress(ssl.SSLWantReadError):
                self._tls.unwrap()
            self._below.send_now(self._unsent + self._outgoing.read())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tls if hasattr(self._tls, name) else self.sock, name)

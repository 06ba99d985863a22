"""Receiving a message in parts, for threads."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from .._spec import ONE_MESSAGE, CloseCode, Fragment
from ..connection import ConnectionClosed, bytes_of
from ._endpoint import BUDGET, concurrent_call
from ._receiving import Receiver


class StreamReceiver(Receiver):
    """The part of `Connection` that streams."""

    def recv_streaming(self, decode: bool | None = None) -> Iterator[str | bytes]:
        """Receive the next message in parts, as they arrive: fragments, or pieces of a large one.

        While about 64 KiB wait to be taken, the connection does not read: TCP slows the peer down.

        Args:
            decode: as for `recv`.

        Returns:
            An iterator over the parts, which must be used to the end before the next message can be received.
            Text is cut between characters.

        Raises:
            ConnectionClosed: as `recv`.
            ConcurrencyError: another thread receives, or the previous message was not received to its end.
        """
        if not self._receiving.acquire(False):
            raise concurrent_call("recv_streaming")
        decoder = codecs.getincrementaldecoder("utf-8")()
        final = False
        try:
            while not final:
                part = self._next_part()
                final = not isinstance(part, Fragment) or part.final
                data = part.data if isinstance(part, Fragment) else part
                if decode is not None and isinstance(data, str) is not decode:
                    data = bytes_of(data) if isinstance(data, str) else self._decoded(data, decoder, final)
                if final:
                    self._receiving.release()
                self._between_parts = not final
                if self._background.idle:
                    self._background.notify()
                yield data
                self._between_parts = False
        except ConnectionClosed:
            self._receiving.release()
            raise

    def _next_part(self) -> str | bytes | Fragment:
        if not self._messages:
            with self._reading:
                if not self._messages:
                    decoder = self.protocol.decoder
                    decoder.streaming = ONE_MESSAGE
                    if decoder.buffered:  # a part of the message has arrived
                        self._process(self.protocol, decoder.feed(b"", BUDGET))
            self._wait_for_message(None)
        part: str | bytes | Fragment = self._messages.popleft()
        return part

    def _decoded(self, data: bytes, decoder: codecs.IncrementalDecoder, final: bool = True) -> str:
        """Decode bytes of text; if they are not UTF-8, close the connection with 1007."""
        try:
            return decoder.decode(data, final)
        except UnicodeDecodeError as exc:
            self.close(CloseCode.INVALID_DATA, f"{exc.reason} at position {exc.start}")
            raise self.protocol.closed_error() from exc

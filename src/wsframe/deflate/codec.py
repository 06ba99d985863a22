"""The codec of permessage-deflate (RFC 7692, 7.2)."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .. import Role, _errors
from .._backend import encode_deflated, encode_frame
from .._spec import DEFLATE_TAIL as TAIL, RSV1
from .modules import chosen, compressor, inflating_module, module_of, spelled

if TYPE_CHECKING:
    from typing_extensions import Buffer

NAME: Final = "permessage-deflate"
SYNC_FLUSH, FULL_FLUSH = zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH  # the same numbers in every module
EMPTY: Final = b"\x00"  # 7.2.3.6: a message, or its rest, that is empty

MIN_BITS, MAX_BITS = 8, 15  # 7.1.2: of the window, as a power of two in bytes
# zlib cannot compress with a window of 256 bytes; it uses one of 512 instead.
MIN_OWN_BITS = 9

MIN_SIZE = 128  # bytes; below, compression saves less than the headers of a packet take
MEM_LEVEL = 5
MAX_STREAMS = 2**10  # DEFLATE streams in a message, each of which costs an inflater of its own
SEARCH_STEPS = (4096, 64, 1)  # bytes, in which the place of an error is searched
NO_MEMORY = "Error -4"  # Z_MEM_ERROR, as all the modules report it
FIRST_PIECE = 64  # bytes given to the inflater of each stream after the first

STEP = 2**16  # bytes compressed in one go of a large message: a few milliseconds
SAMPLE = 4096  # bytes of each sample of a large message
SHRINKS = 0.95  # of its size, below which a sample must be compressed


def format_parameters(values: Sequence[int | bool | None]) -> str:
    """Write the header of an offer or a response; True means a parameter without a value."""
    parts = [NAME]
    for name, value in zip(Parameters._fields, values, strict=True):
        if value is True:
            parts.append(name)
        elif value:
            parts.append(f"{name}={value}")
    return "; ".join(parts)


class Parameters(NamedTuple):
    """What both sides agreed on (RFC 7692, 7.1); `str` gives the header."""

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int | None = None
    client_max_window_bits: int | None = None

    def __str__(self) -> str:
        return format_parameters(self)


DEFAULT_PARAMETERS: Final = Parameters()


# Equal settings are one object, so that a broadcast compares them by `is`.
_settings: dict[tuple[object, ...], tuple[object, ...]] = {}

# Compressors for messages without context, by the settings that determine their output. A user takes one out
# of its list: a thread or a signal handler that finds none makes another.
_idle: dict[tuple[object, ...], list[Any]] = {}


class Deflate:
    """The codec of one connection, both directions (RFC 7692, 7.2).

    It is the Inflater of a MessageDecoder.  No memory is allocated before the first compressed message,
    nor kept between messages where context takeover is off: such connections share a compressor.

    Args:
        role: which side we are.
        parameters: what both sides agreed on.
        level, mem_level, min_size, module: see ServerPolicy.

    Attributes:
        parameters: what both sides agreed on.
        min_size: bytes below which a message is sent uncompressed.
        extra_streams: how many DEFLATE streams were received that were not the first of their message.
        settings: what determines the compressed bytes of a message.
    """

    __slots__ = (
        "_begun",
        "_deflater",
        "_errors",
        "_idle",
        "_inflater",
        "_level",
        "_mem_level",
        "_module",
        "_own_bits",
        "_own_resets",
        "_peer_bits",
        "_peer_resets",
        "_place",
        "_streams",
        "extra_streams",
        "min_size",
        "parameters",
        "settings",
    )

    def __init__(
        self,
        role: Role,
        parameters: Parameters = DEFAULT_PARAMETERS,
        *,
        level: int | None = None,
        mem_level: int = MEM_LEVEL,
        min_size: int = MIN_SIZE,
        module: str | None = None,
    ) -> None:
        if not isinstance(role, Role):
            raise _errors.not_role(role)
        server_resets, client_resets, server_bits, client_bits = parameters
        if role is Role.SERVER:
            self._own_resets, self._peer_resets = server_resets, client_resets
            own_bits, peer_bits = server_bits, client_bits
        else:
            self._own_resets, self._peer_resets = client_resets, server_resets
            own_bits, peer_bits = client_bits, server_bits
        self.parameters: Parameters = parameters
        self.min_size: int = min_size
        self._own_bits = own_bits or MAX_BITS
        self._peer_bits = peer_bits or MAX_BITS
        self._level = level
        self._mem_level = mem_level
        self._module = spelled(module) if module else chosen()
        settings = (self._module, self._own_bits, level, mem_level)
        self.settings: tuple[object, ...] = _settings.setdefault(settings, settings)
        self._errors = (zlib.error, module_of(self._module).error)
        self._deflater: Any = None
        self._idle: list[Any] | None = None
        self._inflater: Any = None
        self._place: object = None  # of the inflater
        self._begun = False  # bytes of the current message have been inflated
        self._streams = 0  # begun in the current message
        self.extra_streams: int = 0

    # Sending.

    def wants(self, size: int) -> bool:
        """Tell whether to compress a message of so many bytes."""
        return size >= self.min_size

    def deflate(self, payload: Buffer, final: bool = True) -> bytes:
        """Compress the next fragment of a message (RFC 7692, 7.2.1).

        Args:
            payload: the fragment; the peer can inflate all of it at once.
            final: it ends the message.

        Returns:
            The payload of the frame; RSV1 is to be set on the first frame of the message.
        """
        deflater = self._deflater
        if deflater is None:
            if final and self._own_resets:
                return self.deflate_alone(payload)
            deflater = self._deflater = self._new_deflater(kept=not self._own_resets)
        out: bytes = deflater.compress(payload) + deflater.flush(SYNC_FLUSH)
        if not final:
            return out
        if self._own_resets:
            self._deflater = None
        # Nothing comes out if nothing went in since the last flush.
        return out[:-4] if out else EMPTY

    def deflate_frame(self, opcode: int, payload: Buffer, mask_key: Buffer | None = None) -> bytes:
        """Compress a whole message and write it as one frame (RFC 7692, 7.2.1; RFC 6455, 5.2).

        Args:
            opcode: TEXT or BINARY.
            payload: the message.
            mask_key: the masking key, 4 bytes, of a frame that a client sends.

        Returns:
            Header, with RSV1 set, and compressed payload.
        """
        deflater = self._deflater
        if not payload or (deflater is None and self._own_resets):
            return encode_frame(opcode, self.deflate(payload), rsv=RSV1 >> 4, mask_key=mask_key)
        if deflater is None:
            deflater = self._deflater = self._new_deflater(kept=True)
        frame = encode_deflated(opcode, payload, deflater, SYNC_FLUSH, mask_key=mask_key)
        if self._own_resets:
            self._deflater = None
        return frame

    def deflate_alone(self, payload: Buffer) -> bytes:
        """Compress a whole message so that it can be sent on every connection with the same `settings`.

        For a broadcast. Call `reset` on the codec of each of these connections, because the window of its
        peer has moved on.
        """
        idle = self._idle
        if idle is None:
            idle = self._idle = _idle.setdefault(self.settings, [])
        try:
            deflater = idle.pop()
        except IndexError:
            deflater = self._new_deflater(kept=False)
        # After a full flush nothing refers to what came before it.
        out: bytes = deflater.compress(payload) + deflater.flush(FULL_FLUSH)
        idle.append(deflater)
        return out[:-4] if out else EMPTY

    def deflate_in_steps(self, payload: bytes) -> Iterator[bytes]:
        """Compress a whole message as `deflate_alone` does, in steps of 64 KiB.

        Yields:
            The parts of the payload of the frame; then call `reset`.
        """
        deflater = self._new_deflater(kept=False)
        view = memoryview(payload)
        for start in range(0, len(view), STEP):
            yield deflater.compress(view[start : start + STEP])
        yield deflater.flush(SYNC_FLUSH)[: -len(TAIL)]

    def shrinks(self, payload: bytes) -> bool:
        """Tell whether compressing a large message is worth the time, by samples of it."""
        size = len(payload)
        samples = [payload[start : start + SAMPLE] for start in (0, size // 2, max(0, size - SAMPLE))]
        return any(len(zlib.compress(sample, 1)) < SHRINKS * len(sample) for sample in samples)

    def reset(self) -> None:
        """Compress the next message without reference to earlier ones, which is always allowed."""
        self._deflater = None

    def _new_deflater(self, *, kept: bool) -> Any:
        if self._own_bits < MIN_OWN_BITS:
            # Without references to earlier bytes any window is large enough.
            return zlib.compressobj(
                wbits=-MIN_OWN_BITS, memLevel=self._mem_level, strategy=zlib.Z_HUFFMAN_ONLY
            )
        return compressor(self._module, self._own_bits, self._level, self._mem_level, kept=kept)

    # Receiving.

    def inflate(self, data: bytes, final: bool, max_length: int) -> bytes:
        """Inflate the next piece of a message (RFC 7692, 7.2.2).

        A message may be made of several DEFLATE streams, that is, have blocks with BFINAL set
        anywhere (7.2.3.4); the window does not reach from one into the next.

        Args:
            data: the piece, which may end anywhere and may be empty.
            final: it ends the message.
            max_length: bytes it may yield.

        Returns:
            What it yields, but never more than max_length + 1 bytes.

        Raises:
            ProtocolError: it is not valid DEFLATE data, or has too many streams.
        """
        if not data and not (final and self._begun and self._inflater is not None):
            # No bytes where an empty block should be: some peers send that.
            if final:
                self._end_message()
            return b""
        self._begun = True
        if final:
            data += TAIL
        limit = min(max_length, sys.maxsize - 1)
        inflater = self._inflater or self._open_stream(len(data))
        try:
            out: bytes = inflater.decompress(data, limit) if limit else b""
            if len(out) == limit:
                out += self._one_more(data if not limit else inflater.unconsumed_tail)
            if inflater.eof and len(out) <= limit:
                out = self._inflate_streams(out, data, final, limit)
        except self._errors as exc:
            if NO_MEMORY in str(exc):  # for the window, which is allocated late
                raise MemoryError from exc
            raise _errors.invalid_deflate() from None
        if final:
            self._end_message()
        # A module may return a little more than the limit it was given.
        return out if len(out) <= limit else out[: limit + 1]

    def _one_more(self, rest: Buffer) -> bytes:
        """Inflate past the last byte that a message may have: return one more byte, if there is one.

        A module that reads ahead may raise an error that comes only after one more byte.  Of several errors
        the first counts, so that it does not matter how the message was cut into reads.
        """
        inflater = self._inflater
        if inflater.eof:
            return b""
        saved = inflater.copy() if hasattr(inflater, "copy") else None
        try:
            out: bytes = inflater.decompress(rest, 1)
        except self._errors:
            if saved is None or not self._yields(saved, memoryview(rest), SEARCH_STEPS):
                raise
            return b"\0"
        return out

    def _yields(self, inflater: Any, data: memoryview, steps: Sequence[int]) -> bool:
        """Tell whether data that end in an error yield a byte before it."""
        step, *finer = steps
        if inflater.decompress(b"", 1):
            return True
        for start in range(0, len(data), step):
            saved = inflater.copy() if finer else None
            piece = data[start : start + step]
            try:
                if inflater.decompress(piece, 1):
                    return True
            except self._errors:
                return saved is not None and self._yields(saved, piece, finer)
        return False

    def _inflate_streams(self, out: bytes, data: bytes, final: bool, limit: int) -> bytes:
        """Inflate the streams that follow the first one of a piece.

        An inflater copies the bytes behind the end of its stream.  It is given a few at first, and then twice
        as many each time, so that the work stays linear.
        """
        outs = [out]
        room = limit - len(out)  # 0 is allowed, as long as no byte follows
        size = len(data)
        end = size - len(TAIL) if final else size
        at = size - len(self._inflater.unused_data)
        view = memoryview(data)
        while self._inflater.eof:
            self._inflater = None
            if at >= end:
                if end < at < size:
                    raise _errors.invalid_deflate()
                break
            inflater = self._open_stream(size - at)
            most = FIRST_PIECE
            while at < size and not inflater.eof:
                piece = view[at : at + most]
                out = inflater.decompress(piece, room) if room else b""
                if len(out) == room:
                    out += self._one_more(piece if not room else inflater.unconsumed_tail)
                outs.append(out)
                room -= len(out)
                if room < 0:
                    return b"".join(outs)
                at += len(piece) - len(inflater.unused_data)
                most *= 2
        return b"".join(outs)

    def _end_message(self) -> None:
        self._begun = False
        self._streams = 0
        if self._peer_resets:
            self._inflater = self._place = None

    def _open_stream(self, size: int) -> Any:
        self._streams += 1
        if self._streams > MAX_STREAMS:
            raise _errors.too_many_streams(MAX_STREAMS)
        if self._streams > 1:
            self.extra_streams += 1
        self._place = None
        module, self._place = inflating_module(self._module, size, kept=not self._peer_resets)
        self._inflater = module.decompressobj(wbits=-self._peer_bits)
        return self._inflater

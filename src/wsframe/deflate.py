"""Compression of messages, permessage-deflate: its negotiation and its codec (RFC 7692).

The codec works over the standard zlib, or over a module with the same interface: see `use`.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from . import Role, _errors

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["ClientPolicy", "Deflate", "Parameters", "ServerPolicy", "in_use", "use"]

NAME: Final = "permessage-deflate"
TAIL: Final = b"\x00\x00\xff\xff"  # 7.2.1: what a sender strips and a receiver adds
EMPTY: Final = b"\x00"  # 7.2.3.6: a message, or its rest, that is empty

MIN_BITS, MAX_BITS = 8, 15  # 7.1.2: of the window, as a power of two in bytes
# zlib cannot compress with a window of 256 bytes; it takes one of 512 instead.
MIN_OWN_BITS = 9

MIN_SIZE = 128  # bytes; below, what is saved is less than the headers of the packet around it
MEM_LEVEL = 5
MAX_STREAMS = 2**10  # DEFLATE streams in a message, each of which costs an inflater of its own
LAST_BITES = (4096, 64, 1)  # bytes: the steps towards the byte that an error is in
NO_MEMORY = "Error -4"  # Z_MEM_ERROR, as zlib and its kin report it
FIRST_BITE = 64  # bytes given to the inflater of each stream after the first

STEP = 2**16  # bytes compressed in one go of a large message: a few milliseconds
SAMPLE = 4096  # bytes of each sample of a large message
SHRINKS = 0.95  # what a sample has to shrink to, as a part of its size

_MODULES = {"zlib": "zlib", "zlib_ng": "zlib_ng.zlib_ng", "isal": "isal.isal_zlib"}
_in_use = "zlib"


@cache
def _module(name: str) -> Any:
    if name not in _MODULES:
        raise ValueError(f"name must be one of {', '.join(_MODULES)}, not {name!r}")
    return import_module(_MODULES[name])


def use(name: str) -> None:
    """Choose the module that compresses and inflates, for policies made from now on.

    Args:
        name: "zlib", "zlib_ng" or "isal"; the last two are packages to install.

    Raises:
        ValueError: the name is none of these.
        ImportError: the module is not installed.
    """
    global _in_use
    _module(name)
    _in_use = name


def in_use() -> str:
    """Tell which module is in use: "zlib", "zlib_ng" or "isal"."""
    return _in_use


class Parameters(NamedTuple):
    """What both sides agreed on (RFC 7692, 7.1); `str` gives the header."""

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int | None = None
    client_max_window_bits: int | None = None

    def __str__(self) -> str:
        return _header(self)


PLAIN: Final = Parameters()


class Offer(NamedTuple):
    """What a client offers, or a server answers: True for client_max_window_bits without a value."""

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int | None = None
    client_max_window_bits: int | bool | None = None


Extensions = Iterable[tuple[str, list[tuple[str, str | None]]]]

_BITS = {str(bits): bits for bits in range(MIN_BITS, MAX_BITS + 1)}


def _header(values: Sequence[int | bool | None]) -> str:
    parts = [NAME]
    for name, value in zip(Parameters._fields, values, strict=True):
        if value is True:
            parts.append(name)
        elif value:
            parts.append(f"{name}={value}")
    return "; ".join(parts)


def _read(parameters: Iterable[tuple[str, str | None]], *, offer: bool) -> Offer:
    """Read the parameters of an offer or an answer.

    Raises:
        ValueError: one is unknown, there twice, or has a value it must not have (7.1).
    """
    seen: dict[str, Any] = {}
    for name, value in parameters:
        if name not in Offer._fields:
            raise ValueError(f"unknown parameter {name} of {NAME}")
        if name in seen:
            raise ValueError(f"parameter {name} is there twice")
        if name.endswith("takeover"):
            if value is not None:
                raise ValueError(f"parameter {name} has a value")
            seen[name] = True
        elif value is None and offer and name == "client_max_window_bits":
            seen[name] = True
        elif value in _BITS:
            seen[name] = _BITS[value]
        else:
            raise ValueError(f"parameter {name} must be from {MIN_BITS} to {MAX_BITS}, not {value}")
    return Offer(**seen)


def _check_bits(name: str, value: int | None, low: int) -> None:
    if value is not None and not low <= value <= MAX_BITS:
        raise ValueError(f"{name} must be from {low} to {MAX_BITS}")


@dataclass(frozen=True, kw_only=True)
class _Codec:
    """What both policies say of the codec; no peer is told."""

    level: int | None = None
    mem_level: int = MEM_LEVEL
    min_size: int = MIN_SIZE
    backend: str = field(default_factory=in_use)

    def _check_codec(self) -> None:
        if not 1 <= self.mem_level <= 9:
            raise ValueError("mem_level must be from 1 to 9")
        if self.min_size < 0:
            raise ValueError("min_size must not be negative")
        module = _module(self.backend)
        if self.level is not None:
            try:
                module.compressobj(level=self.level)
            except (ValueError, module.error):
                raise ValueError(f"level {self.level} is none of those {self.backend} has") from None

    def _codec(self, role: Role, agreed: Parameters) -> Deflate:
        return Deflate(
            role,
            agreed,
            level=self.level,
            mem_level=self.mem_level,
            min_size=self.min_size,
            backend=self.backend,
        )


@dataclass(frozen=True, kw_only=True)
class ServerPolicy(_Codec):
    """How a server answers offers of permessage-deflate (RFC 7692, 5.1 and 7.1).

    Args:
        server_no_context_takeover: compress each message on its own: less memory between
            messages, and more bytes.
        client_no_context_takeover: demand the same of the client.
        server_max_window_bits: the window to compress with, from 9 to 15; None for 15.
        client_max_window_bits: the window to ask of clients, from 8 to 15; None for theirs.
        require_client_max_window_bits: decline offers of clients that would not be told.
        level: of compression, as the module in use counts them; None for its own choice.
        mem_level: memory of the compressor, from 1 to 9.
        min_size: bytes below which a message leaves uncompressed.
        backend: the module that does the work, as `use` names it.

    Raises:
        ValueError: a setting is out of range, or required and not given.
    """

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int | None = 12
    client_max_window_bits: int | None = 12
    require_client_max_window_bits: bool = False

    def __post_init__(self) -> None:
        _check_bits("server_max_window_bits", self.server_max_window_bits, MIN_OWN_BITS)
        _check_bits("client_max_window_bits", self.client_max_window_bits, MIN_BITS)
        if self.require_client_max_window_bits and self.client_max_window_bits is None:
            raise ValueError("require_client_max_window_bits needs client_max_window_bits")
        self._check_codec()

    def accept(self, offers: Extensions) -> Deflate | None:
        """Answer the first offer that can be accepted.

        Args:
            offers: (name, parameters) of each extension a client offers.

        Returns:
            The codec of the connection, its `parameters` the answer; None to decline all.
        """
        for name, parameters in offers:
            if name == NAME:
                agreed = self._answer(parameters)
                if agreed is not None:
                    return self._codec(Role.SERVER, agreed)
        return None

    def _answer(self, parameters: Iterable[tuple[str, str | None]]) -> Parameters | None:
        try:
            offer = _read(parameters, offer=True)
        except ValueError:
            return None
        own = _smaller(self.server_max_window_bits, offer.server_max_window_bits)
        if own is not None and own < MIN_OWN_BITS:
            return None
        peer = None
        if offer.client_max_window_bits is None:
            if self.require_client_max_window_bits:
                return None
        elif offer.client_max_window_bits is True:
            peer = self.client_max_window_bits
        else:
            peer = _smaller(self.client_max_window_bits, offer.client_max_window_bits)
        return Parameters(
            self.server_no_context_takeover or offer.server_no_context_takeover,
            self.client_no_context_takeover or offer.client_no_context_takeover,
            own,
            peer,
        )


def _smaller(first: int | None, second: int | None) -> int | None:
    if first is None or second is None:
        return second if first is None else first
    return min(first, second)


@dataclass(frozen=True, kw_only=True)
class ClientPolicy(_Codec):
    """What a client offers of permessage-deflate, and takes for an answer (RFC 7692, 5.1 and 7.1).

    Args:
        server_no_context_takeover: demand that the server compress each message on its own.
        client_no_context_takeover: compress each message on its own.
        server_max_window_bits: the largest window the server may use, from 8 to 15; None for any.
        client_max_window_bits: the largest window to compress with, from 9 to 15; True to let
            the server choose, None for 15 and no choice.
        level: of compression, as the module in use counts them; None for its own choice.
        mem_level: memory of the compressor, from 1 to 9.
        min_size: bytes below which a message leaves uncompressed.
        backend: the module that does the work, as `use` names it.

    Raises:
        ValueError: a setting is out of range.
    """

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int | None = None
    client_max_window_bits: int | bool | None = True

    def __post_init__(self) -> None:
        _check_bits("server_max_window_bits", self.server_max_window_bits, MIN_BITS)
        if self.client_max_window_bits is not True:
            _check_bits("client_max_window_bits", self.client_max_window_bits, MIN_OWN_BITS)
        self._check_codec()

    def offer(self) -> str:
        """Write the Sec-WebSocket-Extensions header of the request."""
        return _header(
            (
                self.server_no_context_takeover,
                self.client_no_context_takeover,
                self.server_max_window_bits,
                self.client_max_window_bits,
            )
        )

    def agree(self, answers: Extensions) -> Deflate | None:
        """Check the answer of a server.

        Args:
            answers: (name, parameters) of each extension the server chose.

        Returns:
            The codec of the connection; None if the server declined.

        Raises:
            ValueError: the answer is not one to what was offered; the connection is to fail (7.1).
        """
        agreed = None
        for name, parameters in answers:
            if name != NAME:
                raise ValueError(f"extension {name} was not offered")
            if agreed is not None:
                raise ValueError(f"extension {name} is there twice")
            agreed = self._check(_read(parameters, offer=False))
        return None if agreed is None else self._codec(Role.CLIENT, agreed)

    def _check(self, answer: Offer) -> Parameters:
        if self.server_no_context_takeover and not answer.server_no_context_takeover:
            raise ValueError("server_no_context_takeover was offered and not accepted")
        limit = self.server_max_window_bits
        if limit is not None and (answer.server_max_window_bits or MAX_BITS + 1) > limit:
            raise ValueError(f"server_max_window_bits must be {limit} or less in the answer")
        own = answer.client_max_window_bits
        if own is None:
            # A client that names a size keeps to it, whether the server repeats it or not (7.1.2.2).
            if self.client_max_window_bits is not True:
                own = self.client_max_window_bits
        elif self.client_max_window_bits is None:
            raise ValueError("client_max_window_bits was not offered")
        elif self.client_max_window_bits is not True and own > self.client_max_window_bits:
            raise ValueError(
                f"client_max_window_bits must be {self.client_max_window_bits} or less in the answer"
            )
        return Parameters(
            answer.server_no_context_takeover,
            answer.client_no_context_takeover or self.client_no_context_takeover,
            answer.server_max_window_bits,
            own,
        )


def _flushed(deflater: Any, payload: Buffer) -> bytes:
    """Compress to a whole number of bytes, the last four of them TAIL if there are any."""
    out: bytes = deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH)
    return out


class Deflate:
    """The codec of one connection, both directions (RFC 7692, 7.2).

    A MessageDecoder takes it for its Inflater.  Nothing is allocated before the first compressed
    message, nor held after one where its sender does not take its context over.

    Args:
        role: which side we are.
        parameters: what both sides agreed on.
        level, mem_level, min_size, backend: see ServerPolicy.

    Attributes:
        parameters: what both sides agreed on.
        min_size: bytes below which a message leaves uncompressed.
        extra_streams: how many DEFLATE streams of the peer were not the first of their message.
    """

    __slots__ = (
        "_begun",
        "_deflater",
        "_inflater",
        "_level",
        "_mem_level",
        "_module",
        "_own_bits",
        "_own_resets",
        "_peer_bits",
        "_peer_resets",
        "_streams",
        "extra_streams",
        "min_size",
        "parameters",
    )

    def __init__(
        self,
        role: Role,
        parameters: Parameters = PLAIN,
        *,
        level: int | None = None,
        mem_level: int = MEM_LEVEL,
        min_size: int = MIN_SIZE,
        backend: str | None = None,
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
        self.parameters = parameters
        self.min_size = min_size
        self._own_bits = own_bits or MAX_BITS
        self._peer_bits = peer_bits or MAX_BITS
        self._level = level
        self._mem_level = mem_level
        self._module = _module(backend or _in_use)
        self._deflater: Any = None
        self._inflater: Any = None
        self._begun = False  # whether bytes of the message under way have been inflated
        self._streams = 0  # begun in the message under way
        self.extra_streams = 0

    # Sending.

    def wants(self, size: int) -> bool:
        """Tell whether to compress a message of so many bytes."""
        return size >= self.min_size

    def deflate(self, payload: Buffer, final: bool = True) -> bytes:
        """Compress the next fragment of a message (RFC 7692, 7.2.1).

        Args:
            payload: the fragment; what it compresses to is whole: the peer can inflate it at once.
            final: it ends the message.

        Returns:
            The payload of the frame; RSV1 is to be set on the first frame of the message.
        """
        if self._deflater is None:
            self._deflater = self._new_deflater()
        out = _flushed(self._deflater, payload)
        if not final:
            return out
        if self._own_resets:
            self._deflater = None
        # Nothing comes out if nothing went in since the last flush.
        return out[: -len(TAIL)] if out else EMPTY

    def deflate_alone(self, payload: Buffer) -> bytes:
        """Compress a whole message so that any peer of the same `shape` can inflate it.

        For a broadcast: what is returned may be sent on every connection of that shape; then call
        `forget` on the codec of each, for the window of its peer has moved on.
        """
        return _flushed(self._new_deflater(), payload)[: -len(TAIL)]

    def deflate_in_steps(self, payload: bytes) -> Iterator[bytes]:
        """Compress as `deflate_alone` does, with little work for each piece.

        Yields:
            The parts of the payload of the frame; then call `forget`.
        """
        deflater = self._new_deflater()
        view = memoryview(payload)
        for start in range(0, len(view), STEP):
            yield deflater.compress(view[start : start + STEP])
        yield deflater.flush(zlib.Z_SYNC_FLUSH)[: -len(TAIL)]

    def shrinks(self, payload: bytes) -> bool:
        """Tell whether samples of a large message shrink enough to be worth the time."""
        size = len(payload)
        samples = [payload[start : start + SAMPLE] for start in (0, size // 2, max(0, size - SAMPLE))]
        return any(len(zlib.compress(sample, 1)) < SHRINKS * len(sample) for sample in samples)

    def forget(self) -> None:
        """Let the next message be compressed without reference to earlier ones, which is always allowed."""
        self._deflater = None

    @property
    def shape(self) -> tuple[object, ...]:
        """What the bytes of a compressed message depend on, beside the message."""
        return self._module, self._own_bits, self._level, self._mem_level

    def _new_deflater(self) -> Any:
        if self._own_bits < MIN_OWN_BITS:
            # Without references to earlier bytes any window is large enough.
            return zlib.compressobj(
                wbits=-MIN_OWN_BITS, memLevel=self._mem_level, strategy=zlib.Z_HUFFMAN_ONLY
            )
        settings = {} if self._level is None else {"level": self._level}
        return self._module.compressobj(wbits=-self._own_bits, memLevel=self._mem_level, **settings)

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
            ProtocolError: it is no valid DEFLATE data, or has too many streams.
        """
        if not data and not (final and self._begun and self._inflater is not None):
            # Nothing at all where there should be an empty block: some peers send that.
            if final:
                self._end_message()
            return b""
        self._begun = True
        if final:
            data += TAIL
        limit = min(max_length, sys.maxsize - 1)
        inflater = self._inflater or self._open_stream()
        try:
            out: bytes = inflater.decompress(data, limit) if limit else b""
            if len(out) == limit:
                out += self._one_more(data if not limit else inflater.unconsumed_tail)
            if inflater.eof and len(out) <= limit:
                out = self._inflate_streams(out, data, final, limit)
        except self._module.error as exc:
            if NO_MEMORY in str(exc):  # for the window, which is allocated late
                raise MemoryError from exc
            raise _errors.invalid_deflate() from None
        if final:
            self._end_message()
        # A module may yield a little more than it was asked for.
        return out if len(out) <= limit else out[: limit + 1]

    def _one_more(self, rest: Buffer) -> bytes:
        """Go on behind the last byte that a message may have: what comes first, one more or an error?

        A module that reads on behind that byte may see the error alone.  Here as everywhere the first
        fault counts, so that it makes no difference how the message was cut into reads.
        """
        inflater = self._inflater
        if inflater.eof:
            return b""
        saved = inflater.copy() if hasattr(inflater, "copy") else None
        try:
            out: bytes = inflater.decompress(rest, 1)
        except self._module.error:
            if saved is None or not self._yields(saved, memoryview(rest), LAST_BITES):
                raise
            return b"\0"
        return out

    def _yields(self, inflater: Any, data: memoryview, bites: Sequence[int]) -> bool:
        """Tell whether data that end in an error yield a byte before it."""
        bite, *finer = bites
        if inflater.decompress(b"", 1):
            return True
        for start in range(0, len(data), bite):
            saved = inflater.copy() if finer else None
            piece = data[start : start + bite]
            try:
                if inflater.decompress(piece, 1):
                    return True
            except self._module.error:
                return saved is not None and self._yields(saved, piece, finer)
        return False

    def _inflate_streams(self, out: bytes, data: bytes, final: bool, limit: int) -> bytes:
        """Go on after the end of a stream.

        The bytes behind it are copied by the inflater; it is given a few at first and then more
        and more, so that the work stays linear.
        """
        outs = [out]
        room = limit - len(out)  # none may be left, as long as nothing more comes
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
            inflater = self._open_stream()
            bite = FIRST_BITE
            while at < size and not inflater.eof:
                piece = view[at : at + bite]
                out = inflater.decompress(piece, room) if room else b""
                if len(out) == room:
                    out += self._one_more(piece if not room else inflater.unconsumed_tail)
                outs.append(out)
                room -= len(out)
                if room < 0:
                    return b"".join(outs)
                at += len(piece) - len(inflater.unused_data)
                bite *= 2
        return b"".join(outs)

    def _end_message(self) -> None:
        self._begun = False
        self._streams = 0
        if self._peer_resets:
            self._inflater = None

    def _open_stream(self) -> Any:
        self._streams += 1
        if self._streams > MAX_STREAMS:
            raise _errors.too_many_streams(MAX_STREAMS)
        if self._streams > 1:
            self.extra_streams += 1
        self._inflater = self._module.decompressobj(wbits=-self._peer_bits)
        return self._inflater

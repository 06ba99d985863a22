"""Negotiation of permessage-deflate (RFC 7692, 5.1 and 7.1)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .. import Role
from .codec import (
    MAX_BITS,
    MEM_LEVEL,
    MIN_BITS,
    MIN_OWN_BITS,
    MIN_SIZE,
    NAME,
    Deflate,
    Parameters,
    format_parameters,
)
from .modules import AUTO, chosen, module_of


class Offer(NamedTuple):
    """An offer or a response, as it was sent: True for client_max_window_bits without a value."""

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int | None = None
    client_max_window_bits: int | bool | None = None


Extensions = Iterable[tuple[str, list[tuple[str, str | None]]]]

_BITS = {str(bits): bits for bits in range(MIN_BITS, MAX_BITS + 1)}


def _read(parameters: Iterable[tuple[str, str | None]], *, offer: bool) -> Offer:
    """Read the parameters of an offer or a response.

    Raises:
        ValueError: one is unknown, repeated, or has a value it must not have (7.1).
    """
    seen: dict[str, Any] = {}
    for name, value in parameters:
        if name not in Offer._fields:
            raise ValueError(f"unknown parameter {name} of {NAME}")
        if name in seen:
            raise ValueError(f"parameter {name} appears twice")
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
    """The settings of the codec, which are not negotiated."""

    level: int | None = None
    mem_level: int = MEM_LEVEL
    min_size: int = MIN_SIZE
    module: str = field(default_factory=chosen)

    def _check_codec(self) -> None:
        if not 1 <= self.mem_level <= 9:
            raise ValueError("mem_level must be from 1 to 9")
        if self.min_size < 0:
            raise ValueError("min_size must not be negative")
        module = module_of(self.module)
        name = "zlib" if self.module == AUTO else self.module
        if self.level is not None:
            try:
                (zlib if name == "zlib" else module).compressobj(level=self.level)
            except (ValueError, module.error):
                raise ValueError(f"level {self.level} is not a level of {name}") from None

    def _codec(self, role: Role, agreed: Parameters) -> Deflate:
        return Deflate(
            role,
            agreed,
            level=self.level,
            mem_level=self.mem_level,
            min_size=self.min_size,
            module=self.module,
        )


@dataclass(frozen=True, kw_only=True)
class ServerPolicy(_Codec):
    """How a server responds to offers of permessage-deflate (RFC 7692, 5.1 and 7.1).

    Args:
        server_no_context_takeover: compress each message on its own: less memory between
            messages, and more bytes.
        client_no_context_takeover: require the same of the client.
        server_max_window_bits: the window to compress with, from 9 to 15; None for 15.
        client_max_window_bits: the window to ask of clients, from 8 to 15; None for theirs.
        require_client_max_window_bits: decline offers of clients that take no window size.
        level: of compression, as zlib or the one named by `module` counts it; None for the default of
            that module, and 4 for zlib.
        mem_level: memory of the compressor, from 1 to 9.
        min_size: bytes below which a message is sent uncompressed.
        module: what compresses, by its name in `use`; when left out, what is in use.

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
        """Accept the first offer that can be accepted.

        Args:
            offers: (name, parameters) of each extension a client offers.

        Returns:
            The codec of the connection, whose `parameters` are the response; None to decline all.
        """
        for name, parameters in offers:
            if name == NAME:
                agreed = self._respond(parameters)
                if agreed is not None:
                    return self._codec(Role.SERVER, agreed)
        return None

    def _respond(self, parameters: Iterable[tuple[str, str | None]]) -> Parameters | None:
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
    """What a client offers of permessage-deflate, and which responses it takes (RFC 7692, 5.1 and 7.1).

    Args:
        server_no_context_takeover: require the server to compress each message on its own.
        client_no_context_takeover: compress each message on its own.
        server_max_window_bits: the largest window the server may use, from 8 to 15; None for any.
        client_max_window_bits: the largest window to compress with, from 9 to 15; True to let
            the server choose, None for 15 and no choice.
        level: of compression, as zlib or the one named by `module` counts it; None for the default of
            that module, and 4 for zlib.
        mem_level: memory of the compressor, from 1 to 9.
        min_size: bytes below which a message is sent uncompressed.
        module: what compresses, by its name in `use`; when left out, what is in use.

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
        return format_parameters(
            (
                self.server_no_context_takeover,
                self.client_no_context_takeover,
                self.server_max_window_bits,
                self.client_max_window_bits,
            )
        )

    def agree(self, response: Extensions) -> Deflate | None:
        """Check the response of a server.

        Args:
            response: (name, parameters) of each extension the server chose.

        Returns:
            The codec of the connection; None if the server declined.

        Raises:
            ValueError: the response does not fit what was offered: fail the connection (7.1).
        """
        agreed = None
        for name, parameters in response:
            if name != NAME:
                raise ValueError(f"extension {name} was not offered")
            if agreed is not None:
                raise ValueError(f"extension {name} appears twice")
            agreed = self._check(_read(parameters, offer=False))
        return None if agreed is None else self._codec(Role.CLIENT, agreed)

    def _check(self, response: Offer) -> Parameters:
        if self.server_no_context_takeover and not response.server_no_context_takeover:
            raise ValueError("server_no_context_takeover was offered and not accepted")
        limit = self.server_max_window_bits
        if limit is not None and (response.server_max_window_bits or MAX_BITS + 1) > limit:
            raise ValueError(f"server_max_window_bits must be {limit} or less in the response")
        own = response.client_max_window_bits
        if own is None:
            # A client that names a size keeps to it, whether the server repeats it or not (7.1.2.2).
            if self.client_max_window_bits is not True:
                own = self.client_max_window_bits
        elif self.client_max_window_bits is None:
            raise ValueError("client_max_window_bits was not offered")
        elif self.client_max_window_bits is not True and own > self.client_max_window_bits:
            raise ValueError(
                f"client_max_window_bits must be {self.client_max_window_bits} or less in the response"
            )
        return Parameters(
            response.server_no_context_takeover,
            response.client_no_context_takeover or self.client_no_context_takeover,
            response.server_max_window_bits,
            own,
        )

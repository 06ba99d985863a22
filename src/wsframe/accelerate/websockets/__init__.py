"""websockets: its parser and serialiser, and the work around a message in its asyncio connections."""

from __future__ import annotations

from collections.abc import Iterable

from .._host import Host, Part, Replacement


def _protocol_replacements() -> Iterable[Replacement]:
    from . import _protocol

    return _protocol.replacements()


def _prove_protocol() -> None:
    from . import _protocol

    _protocol.prove()


def _asyncio_replacements() -> Iterable[Replacement]:
    from . import _asyncio

    return _asyncio.replacements()


def _prove_asyncio() -> None:
    from . import _asyncio

    _asyncio.prove()


def _settle_asyncio() -> None:
    from . import _asyncio

    _asyncio.settle()


HOST = Host(
    name="websockets",
    first=(13, 0),
    below=(18, 0),
    modules=("websockets.protocol",),
    replacements=_protocol_replacements,
    prove=_prove_protocol,
    parts=(
        Part(
            modules=("websockets.asyncio.connection",),
            replacements=_asyncio_replacements,
            prove=_prove_asyncio,
            settle=_settle_asyncio,
        ),
    ),
    coalesces=True,
)

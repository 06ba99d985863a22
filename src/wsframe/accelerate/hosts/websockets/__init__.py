"""websockets: its parser and serialiser, and the work around a message in its connections."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...host import Deflating, Host, Part, Replacement
from ...slot import require
from .bypassed import ASYNCIO, LEGACY, PROTOCOL, STAYS, SYNC

__all__ = ["HOST", "connection_class"]


def connection_class(base: type) -> type:
    """Make a class to be used without patching: the `create_connection` of `serve` and of `connect`.

    One that is made while the patch is in place is fast for as long as that is.

    Args:
        base: `ServerConnection` or `ClientConnection` of websockets (asyncio, sync, trio), or a subclass.

    Raises:
        RuntimeError: the installed websockets is not one that was tested, or somebody else has patched it.
    """
    require("websockets")
    from . import unpatched

    return unpatched.fast(base, (HOST, *(part for part in HOST.parts if part is not LEGACY_PART)))


def _protocol_replacements() -> Iterable[Replacement]:
    from . import protocol

    return protocol.replacements()


def _prove_protocol() -> None:
    from . import protocol

    protocol.prove()


def _asyncio_replacements() -> Iterable[Replacement]:
    from . import asyncio

    return asyncio.replacements()


def _prove_asyncio() -> None:
    from . import asyncio

    asyncio.prove()


def _settle_asyncio() -> None:
    from . import asyncio

    asyncio.settle()


def _sync_replacements() -> Iterable[Replacement]:
    from . import sync

    return sync.replacements()


def _prove_sync() -> None:
    from . import sync

    sync.prove()


def _legacy_replacements() -> Iterable[Replacement]:
    from . import legacy

    return legacy.replacements()


def _prove_legacy() -> None:
    from . import legacy

    legacy.prove()


def _round_trip(data: bytes) -> tuple[Any, Any, bytes]:
    from websockets.extensions.permessage_deflate import PerMessageDeflate
    from websockets.frames import Frame, Opcode

    extension = PerMessageDeflate(False, False, 15, 15)
    frame = extension.encode(Frame(Opcode.BINARY, data))
    return extension.encoder, extension.decoder, bytes(extension.decode(frame).data)


# The only one for versions before 13.0.
LEGACY_PART = Part(
    modules=("websockets.legacy.protocol",),
    replacements=_legacy_replacements,
    prove=_prove_legacy,
    passes_by=LEGACY,
    stays=STAYS,
)

HOST = Host(
    name="websockets",
    first=(10, 4),
    below=(18, 0),
    since=(13, 0),
    modules=("websockets.protocol",),
    replacements=_protocol_replacements,
    prove=_prove_protocol,
    passes_by=PROTOCOL,
    stays=STAYS,
    parts=(
        Part(
            modules=("websockets.asyncio.connection",),
            replacements=_asyncio_replacements,
            prove=_prove_asyncio,
            passes_by=ASYNCIO,
            stays=STAYS,
            settle=_settle_asyncio,
            since=(13, 0),
        ),
        Part(
            modules=("websockets.sync.connection",),
            replacements=_sync_replacements,
            prove=_prove_sync,
            passes_by=SYNC,
            since=(13, 0),
        ),
        LEGACY_PART,
    ),
    coalesces=True,
    deflating=Deflating(module="websockets.extensions.permessage_deflate", round_trip=_round_trip),
)

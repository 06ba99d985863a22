"""The competitors, one file each, and what a file may define:

    decoder() -> feed                    a server's: feed(the bytes of masked text frames) -> texts
    mask(data, key) -> bytes
    mask_into(buffer, key) -> None
    encode_text(text) -> bytes           the frame a server sends
    encode_text_masked(text) -> bytes    and a client, with a fresh key
    accept_key(key) -> str

Each does the job as the peer itself does it, by the shortest way that yields the result; what a
peer has no call for, its file leaves out.  And about the peer:

    texts(result) -> list[str]           where feed returns something else
    buffer(data)                         where mask_into wants something other than a bytearray
    DISTRIBUTION                         whose version to state
    NOTE                                 what to know beside its figures
    MASK_FROM                            the least size, in bytes, at which its mask says anything
"""

from __future__ import annotations

from importlib import import_module, metadata
from types import ModuleType

NAMES = (
    "wsframe",
    "aiohttp",
    "autobahn",
    "picows",
    "tornado",
    "websockets",
    "wsaccel",
    "wsproto",
    "wsframe_pure",
    "websockets_pure",
    "copy",
)


def load(name: str) -> ModuleType:
    return import_module(f"{__name__}.{name}")


def installed() -> dict[str, ModuleType]:
    """The peers that can be imported here."""
    found = {}
    for name in NAMES:
        try:
            found[name] = load(name)
        except ImportError as exc:
            print(f"bench: no {name}: {exc}")
    return found


def version(name: str) -> str:
    return metadata.version(load(name).DISTRIBUTION)


def note(name: str) -> str:
    return getattr(load(name), "NOTE", "")

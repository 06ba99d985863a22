"""What differs between the WebSocket classes of uvicorn, where an application, a client or a log can tell."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from itertools import takewhile
from typing import Any, NamedTuple

from ._spec import CloseCode
from .deflate import ServerPolicy


class Behaviour(NamedTuple):
    """How a class behaves.

    Attributes:
        logs_open: "connection open" and "connection rejected" are logged.
        logs_closed: "connection closed" is logged.
        logs_tuple: the lines of the log begin with the address as Python writes it.
        pings: it sends Pings to keep a connection alive.
        limits_size: `ws_max_size` holds.
        spec_version: of the scope.
        root_in_path: the path of the scope begins with the root path.
        splits_subprotocols: each element of the header is one in the scope; if not, each header field.
        checks_subprotocols: a Sec-WebSocket-Protocol that is no list of tokens is refused with 400.
        content_type: that of a refusal without a body; None for none.
        many_receivers: several `receive` may wait at once; if not, the second one raises.
        replaces_codes: `close` with 1005, 1006 or 1015 sends 1000; if not, it raises.
        needs_data: a "websocket.send" without text and bytes is a TypeError; if not, nothing is sent.
        late_send_is_wrong: `send` behind the disconnect event raises RuntimeError; if not,
            ClientDisconnected.
        tells_reason: a disconnect event has the reason of the Close.
        tells_own_close: the disconnect event after `close` has its code and reason; if not, 1005.
        violation_code: the code of a disconnect event for a broken rule; None for the code sent.
        violation_reason: the Close for a broken rule says which.
        streams_denials: the response of an application leaves as it comes, in chunks if it has no length.
        lost_code: the code of the disconnect event when the stream ended without a Close.
        deflate: what it agrees on of permessage-deflate.
    """

    logs_open: bool
    logs_closed: bool
    logs_tuple: bool
    pings: bool
    limits_size: bool
    spec_version: str
    root_in_path: bool
    splits_subprotocols: bool
    checks_subprotocols: bool
    content_type: bytes | None
    many_receivers: bool
    replaces_codes: bool
    needs_data: bool
    late_send_is_wrong: bool
    tells_reason: bool
    tells_own_close: bool
    violation_code: int | None
    violation_reason: bool
    streams_denials: bool
    lost_code: int
    deflate: ServerPolicy


SANSIO = Behaviour(
    logs_open=True,
    logs_closed=False,
    logs_tuple=False,
    pings=True,
    limits_size=True,
    spec_version="2.4",
    root_in_path=True,
    splits_subprotocols=True,
    checks_subprotocols=True,
    content_type=b"text/plain; charset=utf-8",
    many_receivers=True,
    replaces_codes=False,
    needs_data=False,
    late_send_is_wrong=False,
    tells_reason=True,
    tells_own_close=True,
    violation_code=None,
    violation_reason=True,
    streams_denials=False,
    lost_code=CloseCode.NO_STATUS_RCVD,
    deflate=ServerPolicy(),
)
# websockets.legacy keeps a log of the end, too; and it tells an application less of it.
LEGACY = SANSIO._replace(
    logs_closed=True,
    checks_subprotocols=False,
    content_type=b"text/plain",
    many_receivers=False,
    needs_data=True,
    late_send_is_wrong=True,
    tells_own_close=False,
    violation_code=CloseCode.ABNORMAL_CLOSURE,
    violation_reason=False,
    lost_code=CloseCode.ABNORMAL_CLOSURE,
    deflate=ServerPolicy(server_max_window_bits=None, client_max_window_bits=None),
)
WSPROTO = SANSIO._replace(
    logs_open=False,
    checks_subprotocols=False,
    content_type=None,
    replaces_codes=True,
    needs_data=True,
    streams_denials=True,
    deflate=ServerPolicy(server_max_window_bits=None, client_max_window_bits=15),
)
# Where our class was asked for by its name: the class of today, and the whole log.
OURS = SANSIO._replace(logs_closed=True)

# By uvicorn's setting `ws`; "" is ours.
BY_NAME = {"websockets": LEGACY, "websockets-sansio": SANSIO, "wsproto": WSPROTO, "": OURS}


class Before(NamedTuple):
    """What was otherwise before a version of uvicorn."""

    version: tuple[int, ...]
    names: tuple[str, ...]
    fields: dict[str, Any]


BEFORE = (
    Before((0, 30, 2), ("websockets", "wsproto"), {"tells_reason": False}),
    Before((0, 34, 3), ("websockets", "wsproto", ""), {"logs_tuple": True}),
    Before(
        (0, 42, 0),
        ("websockets-sansio",),
        {"logs_tuple": True, "spec_version": "2.3", "root_in_path": False},
    ),
    Before((0, 44, 0), ("websockets-sansio",), {"pings": False}),
    Before((0, 46, 0), ("wsproto",), {"pings": False, "limits_size": False}),
    Before((0, 50, 1), ("websockets-sansio",), {"splits_subprotocols": False}),
)

# From this version on `--ws auto` is the sans-I/O class.
AUTO_IS_SANSIO = (0, 50, 0)


@cache
def behaviour_of(ws: str, version: str) -> Behaviour:
    """Return the behaviour of the class that uvicorn's setting `ws` asks for.

    Args:
        ws: the setting; "" for a class.
        version: of uvicorn.
    """
    numbers = version_of(version)
    name = ws
    if name == "auto":
        websockets = "websockets-sansio" if numbers >= AUTO_IS_SANSIO else "websockets"
        name = "wsproto" if find_spec("websockets") is None else websockets
    name = name if name in BY_NAME else ""
    changes = [before.fields for before in BEFORE if numbers < before.version and name in before.names]
    return BY_NAME[name]._replace(**{field: old for fields in changes for field, old in fields.items()})


def version_of(text: str) -> tuple[int, ...]:
    """Return the numbers of a version; a pre-release counts as its release."""
    return tuple(int("".join(takewhile(str.isdecimal, part)) or 0) for part in text.split(".")[:3])

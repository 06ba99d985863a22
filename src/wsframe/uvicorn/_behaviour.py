"""Differences between the WebSocket classes of uvicorn that an application, a client or a log shows."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from itertools import takewhile
from typing import Any, NamedTuple

from .._spec import CloseCode
from ..deflate import ServerPolicy


class Behaviour(NamedTuple):
    """The behaviour of one class.

    Attributes:
        logs_open: "connection open" and "connection rejected" are logged.
        logs_closed: "connection closed" is logged.
        logs_tuple: log lines start with the address as a Python tuple.
        pings: keep-alive Pings are sent.
        limits_size: `ws_max_size` is enforced.
        spec_version: in the scope.
        root_in_path: the path in the scope starts with the root path.
        splits_subprotocols: each element of a header field is a subprotocol; if not, each field.
        checks_subprotocols: a Sec-WebSocket-Protocol that is no list of tokens is refused with 400.
        content_type: of a refusal without a body; None for none.
        allows_concurrent_receive: several `receive` calls may wait; if not, the second one raises.
        replaces_invalid_codes: `close` with 1005, 1006 or 1015 sends 1000; if not, it raises.
        send_needs_data: a "websocket.send" without text and bytes is a TypeError; if not, nothing is sent.
        checks_types: a "text" that is no str, or "bytes" that are, are a TypeError; if not, the type decides.
        late_send_raises: `send` after the disconnect event raises RuntimeError; if not, ClientDisconnected.
        disconnect_has_reason: a disconnect event has the reason of the Close.
        disconnect_has_own_close: the disconnect event after `close` has its code and reason; if not, 1005.
        disconnect_code_of_violation: of the disconnect event for a violation; None for the code sent.
        close_has_violation_reason: the Close for a violation has a reason.
        streams_denials: the denial response of an application is streamed, chunked if it has no length.
        disconnect_code_without_close: of the disconnect event when the stream ends without a Close.
        repeats_disconnect: `receive` after the disconnect event returns 1005 at once; if not, it waits for
            the end.
        closes_at_return: the end of the application closes the connection; if not, it stays open until the
            peer closes, unless the application raised or returned something.
        pauses_for_messages: reading pauses while a message waits for the application, so that a Close
            behind it waits as long; if not, it waits 0.25 s for each message.
        corrupt_data_code: of the Close for a compressed message that is no deflate data.
        deflate: the policy for permessage-deflate.
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
    allows_concurrent_receive: bool
    replaces_invalid_codes: bool
    send_needs_data: bool
    checks_types: bool
    late_send_raises: bool
    disconnect_has_reason: bool
    disconnect_has_own_close: bool
    disconnect_code_of_violation: int | None
    close_has_violation_reason: bool
    streams_denials: bool
    disconnect_code_without_close: int
    repeats_disconnect: bool
    closes_at_return: bool
    pauses_for_messages: bool
    corrupt_data_code: int
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
    allows_concurrent_receive=True,
    replaces_invalid_codes=False,
    send_needs_data=False,
    checks_types=True,
    late_send_raises=False,
    disconnect_has_reason=True,
    disconnect_has_own_close=True,
    disconnect_code_of_violation=None,
    close_has_violation_reason=True,
    streams_denials=False,
    disconnect_code_without_close=CloseCode.NO_STATUS_RCVD,
    repeats_disconnect=False,
    closes_at_return=True,
    pauses_for_messages=True,
    corrupt_data_code=CloseCode.PROTOCOL_ERROR,
    deflate=ServerPolicy(),
)
# websockets.legacy also logs the end, and its disconnect events have less information.
LEGACY = SANSIO._replace(
    logs_closed=True,
    checks_subprotocols=False,
    content_type=b"text/plain",
    allows_concurrent_receive=False,
    send_needs_data=True,
    checks_types=False,
    late_send_raises=True,
    disconnect_has_own_close=False,
    disconnect_code_of_violation=CloseCode.ABNORMAL_CLOSURE,
    close_has_violation_reason=False,
    disconnect_code_without_close=CloseCode.ABNORMAL_CLOSURE,
    repeats_disconnect=True,
    pauses_for_messages=False,
    deflate=ServerPolicy(server_max_window_bits=None, client_max_window_bits=None),
)
WSPROTO = SANSIO._replace(
    logs_open=False,
    checks_subprotocols=False,
    content_type=None,
    replaces_invalid_codes=True,
    send_needs_data=True,
    checks_types=False,
    streams_denials=True,
    corrupt_data_code=CloseCode.INVALID_DATA,
    deflate=ServerPolicy(server_max_window_bits=None, client_max_window_bits=15),
)
# For our class given by name: the current class, with all log messages.
OURS = SANSIO._replace(logs_closed=True, pauses_for_messages=False, corrupt_data_code=CloseCode.INVALID_DATA)

# By uvicorn's setting `ws`; "" is ours.
BY_NAME = {"websockets": LEGACY, "websockets-sansio": SANSIO, "wsproto": WSPROTO, "": OURS}


class OlderBehaviour(NamedTuple):
    """What was different before a version of uvicorn."""

    version: tuple[int, ...]
    names: tuple[str, ...]
    fields: dict[str, Any]


OLDER = (
    OlderBehaviour((0, 30, 2), ("websockets", "wsproto"), {"disconnect_has_reason": False}),
    OlderBehaviour((0, 34, 3), ("websockets", "wsproto", ""), {"logs_tuple": True}),
    OlderBehaviour((0, 39, 0), ("websockets", "websockets-sansio", "wsproto"), {"closes_at_return": False}),
    OlderBehaviour(
        (0, 42, 0),
        ("websockets-sansio",),
        {"logs_tuple": True, "spec_version": "2.3", "root_in_path": False},
    ),
    OlderBehaviour((0, 44, 0), ("websockets-sansio",), {"pings": False}),
    OlderBehaviour((0, 46, 0), ("wsproto",), {"pings": False, "limits_size": False}),
    OlderBehaviour((0, 50, 1), ("websockets-sansio",), {"splits_subprotocols": False}),
)

# From this version on `--ws auto` is the sans-I/O class.
AUTO_IS_SANSIO = (0, 50, 0)


@cache
def behaviour_of(ws: str, version: str) -> Behaviour:
    """Return the behaviour of the class for uvicorn's setting `ws`.

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
    changes = [older.fields for older in OLDER if numbers < older.version and name in older.names]
    return BY_NAME[name]._replace(**{field: old for fields in changes for field, old in fields.items()})


def version_of(text: str) -> tuple[int, ...]:
    """Return the numbers of a version; a pre-release counts as its release."""
    return tuple(int("".join(takewhile(str.isdecimal, part)) or 0) for part in text.split(".")[:3])

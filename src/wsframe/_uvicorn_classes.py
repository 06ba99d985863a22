"""What differs between the WebSocket classes of uvicorn, where an application, a client or a log can tell."""

from __future__ import annotations

from importlib.util import find_spec
from typing import NamedTuple

from ._spec import CloseCode
from .deflate import ServerPolicy


class Behaviour(NamedTuple):
    """How a class behaves.

    Attributes:
        logs_open: "connection open" and "connection rejected" are logged.
        logs_closed: "connection closed" is logged.
        checks_subprotocols: a Sec-WebSocket-Protocol that is no list of tokens is refused with 400.
        content_type: that of a refusal without a body; None for none.
        many_receivers: several `receive` may wait at once; if not, the second one raises.
        replaces_codes: `close` with 1005, 1006 or 1015 sends 1000; if not, it raises.
        needs_data: a "websocket.send" without text and bytes is a TypeError; if not, nothing is sent.
        late_send_is_wrong: `send` behind the disconnect event raises RuntimeError; if not,
            ClientDisconnected.
        tells_own_close: the disconnect event after `close` has its code and reason; if not, 1005.
        violation_code: the code of a disconnect event for a broken rule; None for the code sent.
        lost_code: the code of the disconnect event when the stream ended without a Close.
        deflate: what it agrees on of permessage-deflate.
    """

    logs_open: bool
    logs_closed: bool
    checks_subprotocols: bool
    content_type: bytes | None
    many_receivers: bool
    replaces_codes: bool
    needs_data: bool
    late_send_is_wrong: bool
    tells_own_close: bool
    violation_code: int | None
    lost_code: int
    deflate: ServerPolicy


SANSIO = Behaviour(
    logs_open=True,
    logs_closed=False,
    checks_subprotocols=True,
    content_type=b"text/plain; charset=utf-8",
    many_receivers=True,
    replaces_codes=False,
    needs_data=False,
    late_send_is_wrong=False,
    tells_own_close=True,
    violation_code=None,
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
    lost_code=CloseCode.ABNORMAL_CLOSURE,
    deflate=ServerPolicy(server_max_window_bits=None, client_max_window_bits=None),
)
WSPROTO = SANSIO._replace(
    logs_open=False,
    checks_subprotocols=False,
    content_type=None,
    replaces_codes=True,
    needs_data=True,
    deflate=ServerPolicy(server_max_window_bits=None, client_max_window_bits=15),
)
# Where our class was asked for by its name: the class of today, and the whole log.
OURS = SANSIO._replace(logs_closed=True)

BY_NAME = {"websockets": LEGACY, "websockets-sansio": SANSIO, "wsproto": WSPROTO}

# From this version on `--ws auto` is the sans-I/O class.
AUTO_IS_SANSIO = (0, 50)


def behaviour_of(ws: object, version: str) -> Behaviour:
    """Return the behaviour of the class that uvicorn's setting `ws` asks for.

    Args:
        ws: the setting.
        version: of uvicorn.
    """
    if ws == "auto":
        if find_spec("websockets") is None:
            return WSPROTO
        return SANSIO if version_of(version) >= AUTO_IS_SANSIO else LEGACY
    return BY_NAME.get(ws, OURS) if isinstance(ws, str) else OURS


def version_of(text: str) -> tuple[int, ...]:
    """Return the numbers a version begins with."""
    return tuple(int(part) for part in text.split(".")[:2] if part.isdecimal())

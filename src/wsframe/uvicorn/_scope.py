"""The scope of ASGI, which describes a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from weakref import ref

from uvicorn.protocols.utils import is_ssl

from .._http import errors
from .._http.messages import encoded, tokens_of

if TYPE_CHECKING:
    from ..handshake import Request
    from ._base import Base
    from ._behaviour import Behaviour

# An ASGI extension: an application that sends "websocket.accept" with this key set receives messages in
# parts, as they arrive, each but the last one with "more_body" set.
FRAGMENTS = "wsframe.fragments"


class Extensions(dict[str, Any]):
    """The extensions of a scope. The connection is not a key: applications see the usual keys only.

    Attributes:
        connection: a weak reference to it, for `wsframe.asgi.Topics`.
    """

    __slots__ = ("connection",)

    def __init__(self, connection: object) -> None:
        super().__init__({"websocket.http.response": {}, FRAGMENTS: {}})
        self.connection: ref[Any] = ref(connection)


def scope_of(connection: Base, request: Request) -> dict[str, Any]:
    """Return the scope of a request."""
    raw_path, _, query = request.path.partition("?")
    config, behaviour = connection.config, connection._behaviour
    root_path = config.root_path
    headers = [
        (encoded("header name", name, "latin-1").lower(), encoded("header", value, "latin-1"))
        for name, value in request.headers.raw
    ]
    offers = any(name == b"sec-websocket-protocol" for name, _ in headers)
    before = root_path if behaviour.root_in_path else ""
    return {
        "type": "websocket",
        "asgi": {
            "version": config.asgi_version,
            "spec_version": behaviour.spec_version,
        },
        "http_version": "1.1",
        "scheme": "wss" if is_ssl(connection._flushed_transport) else "ws",
        "server": connection.server,
        "client": connection.client,
        "root_path": root_path,
        "path": before + unquote(raw_path),
        "raw_path": encoded("path", before + raw_path, "latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": headers,
        "subprotocols": subprotocols_of(request, behaviour) if offers else [],
        "state": connection.app_state.copy(),
        "extensions": Extensions(connection),
    }


def subprotocols_of(request: Request, behaviour: Behaviour) -> list[str]:
    """Split the header fields as uvicorn does, keeping empty elements."""
    fields = request.headers.get_all("Sec-WebSocket-Protocol")
    if fields and behaviour.checks_subprotocols:
        try:
            for field in fields:
                if not tokens_of(field):
                    raise ValueError("no token")
        except ValueError as exc:
            raise errors.malformed("Sec-WebSocket-Protocol", exc) from None
    if not behaviour.splits_subprotocols:
        return fields
    return [token.strip() for field in fields for token in field.split(",")]

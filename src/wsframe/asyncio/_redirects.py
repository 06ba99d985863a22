"""Where a client connects to, and where a redirect leads (RFC 9110, 15.4)."""

from __future__ import annotations

import ssl as tls
from typing import Any, NamedTuple
from urllib.parse import urljoin

from .._http.messages import Header, str_of
from ..handshake import URI, InvalidStatus, SecurityError, parse_uri

MAX_REDIRECTS = 10

# Header fields that are for one origin only.
CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})


class Target(NamedTuple):
    """What a client asks for.

    Args:
        uri: where to.
        text: the URI as it was given.
        headers: header fields that the application adds.
    """

    uri: URI
    text: str
    headers: list[Header]

    def options(self, options: dict[str, Any]) -> dict[str, Any]:
        """Complete the options of asyncio's create_connection or create_unix_connection."""
        found = dict(options)
        if not self.uri.secure:
            found["ssl"] = None
        elif found["ssl"] is None:
            found["ssl"] = tls.create_default_context()  # a redirect from ws:// to wss://
        if found["ssl"] is not None:
            found.setdefault("server_hostname", self.uri.host)
        if not found.keys() & {"sock", "path"}:
            found.setdefault("host", self.uri.host)
            found.setdefault("port", self.uri.port)
        return found

    def redirected(self, location: str, refusal: InvalidStatus, options: dict[str, Any]) -> Target:
        """Follow a redirect.

        Args:
            location: where it leads, perhaps relative.
            refusal: holds the response of the server.
            options: of create_connection, as they were given.

        Raises:
            InvalidURI: the location is no WebSocket URI.
            SecurityError: it leads from wss:// to ws://.
            ValueError: the options name a socket, or a host or a port, which would be another server's.
        """
        text = urljoin(self.text, location)
        uri = parse_uri(text)
        if options.get("sock") is not None:
            raise ValueError(f"cannot follow redirect to {text} with a preexisting socket") from refusal
        if self.uri.secure and not uri.secure:
            raise SecurityError(f"cannot follow redirect to non-secure URI {text}") from refusal
        if (uri.secure, uri.host, uri.port) == (self.uri.secure, self.uri.host, self.uri.port):
            return Target(uri, text, self.headers)
        if "path" in options:
            raise ValueError(f"cannot follow cross-origin redirect to {text} with a Unix socket") from refusal
        if options.keys() & {"host", "port"}:
            raise ValueError(
                f"cannot follow cross-origin redirect to {text} with an explicit host or port"
            ) from refusal
        kept = [pair for pair in self.headers if str_of(pair[0]).lower() not in CREDENTIALS]
        return Target(uri, text, kept)

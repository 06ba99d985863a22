"""The target of a client, and redirects (RFC 9110, 15.4)."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import urljoin

from .errors import InvalidStatus, InvalidURI, SecurityError, invalid_uri
from .messages import Header, str_of
from .uri import URI, parse_uri

MAX_REDIRECTS = 10

# Header fields that must not be sent to another origin.
CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})


class Target(NamedTuple):
    """What a client connects to.

    Args:
        uri: the parsed URI.
        text: the URI as text, the base of a relative redirect.
        headers: header fields that the application adds.
    """

    uri: URI
    text: str
    headers: list[Header]

    def redirected(self, location: str, refusal: InvalidStatus, options: dict[str, Any]) -> Target:
        """Return the target of a redirect.

        Args:
            location: where it leads, perhaps relative.
            refusal: has the response of the server.
            options: those given for the transport or the socket.

        Raises:
            InvalidURI: the location is not a WebSocket URI.
            SecurityError: the redirect is from wss:// to ws://.
            ValueError: the options have a socket, a host or a port: those of the first server.
        """
        try:
            text = urljoin(self.text, location)
        except ValueError as exc:
            raise invalid_uri(str(exc), location) from refusal
        try:
            uri = parse_uri(text)
        except InvalidURI as exc:  # of the server, not of the application: the cause tells
            raise exc from refusal
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

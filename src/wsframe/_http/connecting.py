"""The request to an HTTP proxy and its response (RFC 9110, 9.3.6)."""

from __future__ import annotations

import base64
import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from .errors import InvalidProxy
from .messages import Headers, Response, write_fields
from .uri import URI

# Bytes a response may have before the connection to the server begins.
MAX_RESPONSE = 2**16

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: ([^\r\n\0]*))?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*")


class HTTPProxy(NamedTuple):
    """An HTTP proxy.

    Args:
        secure: whether it is reached on TLS.
        host, port: where it is.
        user: name and password, or None.
    """

    secure: bool
    host: str
    port: int
    user: str | None


def parse_http_proxy(proxy: str) -> HTTPProxy:
    """Read the address of an HTTP proxy.

    Raises:
        InvalidProxy: it is not valid.
    """
    try:
        parts = urlsplit(proxy)
        port, host = parts.port, parts.hostname
    except ValueError as exc:
        raise InvalidProxy(proxy, str(exc)) from None
    if not host:
        raise InvalidProxy(proxy, "host is missing")
    user = None
    if parts.username is not None:
        if parts.password is None:
            raise InvalidProxy(proxy, "password is missing")
        user = f"{unquote(parts.username)}:{unquote(parts.password)}"
    secure = parts.scheme == "https"
    return HTTPProxy(secure, host, port or (443 if secure else 80), user)


def connect_request(proxy: HTTPProxy, uri: URI, user_agent: str | None) -> bytes:
    """Write a CONNECT request.

    Args:
        proxy: to which it is sent.
        uri: of the server.
        user_agent: value of the User-Agent header; None to omit it.
    """
    host = f"[{uri.host}]" if ":" in uri.host else uri.host
    target = f"{host}:{uri.port}".encode("ascii")
    fields = [(b"Host", target)]
    if user_agent is not None:
        fields.append((b"User-Agent", user_agent.encode("latin-1")))
    if proxy.user is not None:
        fields.append((b"Proxy-Authorization", b"Basic " + base64.b64encode(proxy.user.encode())))
    return b"CONNECT %b HTTP/1.1\r\n%b\r\n" % (target, write_fields(fields))


def parse_connect_response(data: bytes) -> Response | None:
    """Read the head of a response; None where it is not whole.

    Raises:
        ValueError: it is not valid or too large, or bytes follow a response that opens the tunnel: the
            server must not send before the client.
    """
    head, end, rest = data.partition(b"\r\n\r\n")
    if not b"HTTP/1.".startswith(data[:7]) or len(head) > MAX_RESPONSE:
        raise ValueError("not an http response" if len(head) <= MAX_RESPONSE else "response too large")
    if not end:
        return None
    first, *lines = head.split(b"\r\n")
    status = _STATUS.fullmatch(first)
    fields = [_FIELD.fullmatch(line) for line in lines]
    if status is None or None in fields:
        raise ValueError("malformed http response")
    code = int(status[1])
    if code >= 600:
        raise ValueError(f"invalid status code; expected 100-599; got {code}")
    if rest and 200 <= code < 300:
        raise ValueError("data behind the http response")
    headers = Headers((field[1].decode("latin-1"), field[2].decode("latin-1")) for field in fields if field)
    return Response(code, (status[2] or b"").decode("latin-1"), headers)

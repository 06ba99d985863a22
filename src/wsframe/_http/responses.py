"""The responses of a server to an opening handshake that an application makes or changes."""

from __future__ import annotations

from email.utils import formatdate

from .messages import Response, write_fields
from .reader import ResponseReader


def plain_response(status: int, text: str) -> Response:
    """Return a plain text response.

    Args:
        status: the status code.
        text: the body.
    """
    body = text.encode()
    headers = [
        ("Date", formatdate(usegmt=True)),
        ("Connection", "close"),
        ("Content-Length", str(len(body))),
        ("Content-Type", "text/plain; charset=utf-8"),
    ]
    return Response(status, headers=headers, body=body)


def read_own(response: bytes) -> Response | None:
    """Parse a response that this server has written; None if that is empty."""
    size = max(len(response), 1)  # no limit
    return ResponseReader(size, size).feed(response)


def with_server_field(response: bytes, field: bytes) -> bytes:
    """Return a response with the Server header field, unless it has one.

    Args:
        response: a serialized one; empty for none.
        field: the line of that header field; empty for none.
    """
    head, _, body = response.partition(b"\r\n\r\n")
    if not head or not field or b"\r\nserver:" in head.lower():
        return response
    return b"%b\r\n%b\r\n%b" % (head, field, body)


def checked(response: object, what: str) -> Response:
    """Return the response that a function of the application returned.

    Args:
        response: what it returned.
        what: the name of the function.

    Raises:
        TypeError: it is not a Response.
    """
    if not isinstance(response, Response):
        raise TypeError(f"{what} must return a Response or None, not {type(response).__name__}")
    return response


def serialize_101(response: Response) -> bytes:
    """Serialize the response that accepts a handshake, with the header fields of process_response."""
    return b"HTTP/1.1 101 Switching Protocols\r\n%b\r\n" % write_fields(response.headers.raw)


def serialize_refusal(response: Response, method: str) -> bytes:
    """Serialize a response that does not accept the handshake.

    Args:
        response: that of the application.
        method: of the request.

    Raises:
        ValueError: its header fields contradict its body.
    """
    data = response.serialize(method)
    if "Transfer-Encoding" in response.headers:
        raise ValueError("header Transfer-Encoding is not for the application to set")
    size = len(data.partition(b"\r\n\r\n")[2])
    for length in response.headers.get_all("Content-Length"):
        # A client would wait for more bytes, or truncate the body (RFC 9112, 6.3).
        if length != str(size) and method != "HEAD" and response.status_code not in (204, 304):
            raise ValueError(f"header Content-Length must be {size}, the size of the body")
    return data

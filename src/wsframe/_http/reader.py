"""HTTP bytes to requests and responses of limited size, by httptools (extra `asyncio`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._backend import RequestParts, usual_head
from . import errors
from .messages import TOKEN, Request, Response, headers_of, is_host, is_target, str_of

if TYPE_CHECKING:
    from typing_extensions import Buffer

MAX_HEAD = 2**14  # bytes of a request or status line and its headers
MAX_HEADERS = 128
MAX_BODY = 2**12  # bytes a client keeps of the body of a refusal


def require_httptools() -> None:
    """Raise ImportError, with what to install, where httptools is missing."""
    try:
        import httptools  # noqa: F401
    except ImportError:
        raise ImportError("servers and clients need httptools: pip install 'wsframe[asyncio]'") from None


class _ResponseParts:
    """Collects the parts of a response from the callbacks of httptools."""

    __slots__ = ("whole", "body", "complete", "headers", "reason", "room")

    def __init__(self, max_body: int) -> None:
        self.reason = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()
        self.room = max_body
        self.whole = False  # whether the head is whole
        self.complete = False

    # The bytes behind the response may look like another one: they are discarded.

    def on_status(self, reason: bytes) -> None:
        if not self.complete:
            self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.complete:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.whole = True

    def on_body(self, body: bytes) -> None:
        if not self.complete:
            self.body += body[: self.room - len(self.body)]

    def on_message_complete(self) -> None:
        self.complete = True


def _check_limit(name: str, limit: int) -> None:
    if isinstance(limit, bool) or not isinstance(limit, int):
        raise TypeError(f"{name} must be int, not {type(limit).__name__}")
    if limit < 1:
        raise ValueError(f"{name} must be at least 1")


class _Reader:
    """What both readers share: a head is collected, and given to httptools whole.

    The search for its end starts where the last one left off, so that the work is linear however
    small the pieces are, and httptools cannot read past it.
    """

    def __init__(self, max_head: int, max_headers: int) -> None:
        if not (type(max_head) is type(max_headers) is int and max_head > 0 < max_headers):
            _check_limit("max_head", max_head)
            _check_limit("max_headers", max_headers)
        self.rest: bytes = b""
        self._max_head = max_head
        self._max_headers = max_headers
        self._head = bytearray()
        self._searched = 0  # bytes of it that are known to have no end of a line

    def _collect(self, data: Buffer) -> bytes | None:
        """Take the next bytes; once the head is whole, return it and leave what follows in `rest`."""
        head = self._head
        head += data
        if head:
            self._check_start(head)
        end = _end_of_head(head, self._searched)
        if (end or len(head)) > self._max_head:
            raise self._too_big()
        if not end:
            self._searched = max(len(head) - 2, 0)
            return None
        found = bytes(head[:end])
        self.rest = bytes(head[end:])
        self._searched = 0
        head.clear()
        return found

    def _check_start(self, head: bytearray) -> None:
        """Refuse at once data that is not HTTP."""
        raise NotImplementedError

    def _too_big(self) -> errors.InvalidHandshake:
        raise NotImplementedError


def _end_of_head(head: bytearray, start: int) -> int:
    """Find the end of a head: behind its empty line, or 0 if that is not there yet.

    LF alone ends a line too: that is an error, and httptools has the words for it.
    """
    right = head.find(b"\n\r\n", start)
    bare = head.find(b"\n\n", start, right + 3 if right >= 0 else len(head))
    if bare >= 0:
        return bare + 2
    return right + 3 if right >= 0 else 0


class RequestReader(_Reader):
    """Read the request of an opening handshake.

    Args:
        max_head: bytes of the request line and all headers.
        max_headers: number of header fields.

    Attributes:
        rest: bytes that followed the request, once it is there: the first frames.
    """

    rest: bytes

    def __init__(self, max_head: int = MAX_HEAD, max_headers: int = MAX_HEADERS) -> None:
        super().__init__(max_head, max_headers)
        self._has_line = False  # whether the request line is whole

    def feed(self, data: Buffer) -> Request | None:
        """Take the next bytes.

        Returns:
            The request, or None as long as it is not whole.

        Raises:
            Refused: it is malformed, larger than a limit, or has a body (RFC 6455, 4.1); it asks for
                something else than a path, or its Host names no host (RFC 9112, 3.2).  Its `response` is
                empty if the first line is not that of HTTP.
        """
        if type(data) is bytes and not self._head and (size := usual_head(data, self._max_head)):
            head, self.rest = data[:size], data[size:]
            return self._parse(head)
        found = self._collect(data)
        return None if found is None else self._parse(found)

    def cut_short(self) -> EOFError:
        """Return the error for the end of the connection within a request."""
        part = "headers" if self._has_line else "request line"
        return EOFError(f"connection closed while reading HTTP {part}")

    def _parse(self, head: bytes) -> Request:
        import httptools

        parts = RequestParts()
        parser = httptools.HttpRequestParser(parts)
        try:
            parser.feed_data(head)
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserError as exc:
            raise errors.not_http(exc) from None
        if not parts.whole:
            raise errors.not_http("not complete")
        headers = parts.headers
        if len(headers) > self._max_headers:
            raise errors.request_with_too_many_headers(self._max_headers)
        host = parts.usual_host(head)
        if host is not None and is_host(host):
            return Request(parts.url.decode(), headers_of(headers))
        method, version = parser.get_method().decode(), parser.get_http_version()
        line = b"%b %b HTTP/%b\r\n" % (method.encode(), parts.url, version.encode())
        if not head.startswith(line):
            raise errors.not_http("request line with more than two spaces")
        if not is_target(method, parts.url):
            raise errors.bad_target(parts.url)
        _check_host(headers, version)
        lowered = head.lower()
        if b"\ncontent-length" in lowered or b"\ntransfer-encoding" in lowered:
            _refuse_body(headers)
        return Request(
            parts.url.decode("latin-1"),
            headers,
            method=method,
            http_version=version,
        )

    def _check_start(self, head: bytearray) -> None:
        if head[0] not in TOKEN:
            raise errors.not_http("does not begin with a method")
        if not self._has_line:
            end = head.find(b"\n", self._searched, self._max_head)
            self._has_line = end >= 0
            line = bytes(head[:end]).removesuffix(b"\r")
            if self._has_line and line.count(b" ") < 2 and b" HTTP/" not in line:
                raise errors.not_a_request_line(line)

    def _too_big(self) -> errors.InvalidHandshake:
        return errors.request_too_big(self._max_head)


def _check_host(headers: list[tuple[bytes, bytes]], version: str) -> None:
    """RFC 9112, 3.2: HTTP/1.1 requires exactly one Host header, which is valid."""
    hosts = [value for name, value in headers if name.lower() == b"host"]
    if len(hosts) > 1:
        raise errors.repeated("Host")
    if not hosts and version == "1.1":
        raise errors.missing("Host")
    if hosts and not is_host(hosts[0].strip(b" \t")):
        raise errors.bad_host(hosts[0])


def _refuse_body(headers: list[tuple[bytes, bytes]]) -> None:
    for name, value in headers:
        name = name.lower()
        if name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0"):
            raise errors.request_with_body()


class ResponseReader(_Reader):
    """Read the response of an opening handshake: a 101, or any other with the start of its body.

    Interim responses (RFC 9110, 15.2) are skipped.

    Args:
        max_head: bytes of the status line and all headers, those of interim responses included.
        max_headers: number of header fields.
        max_body: bytes of a body that are kept; no more are waited for.

    Attributes:
        rest: bytes that followed a 101, once it is there: the first frames.
    """

    rest: bytes

    def __init__(
        self, max_head: int = MAX_HEAD, max_headers: int = MAX_HEADERS, max_body: int = MAX_BODY
    ) -> None:
        super().__init__(max_head, max_headers)
        self._limit = max_head
        self._max_body = max_body
        self._parts: _ResponseParts | None = None
        self._parser: Any = None
        self._status = 0

    def feed(self, data: Buffer) -> Response | None:
        """Take the next bytes.

        Returns:
            The response, or None as long as it is not whole.

        Raises:
            InvalidMessage: it is malformed or larger than a limit.
        """
        while self._parts is None:
            head = self._collect(data)
            if head is None:
                return None
            self._parse(head)
            if self._status == 101:
                return self._response()
            data, self.rest = self.rest, b""
            if self._status < 200:
                self._parts = None
                self._max_head -= len(head)
        return self._take_body(data)

    @property
    def refused(self) -> bool:
        """Whether the head of a response is there that is neither a 101 nor interim."""
        return self._parts is not None and self._status != 101

    def feed_eof(self) -> Response:
        """Say that no more bytes come, or are not waited for.

        Returns:
            The response with as much of its body as there is.

        Raises:
            InvalidMessage: its head is not whole.
        """
        if self._parts is None:
            raise errors.response_cut_short("headers" if b"\n" in self._head else "status line")
        return self._response()

    def _parse(self, head: bytes) -> None:
        import httptools

        self._parts = _ResponseParts(self._max_body)
        self._parser = httptools.HttpResponseParser(self._parts)
        try:
            self._parser.feed_data(head)
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserError as exc:
            # httptools stops behind a 101, with an error if that has no Upgrade.
            if not self._parts.whole:
                error = errors.not_a_response(exc)
                raise error from error.__cause__
        if not self._parts.whole:
            raise errors.not_a_response("not complete")
        if len(self._parts.headers) > self._max_headers:
            raise errors.response_with_too_many_headers(self._max_headers)
        self._status = self._parser.get_status_code()
        if not 100 <= self._status < 600:
            raise errors.not_a_response(f"invalid status code; expected 100-599; got {self._status}")

    def _take_body(self, data: Buffer) -> Response | None:
        import httptools

        parts = self._parts
        assert parts is not None
        if data and not parts.complete:
            try:
                self._parser.feed_data(data)
            except (httptools.HttpParserError, httptools.HttpParserUpgrade):
                # The body may be incomplete: the status is what counts.
                parts.complete = True
        if parts.complete or len(parts.body) >= self._max_body:
            return self._response()
        return None

    def _response(self) -> Response:
        parts = self._parts
        assert parts is not None
        return Response(self._status, str_of(parts.reason), parts.headers, bytes(parts.body))

    def _check_start(self, head: bytearray) -> None:
        if not b"HTTP/1.".startswith(head[:7]):
            raise errors.not_a_status_line(head.partition(b"\r\n")[0])

    def _too_big(self) -> errors.InvalidHandshake:
        return errors.response_too_big(self._limit)

"""Header fields, requests and responses of HTTP/1.1 (RFC 9112)."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from ipaddress import IPv6Address
from operator import index

from .._escape import escape

Text = str | bytes
Header = tuple[Text, Text]
HeadersLike = Mapping[str, str] | Iterable[Header]

TOKEN = (string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~").encode()  # RFC 9110, 5.6.2
FIELD = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))  # RFC 9110, 5.5
BLANK = " \t"


class Headers(MutableMapping[str, str]):
    """The header fields of a request or a response; names are looked up without regard to case.

    Fields that share a name read as one, their values joined with ", " (RFC 9110, 5.3).  Setting a name
    adds a field: `del headers[name]` first to replace those there are.

    Args:
        raw: (name, value) pairs, str or bytes, or a mapping.

    Attributes:
        raw: the pairs in the order they came.
    """

    __slots__ = ("_index", "raw")

    def __init__(self, raw: HeadersLike = ()) -> None:
        self.raw: list[Header] = pairs_of(raw)
        self._index: dict[str, list[str]] | None = None

    def _values(self) -> dict[str, list[str]]:
        if self._index is None:
            self._index = {}
            for name, value in self.raw:
                self._index.setdefault(str_of(name).lower(), []).append(str_of(value).strip(BLANK))
        return self._index

    def get_all(self, name: str) -> list[str]:
        """Give the values of all fields with this name, in order."""
        return list(self._values().get(name.lower(), ()))

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._values()[name.lower()])

    def __iter__(self) -> Iterator[str]:
        """Go over the names, in lower case, each once."""
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())

    def __setitem__(self, name: str, value: str) -> None:
        write_fields([(name, value)])  # what must not stand in a header is an error here
        self.raw.append((name, value))
        self._index = None

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self.raw[:] = [pair for pair in self.raw if str_of(pair[0]).lower() != name.lower()]
        self._index = None

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values()

    def copy(self) -> Headers:
        """Copy the header fields."""
        return Headers(self.raw)

    def raw_items(self) -> Iterator[tuple[str, str]]:
        """Go over all fields as (name, value), those of one name too."""
        return ((str_of(name), str_of(value).strip(BLANK)) for name, value in self.raw)

    def __repr__(self) -> str:
        return f"Headers({self.raw!r})"


class Request:
    """The request of an opening handshake.

    Attributes:
        method: GET, unless it asks for something else.
        path: path and query as they stand in the request line.
        headers: its header fields.
        http_version: "1.1".
    """

    __slots__ = ("headers", "http_version", "method", "path")

    def __init__(
        self, path: str, headers: HeadersLike = (), *, method: str = "GET", http_version: str = "1.1"
    ) -> None:
        self.path: str = path
        self.headers: Headers = headers if isinstance(headers, Headers) else Headers(headers)
        self.method: str = method
        self.http_version: str = http_version

    def __repr__(self) -> str:
        return f"<Request {escape(self.method)} {escape(self.path)}>"

    def serialize(self) -> bytes:
        """Write the request.

        Raises:
            ValueError: a byte of the path or of a header field is not allowed there.
        """
        path = encoded("path", self.path, "ascii")
        if not path or not path.isascii() or any(byte <= 0x20 or byte == 0x7F for byte in path):
            raise ValueError("path must be visible ASCII")
        method = encoded("method", self.method, "ascii")
        if not is_token(method):
            raise ValueError("method must be a token")
        return b"%b %b HTTP/1.1\r\n%b\r\n" % (method, path, write_fields(self.headers.raw))


@dataclass(init=False, repr=False, eq=False)
class Response:
    """An HTTP response.

    Attributes:
        status_code: from 100 to 599.
        reason_phrase: None for the one of the status code.
        headers: its header fields.
        body: its body, or, in a client, the start of it.
    """

    __slots__ = ("body", "headers", "reason_phrase", "status_code")

    status_code: int
    reason_phrase: str
    headers: Headers
    body: bytes

    def __init__(
        self,
        status_code: int,
        reason_phrase: str | None = None,
        headers: HeadersLike = (),
        body: str | bytes = b"",
    ) -> None:
        self.status_code = int(index(status_code))
        self.headers = headers if isinstance(headers, Headers) else Headers(headers)
        self.body = body.encode() if isinstance(body, str) else body
        self.reason_phrase = phrase_of(self.status_code) if reason_phrase is None else reason_phrase

    def __repr__(self) -> str:
        return f"<Response {self.status_code} {escape(self.reason_phrase)}>"

    def serialize(self, method: str = "GET") -> bytes:
        """Write the response; see http_response."""
        return http_response(
            self.status_code, self.headers.raw, self.body, reason=self.reason_phrase, method=method
        )


def http_response(
    status: int,
    headers: HeadersLike = (),
    body: str | bytes = b"",
    *,
    reason: str | None = None,
    method: str = "GET",
) -> bytes:
    """Write a response after which the connection is closed (RFC 9112, 4).

    Date, Connection, Content-Length and, for a body, Content-Type are added where headers lack them.

    Args:
        status: the status code, from 200 to 599.
        headers: (name, value) pairs or a mapping.
        body: str leaves as UTF-8.
        reason: the reason phrase; None for the one of the status code.
        method: of the request; HEAD leaves the body out.

    Returns:
        Head and body.

    Raises:
        ValueError: the status is out of range, or a byte of a header field is not allowed there.
    """
    status = int(index(status))
    if not 200 <= status <= 599:
        raise ValueError("status must be from 200 to 599")
    fields = pairs_of(headers)
    names = {str_of(name).lower() for name, _ in fields}
    try:
        payload = body.encode() if isinstance(body, str) else bytes(memoryview(body))
    except TypeError:
        raise TypeError(f"body must be str or bytes-like, not {type(body).__name__}") from None
    if "date" not in names:
        fields.append(("Date", formatdate(usegmt=True)))
    if "connection" not in names:
        fields.append(("Connection", "close"))
    if status in (204, 304):
        payload = b""
    else:
        if "content-length" not in names:
            fields.append(("Content-Length", str(len(payload))))
        if payload and "content-type" not in names:
            fields.append(("Content-Type", "text/plain; charset=utf-8"))
    phrase = encoded("reason", phrase_of(status) if reason is None else reason, "latin-1")
    if not is_field(phrase):
        raise ValueError("reason holds a byte that is not allowed")
    head = b"HTTP/1.1 %d %b\r\n%b\r\n" % (status, phrase, write_fields(fields))
    return head if method == "HEAD" else head + payload


def phrase_of(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def pairs_of(headers: HeadersLike) -> list[Header]:
    if isinstance(headers, Headers):
        return list(headers.raw)
    return list(headers.items() if isinstance(headers, Mapping) else headers)


def str_of(text: Text) -> str:
    return text if isinstance(text, str) else text.decode("latin-1")


def encoded(what: str, text: Text, encoding: str) -> bytes:
    if isinstance(text, bytes):
        return text
    if not isinstance(text, str):
        raise TypeError(f"{what} must be str or bytes, not {type(text).__name__}")
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        raise ValueError(f"{what} must be {encoding}") from None


def is_token(text: bytes) -> bool:
    return bool(text) and not text.translate(None, TOKEN)


def is_field(text: bytes) -> bool:
    return not text.translate(None, FIELD)


def write_fields(headers: Iterable[Header]) -> bytes:
    """Write header fields, each with its line end (RFC 9110, 5.5).

    Raises:
        ValueError: a name is no token, or a value holds CR, LF, NUL or another control character.
    """
    out = []
    for name, value in headers:
        name = encoded("header name", name, "ascii")
        if not is_token(name):
            raise ValueError(f"header name {name!r} is not a token")
        value = encoded(f"header {name.decode()}", value, "latin-1")
        if not is_field(value):
            raise ValueError(f"header {name.decode()} holds a byte that is not allowed")
        out.append(b"%b: %b\r\n" % (name, value))
    return b"".join(out)


def tokens_of(value: str) -> list[str]:
    """Read a list of tokens (RFC 9110, 5.6.1).

    Raises:
        ValueError: an element is no token.
    """
    out = [element.strip(BLANK) for element in value.split(",")]
    out = [element for element in out if element]
    for element in out:
        check_token(element)
    return out


def check_token(text: str) -> str:
    if not isinstance(text, str):
        raise TypeError(f"a token must be str, not {type(text).__name__}")
    if not text.isascii() or not is_token(text.encode()):
        raise ValueError(f"{text[:40]!a} is not a token")
    return text


# RFC 9112, 3.2, and RFC 3986, 3.2.2: a name, an IPv4 address or an IP literal; a port.
_HOST = re.compile(
    rb"(?:(?:[0-9A-Za-z._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+|\[(?P<literal>[^]]*)\])(?::(?P<port>[0-9]{0,5}))?"
)
_IP_OF_THE_FUTURE = re.compile(rb"[vV][0-9A-Fa-f]+\.[0-9A-Za-z._~!$&'()*+,;=:-]+")


def is_host(value: bytes) -> bool:
    """Tell whether a Host header names a host; an empty one does not (RFC 9110, 4.2.1)."""
    found = _HOST.fullmatch(value)
    if found is None or int(found["port"] or 0) > 65535:
        return False
    literal = found["literal"]
    if literal is None or _IP_OF_THE_FUTURE.fullmatch(literal):
        return True
    try:
        IPv6Address(literal.decode("latin-1"))
    except ValueError:
        return False
    return b"%" not in literal  # a zone has no meaning elsewhere (RFC 6874, 1)


def is_target(method: str, target: bytes) -> bool:
    """Tell whether a request asks for a path, perhaps with a query, in visible ASCII (RFC 9112, 3.2.1).

    The other forms are for proxies, CONNECT and OPTIONS; a handshake never has them (RFC 6455, 4.1).
    """
    if method == "CONNECT" or (method == "OPTIONS" and target == b"*"):
        return True  # it is the method that is refused
    return target[:1] == b"/" and b"#" not in target and all(0x21 <= byte <= 0x7E for byte in target)


Parameters = list[tuple[str, str | None]]


def extensions_of(value: str) -> list[tuple[str, Parameters]]:
    """Read a Sec-WebSocket-Extensions header (RFC 6455, 9.1).

    Returns:
        The name of each extension with its (name, value) parameters.

    Raises:
        ValueError: it does not follow the grammar.
    """
    out = []
    # A quoted value must hold a token, so that no separator can hide in it.
    for element in value.split(","):
        if not element.strip(BLANK):
            continue
        name, *rest = element.split(";")
        out.append((check_token(name.strip(BLANK)), [_parameter(text) for text in rest]))
    return out


def _parameter(text: str) -> tuple[str, str | None]:
    name, equals, value = text.partition("=")
    name = check_token(name.strip(BLANK))
    if not equals:
        return name, None
    value = value.strip(BLANK)
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    return name, check_token(value)

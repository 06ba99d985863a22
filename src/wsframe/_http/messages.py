"""Header fields, requests and responses of HTTP/1.1 (RFC 9112)."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from ipaddress import IPv6Address
from operator import index
from typing import Any

Text = str | bytes
Header = tuple[Text, Text]
HeadersLike = Mapping[str, str] | Iterable[Header]

TOKEN = (string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~").encode()  # RFC 9110, 5.6.2
FIELD = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))  # RFC 9110, 5.5
BLANK = " \t"
BODY_EXCERPT = 60  # bytes of a body that the repr of a response shows


class MultipleValuesError(LookupError):
    """`headers[name]` or `get(name)`, of a name with several values."""

    def __str__(self) -> str:
        return repr(self.args[0]) if len(self.args) == 1 else super().__str__()


class Headers(MutableMapping[str, str]):
    """The header fields of a request or a response; names are case-insensitive.

    `headers[name]` and `get(name)` raise MultipleValuesError where several fields have this name; get_all
    returns the values of all.  Setting a name adds a field: `del headers[name]` first to replace those there
    are.  Values that are not str or bytes are stored as their str.

    Args:
        raw: (name, value) pairs, str or bytes, or a mapping.
        fields: more of them, by name.

    Attributes:
        raw: the pairs in the order they came.
    """

    __slots__ = ("_index", "raw")

    def __init__(self, raw: HeadersLike = (), /, **fields: str) -> None:
        self.raw: list[Header] = pairs_of(raw)
        self._index: dict[str, list[str]] | None = None
        for name, value in fields.items():
            self[name] = value

    def _values(self) -> dict[str, list[str]]:
        if self._index is None:
            self._index = {}
            for name, value in self.raw:
                self._index.setdefault(str_of(name).lower(), []).append(str_of(value).strip(BLANK))
        return self._index

    def get_all(self, name: str) -> list[str]:
        """Return the values of all fields with this name, in order."""
        return list(self._values().get(name.lower(), ()))

    def __getitem__(self, name: str) -> str:
        values = self._values()[name.lower()]
        if len(values) > 1:
            raise MultipleValuesError(name)
        return values[0]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, in lower case, each once."""
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())

    def __setitem__(self, name: str, value: str) -> None:
        pair = (name, text_of(value))
        write_fields([pair])  # raises for a byte that is not allowed in a header
        self.raw.append(pair)
        self._index = None

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self.raw[:] = [pair for pair in self.raw if str_of(pair[0]).lower() != name.lower()]
        self._index = None

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values()

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if isinstance(other, Headers) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def clear(self) -> None:
        """Remove all header fields."""
        self.raw.clear()
        self._index = None

    def update(self, raw: HeadersLike = (), /, **fields: str) -> None:  # type: ignore[override]
        """Add header fields, given as to Headers()."""
        for name, value in [*pairs_of(raw), *fields.items()]:
            self[str_of(name)] = str_of(value)

    def copy(self) -> Headers:
        """Copy the header fields."""
        return type(self)(self.raw)

    def raw_items(self) -> Iterator[tuple[str, str]]:
        """Iterate over all fields as (name, value), repeated names included."""
        return ((str_of(name), str_of(value).strip(BLANK)) for name, value in self.raw)

    def serialize(self) -> bytes:
        """Write the header fields and the empty line after them.

        Raises:
            ValueError: a byte of a name or a value is not allowed there.
        """
        return write_fields(self.raw) + b"\r\n"

    def __str__(self) -> str:
        return self.serialize().decode("latin-1")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self.raw_items())!r})"


@dataclass(init=False, repr=False)
class Request:
    """The request of an opening handshake.

    Attributes:
        path: path and query, as in the request line.
        headers: its header fields.
        method: "GET" for a WebSocket.
        http_version: "1.1".
    """

    __slots__ = ("headers", "http_version", "method", "path")

    path: str
    headers: Headers
    method: str
    http_version: str

    def __init__(
        self, path: str, headers: HeadersLike = (), method: str = "GET", *, http_version: str = "1.1"
    ) -> None:
        self.path = path
        self.headers = headers if isinstance(headers, Headers) else Headers(headers)
        self.method = method
        self.http_version = http_version

    @property
    def protocol(self) -> str:
        """The protocol as in the request line, such as "HTTP/1.1"."""
        return f"HTTP/{self.http_version}"

    def __repr__(self) -> str:
        return (
            f"Request(path={self.path!r}, headers={self.headers!r}, method={self.method!r},"
            f" protocol={self.protocol!r})"
        )

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


@dataclass(init=False, repr=False)
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
        body = repr(self.body) if len(self.body) <= BODY_EXCERPT else f"{self.body[:BODY_EXCERPT]!r}..."
        return (
            f"Response(status_code={self.status_code}, reason_phrase={self.reason_phrase!r},"
            f" headers={self.headers!r}, body={body})"
        )

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
        raise ValueError("reason contains a byte that is not allowed")
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
    pairs: Iterable[Header] = headers.items() if isinstance(headers, Mapping) else _pairs_of_other(headers)
    return [(name, text_of(value)) for name, value in pairs]


def headers_of(pairs: list[Any]) -> Headers:
    """Return header fields that were received: their pairs as they are, not checked or copied."""
    headers = Headers.__new__(Headers)
    headers.raw = pairs
    headers._index = None
    return headers


def _pairs_of_other(headers: Any) -> Iterable[Header]:
    """Return the pairs of an object with some methods of a mapping (email.message.Message), or of pairs."""
    if hasattr(headers, "items"):
        pairs: Iterable[Header] = headers.items()
        return pairs
    return [(name, headers[name]) for name in headers.keys()] if hasattr(headers, "keys") else headers  # noqa: SIM118


def text_of(value: Text) -> Text:
    """Return a value as it is sent: its str, as in websockets; a bytes-like one is refused later."""
    return value if isinstance(value, (str, bytes, bytearray, memoryview)) else str(value)


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
        ValueError: a name is not a token, or a value contains CR, LF, NUL or another control character.
    """
    out = []
    for name, value in headers:
        name = encoded("header name", name, "ascii")
        if not is_token(name):
            raise ValueError(f"header name {name!r} is not a token")
        value = encoded(f"header {name.decode()}", value, "latin-1")
        if not is_field(value):
            raise ValueError(f"header {name.decode()} contains a byte that is not allowed")
        out.append(b"%b: %b\r\n" % (name, value))
    return b"".join(out)


def tokens_of(value: str) -> list[str]:
    """Read a list of tokens (RFC 9110, 5.6.1).

    Raises:
        ValueError: an element is not a token.
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


@lru_cache(maxsize=16)  # clients of a server ask for the same one
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
    # A quoted value must be a token, so that no separator can hide in it.
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

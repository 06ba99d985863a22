"""The fast path for usual requests finds what the rules find, and leaves all others to them."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import Any

import exchanges
import httptools
import pytest
from hypothesis import given, strategies as st
from support import twins

from wsframe._http.messages import is_host
from wsframe.handshake import Refused, RequestReader, _check_upgrade, _read_request

PAIRS = exchanges.as_bytes(exchanges.BROWSER)
FRAMES = b"\x81\x05Hello\x82\x00"


MODULES = [import_module(f"wsframe.{twin}.request") for twin in (["_py", "_c"] if twins.KERNELS else ["_py"])]


@pytest.fixture(params=MODULES, ids=lambda module: module.__name__.split(".")[1])
def impl(request: Any) -> Any:
    return request.param


def expected(headers: list[tuple[bytes, bytes]]) -> Any:
    """What the rules say of headers, as upgrade_of returns it."""
    try:
        found = _read_request(headers)
        key = _check_upgrade(found)
    except Refused:
        return None
    fields = (b"host", b"origin", b"sec-websocket-protocol", b"sec-websocket-extensions")
    return (key, *map(found.get, fields))


def test_upgrade_has_the_values_of_its_fields(impl: Any) -> None:
    assert impl.upgrade_of(PAIRS) == expected(PAIRS)
    assert impl.upgrade_of(PAIRS)[:3] == (
        exchanges.KEY.encode(),
        b"server.example.com",
        b"http://example.com",
    )
    with_blanks = [(name.upper(), b" \t" + value + b"\t ") for name, value in PAIRS]
    assert impl.upgrade_of(with_blanks) == expected(PAIRS)


UNUSUAL: list[Any] = [
    None,
    tuple(PAIRS),
    [*PAIRS, ("X", "y")],
    [*PAIRS, [b"X", b"y"]],
    [*PAIRS, (b"X", b"y", b"z")],
    [*PAIRS, (b"X", bytearray(b"y"))],
    [*PAIRS, PAIRS[0]],
    [*PAIRS, (b"origin", b"b")],
    [*PAIRS, (b"upgrade", b"h2c")],
    PAIRS[1:],
]


@pytest.mark.parametrize("headers", UNUSUAL, ids=range(len(UNUSUAL)))
def test_other_headers_are_not_usual(impl: Any, headers: Any) -> None:
    assert impl.upgrade_of(headers) is None


VALUES = st.sampled_from(
    [
        b"",
        b"13",
        b" 13\t",
        b"12",
        b"Upgrade",
        b"upgradeX",
        b"keep-alive,\tupGrade ,",
        b"close, x",
        b"WebSocket",
        b"websocket/13",
        exchanges.KEY.encode(),
        exchanges.KEY.encode()[:-1] + b"A",
        b"*" + exchanges.KEY.encode()[1:],
        b"example.com",
        b"a b",
    ]
)


@given(changes=st.dictionaries(st.integers(0, len(PAIRS) - 1), st.none() | VALUES, max_size=3))
def test_usual_upgrades_are_those_that_the_rules_accept(changes: dict[int, bytes | None]) -> None:
    headers = [
        (name, changes.get(number) or value if changes.get(number, b"") is not None else b"")
        for number, (name, value) in enumerate(PAIRS)
    ]
    rules = expected(headers)
    for impl in MODULES:
        found = impl.upgrade_of(headers)
        if found is not None and is_host(found[1]):
            assert found == rules
        else:  # "websocket" in a list is not usual, but right
            assert rules is None or dict(headers)[b"Upgrade"].lower() != b"websocket"


HEAD = exchanges.write(exchanges.BROWSER)
HEADS = [
    (HEAD, len(HEAD)),
    (HEAD + FRAMES, len(HEAD)),
    (b"GET / HTTP/1.1\r\n\r\n", 18),
    (HEAD[:-1], 0),
    (b"", 0),
    (b"\n", 0),
    (b"GET /\n", 0),
    (b"GET / HTTP/1.1\n\n", 0),
    (b"GET / HTTP/1.1\r\nA: b\n\n\r\n\r\n", 0),
    (b"GET / HTTP/1.1\r\nA: b\n\r\n", 23),  # httptools refuses it
    (b"GET / HTTP/1.0\r\n\r\n", 0),
    (b"HEAD / HTTP/1.1\r\n\r\n", 0),
    (b"GET http://a/ HTTP/1.1\r\n\r\n", 0),
]


@pytest.mark.parametrize(("data", "size"), HEADS, ids=range(len(HEADS)))
def test_end_of_usual_head_is_found(impl: Any, data: bytes, size: int) -> None:
    assert impl.usual_head(data, 2**14) == size
    assert impl.usual_head(data, size) == size
    if size:
        assert impl.usual_head(data, size - 1) == 0


def parsed(impl: Any, head: bytes) -> Any:
    parts = impl.RequestParts()
    with suppress(httptools.HttpParserUpgrade, httptools.HttpParserError):
        httptools.HttpRequestParser(parts).feed_data(head)
    return parts


def test_parts_are_those_of_the_request(impl: Any) -> None:
    parts = parsed(impl, HEAD)
    assert (parts.url, parts.headers, parts.whole) == (b"/chat", PAIRS, True)
    assert parts.usual_host(HEAD) == b"server.example.com"
    parts = impl.RequestParts()
    parts.on_url(b"/a")
    parts.on_url(b"b")
    assert (parts.url, parts.headers, parts.whole) == (b"/ab", [], False)


NO_USUAL_REQUESTS = [
    HEAD[:-2],
    exchanges.write(exchanges.BROWSER, "POST / HTTP/1.1"),
    exchanges.write(exchanges.BROWSER, "GET / HTTP/1.0"),
    exchanges.write(exchanges.BROWSER, "GET /#a HTTP/1.1"),
    exchanges.write(exchanges.BROWSER, "GET  / HTTP/1.1"),
    exchanges.write(exchanges.BROWSER, "GET http://a/ HTTP/1.1"),
    exchanges.write([*exchanges.BROWSER, ("host", "b")]),
    exchanges.write([*exchanges.BROWSER, ("content-length", "0")]),
    exchanges.write([*exchanges.BROWSER, ("Transfer-Encoding", "chunked")]),
    exchanges.write(exchanges.BROWSER[1:]),
]


@pytest.mark.parametrize("head", NO_USUAL_REQUESTS, ids=range(len(NO_USUAL_REQUESTS)))
def test_other_requests_have_no_usual_host(impl: Any, head: bytes) -> None:
    assert parsed(impl, head).usual_host(head) is None


@pytest.mark.skipif(not twins.KERNELS, reason="no compiled twin here")
@pytest.mark.parametrize("value", [None, "a", bytearray(b"a")])
def test_compiled_functions_check_their_arguments(value: Any) -> None:
    parts = MODULES[1].RequestParts()
    for function in (parts.on_url, parts.usual_host, lambda value: MODULES[1].usual_head(value, 1)):
        with pytest.raises(TypeError):
            function(value)
    with pytest.raises(TypeError):
        parts.on_header(b"a", value)


@pytest.mark.parametrize("cut", [None, 1, 20, len(HEAD) - 1])
def test_reader_finds_the_same_in_one_piece_and_in_two(cut: int | None) -> None:
    reader = RequestReader()
    pieces = [HEAD + FRAMES] if cut is None else [HEAD[:cut], HEAD[cut:] + FRAMES]
    request = None
    for piece in pieces:
        request = reader.feed(piece)
    assert request is not None
    assert request.headers.raw == PAIRS
    assert (request.path, request.method, request.http_version) == ("/chat", "GET", "1.1")
    assert reader.rest == FRAMES

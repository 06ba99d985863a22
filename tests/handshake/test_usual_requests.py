"""Requests of the usual form are read without a parser: the result is the same as that of the parser.

A request that arrives in two pieces always goes to the parser.
"""

import pytest
from hypothesis import given, strategies as st

from wsframe import handshake

pytest.importorskip("httptools")

LINES = [
    b"Host: example.com:8000",
    b"host: [::1]",
    b"Host: a b",
    b"Upgrade: websocket",
    b"Connection: keep-alive, Upgrade",
    b"Connection: close",
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    b"Sec-WebSocket-Version: 13",
    b"Content-Length: 0",
    b"content-length: 5",
    b"Transfer-Encoding: chunked",
    b"X-Blank:  two before",
    b"X-Blank: one after ",
    b"X-Empty:",
    b"X-Empty: ",
    b"X-Tab:\tx",
    b" folded",
    b"No colon",
    b"Blank before : colon",
    b"X-Latin-1: \xe9",
    b"X-Control: \x01",
    b"X-Delete: \x7f",
    b"X-Return: a\rb",
]
TARGETS = [b"/", b"/chat?a=%20b", b"*", b"http://a/", b"/a#b", b"/\xe9", b"/a{b}", b"//a", b""]
STARTS = [
    b"GET %b HTTP/1.1",
    b"GET %b HTTP/1.0",
    b"POST %b HTTP/1.1",
    b"GET  %b HTTP/1.1",
    b"get %b HTTP/1.1",
]

heads = st.builds(
    lambda start, target, lines, end, rest: end.join([start.replace(b"%b", target), *lines, b"", b""]) + rest,
    st.sampled_from(STARTS[:1] * 5 + STARTS),
    st.sampled_from(TARGETS[:2] * 5 + TARGETS),
    st.lists(st.sampled_from(LINES[:8] * 3 + LINES), max_size=10),
    st.sampled_from([b"\r\n"] * 5 + [b"\n"]),
    st.sampled_from([b"", b"\x81\x80abcd", b"\r\n"]),
)


def outcome(pieces, **limits):
    """What a reader makes of a request."""
    reader = handshake.RequestReader(**limits)
    request = None
    try:
        for piece in pieces:
            request = reader.feed(piece)
    except handshake.Refused as refused:
        return type(refused), str(refused), refused.response.partition(b"Date")[0]
    if request is None:
        return None
    headers = [(bytes(name), bytes(value)) for name, value in request.headers.raw]
    return request.method, request.path, request.http_version, headers, reader.rest


@given(heads)
def test_whole_and_in_pieces(head):
    assert outcome([head]) == outcome([head[:1], head[1:]])


@pytest.mark.parametrize(
    "limits", [{"max_head": 60}, {"max_head": 64}, {"max_headers": 1}, {"max_headers": 2}]
)
def test_limits(limits):
    head = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 32 + b"\r\n\r\n"
    assert len(head) == 64
    assert outcome([head], **limits) == outcome([head[:1], head[1:]], **limits)


def test_it_takes_any_buffer():
    head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest"
    assert outcome([bytearray(head)]) == outcome([memoryview(head)]) == outcome([head])
    assert outcome([head])[-1] == b"rest"

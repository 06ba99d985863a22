"""From HTTP bytes to requests and responses."""

from __future__ import annotations

from typing import Any

import exchanges
import pytest
from exchanges import server_response, write
from hypothesis import given, strategies as st
from support.feeding import cut_at_random, cuttings

from wsframe.handshake import (
    InvalidHandshake,
    InvalidMessage,
    Refused,
    RequestReader,
    Response,
    ResponseReader,
)

FRAMES = b"\x81\x05Hello\x82\x00"


def read(reader: Any, pieces: list[bytes], at_end: bool = False) -> tuple[Any, bytes]:
    """What a reader finds, with the bytes it leaves and those it has not been given."""
    for number, piece in enumerate(pieces, 1):
        found = reader.feed(piece)
        if found is not None:
            return found, reader.rest + b"".join(pieces[number:])
        assert reader.rest == b""
    return (reader.feed_eof() if at_end else None), b""


def test_request_is_parsed_however_it_is_split() -> None:
    data = write(exchanges.BROWSER, "GET /chat?a=b&c=%20 HTTP/1.1") + FRAMES
    for pieces in cuttings(data, seeds=30):
        request, rest = read(RequestReader(), pieces)
        assert (request.method, request.path, request.http_version) == ("GET", "/chat?a=b&c=%20", "1.1")
        assert request.headers.raw == exchanges.as_bytes(exchanges.BROWSER)
        assert rest == FRAMES


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_readers_accept_any_bytes_like_object(kind: Any) -> None:
    assert RequestReader().feed(kind(write(exchanges.BROWSER))) is not None
    assert ResponseReader().feed(kind(server_response())) is not None


def test_readers_keep_no_reference_to_their_input() -> None:
    buffer = bytearray(write(exchanges.BROWSER))
    half = len(buffer) // 2
    reader = RequestReader()
    with memoryview(buffer) as view, view[:half] as first, view[half:] as second:
        assert reader.feed(first) is None
        assert reader.feed(second) is not None
    buffer.clear()


@pytest.mark.parametrize(
    "line", ["GET / HTTP/1.0", "POST /x HTTP/1.1", "CONNECT a:80 HTTP/1.1", "HEAD / HTTP/1.1"]
)
def test_reader_returns_requests_of_other_methods_and_versions(line: str) -> None:
    method, path, version = line.split()
    request, rest = read(RequestReader(), [write([("Host", "a")], line) + FRAMES])
    assert (request.method, request.path, "HTTP/" + request.http_version) == (method, path, version)
    assert rest == FRAMES


MALFORMED = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # the first bytes of TLS
    b"\r\n\r\n",
    b"\x00",
    b"GET / HTTP/1.1\n\n",
    b"GET / HTTP/1.1\nA: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nA: b\n\r\n",
    b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
    b"GET / HTTP/1.1\r\nA : b\r\n\r\n",
    b"GET / HTTP/1.1\r\nA\r\n\r\n",
    b"GET / HTTP/1.1\r\n: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nA: b\x00c\r\n\r\n",
    b"GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
    b"GET / HTTP/1.1\r\nA\xe4: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    b"GET /\x00 HTTP/1.1\r\n\r\n",
    b"GET /\xe4 HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.9\r\n\r\n",
    b"GET / FTP/1.1\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"get / HTTP/1.1\r\n\r\n",
]


def verdict(reader: Any, pieces: list[bytes]) -> Any:
    try:
        found, rest = read(reader, pieces)
    except InvalidHandshake as exc:
        return type(exc), str(exc)
    if found is None:
        return None
    if isinstance(found, Response):
        # Only behind a 101 there is something to be kept.
        rest = rest if found.status_code == 101 else b""
        return found.status_code, found.reason_phrase, found.body, found.headers.raw, rest
    return found.method, found.path, found.http_version, found.headers.raw, rest


@pytest.mark.parametrize("data", MALFORMED)
def test_malformed_requests_are_refused_with_400(data: bytes) -> None:
    with pytest.raises(Refused, match=r"^malformed http request: \w") as caught:
        read(RequestReader(), [data])
    assert caught.value.status == 400
    expected = verdict(RequestReader(), [data])
    assert all(verdict(RequestReader(), pieces) == expected for pieces in cuttings(data))


@pytest.mark.parametrize(
    "data", [b"HELO relay.invalid\r\n", b"GET\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\n", b"A\x1b[2J\n"]
)
def test_lines_that_are_no_http_get_no_response(data: bytes) -> None:
    with pytest.raises(Refused, match=r"^invalid HTTP request line: ") as caught:
        read(RequestReader(), [data])
    assert caught.value.response == b""
    assert str(caught.value).isprintable()
    expected = verdict(RequestReader(), [data])
    assert all(verdict(RequestReader(), pieces) == expected for pieces in cuttings(data))


@pytest.mark.parametrize("fields", [[("Content-Length", "5")], [("Transfer-Encoding", "chunked")]])
def test_requests_with_a_body_are_refused_with_400(fields: Any) -> None:
    for method in ("GET", "POST"):
        with pytest.raises(Refused, match="request with a body") as caught:
            read(RequestReader(), [write([("Host", "a"), *fields], f"{method} / HTTP/1.1") + b"hello"])
        assert caught.value.status == 400
    fields = [("Host", "a"), ("content-length", "0"), ("X-Content-Length", "1")]
    assert read(RequestReader(), [write(fields)])[0]


def test_request_head_over_its_limits_is_refused_with_431() -> None:
    data = write(exchanges.BROWSER) + FRAMES
    size = len(data) - len(FRAMES)
    for pieces in cuttings(data):
        assert read(RequestReader(max_head=size, max_headers=len(exchanges.BROWSER)), pieces)[1] == FRAMES
        with pytest.raises(Refused, match=f"request head larger than {size - 1} bytes") as caught:
            read(RequestReader(max_head=size - 1), pieces)
        assert caught.value.status == 431
        with pytest.raises(Refused, match="request with more than 9 headers") as caught:
            read(RequestReader(max_headers=9), pieces)
        assert caught.value.status == 431


def test_response_head_over_its_limits_raises_invalid_message() -> None:
    early = server_response(status="103 Early Hints")
    data = early + server_response()
    for pieces in cuttings(data + FRAMES):
        assert read(ResponseReader(max_head=len(data), max_headers=3), pieces)[1] == FRAMES
        with pytest.raises(InvalidMessage, match=f"response head larger than {len(data) - 1} bytes"):
            read(ResponseReader(max_head=len(data) - 1), pieces)
        with pytest.raises(InvalidMessage, match="response with more than 2 headers"):
            read(ResponseReader(max_headers=2), pieces)


def test_interim_responses_count_towards_the_head_limit() -> None:
    reader = ResponseReader()
    early = server_response(status="102 Processing")
    with pytest.raises(InvalidMessage, match="response head larger than 16384 bytes"):
        read(reader, [early] * (2**14 // len(early) + 1))


def test_response_is_parsed_however_it_is_split() -> None:
    data = server_response(("Server", "x"), ("Sec-WebSocket-Protocol", "a")) + FRAMES
    for pieces in cuttings(data, seeds=30):
        response, rest = read(ResponseReader(), pieces)
        assert (response.status_code, response.reason_phrase, response.body) == (
            101,
            "Switching Protocols",
            b"",
        )
        assert response.headers["server"] == "x"
        assert rest == FRAMES


@pytest.mark.parametrize("status", ["100 Continue", "102 Processing", "103 Early Hints"])
def test_interim_responses_are_skipped(status: str) -> None:
    early = write([("Link", "x")], f"HTTP/1.1 {status}")
    for pieces in cuttings(early * 2 + server_response() + FRAMES):
        response, rest = read(ResponseReader(), pieces)
        assert (response.status_code, rest) == (101, FRAMES)
        assert "link" not in response.headers


BODIES = {
    "length": write([("Content-Length", "5")], "HTTP/1.1 404 Not Found") + b"Hello",
    "length and more": write([("Content-Length", "5")], "HTTP/1.1 404 Not Found") + b"Hello?!",
    "chunks": write([("Transfer-Encoding", "chunked")], "HTTP/1.1 404 Not Found")
    + b"2\r\nHe\r\n3\r\nllo\r\n0\r\n\r\n",
    "end": write([], "HTTP/1.1 404 Not Found") + b"Hello",
    "broken chunks": write([("Transfer-Encoding", "chunked")], "HTTP/1.1 404 Not Found") + b"5\r\nHello\r\nx",
    "cut short": write([("Content-Length", "50")], "HTTP/1.0 404 Not Found") + b"Hello",
}


@pytest.mark.parametrize("data", BODIES.values(), ids=BODIES)
def test_body_of_a_refusal_is_read(data: bytes) -> None:
    for pieces in cuttings(data):
        response, _ = read(ResponseReader(), pieces, at_end=True)
        assert (response.status_code, response.reason_phrase, response.body) == (404, "Not Found", b"Hello")


def test_response_without_a_body_is_complete_after_its_head() -> None:
    for data in (
        write([("Content-Length", "0"), ("Location", "/x")], "HTTP/1.1 302 Found"),
        write([], "HTTP/1.1 204 No Content"),
    ):
        for pieces in cuttings(data):
            response, _ = read(ResponseReader(), pieces)
            assert response.body == b""


@pytest.mark.parametrize("field", [("Content-Length", "1000000"), ("X", "until the end"), None])
def test_long_response_body_is_truncated_to_its_limit(field: Any) -> None:
    """Nobody waits for the rest."""
    data = write([field or ("Transfer-Encoding", "chunked")], "HTTP/1.1 500 No")
    body = b"x" * 10_000 if field else b"2710\r\n" + b"x" * 10_000
    for pieces in ([data + body], cut_at_random(data + body, 1)):
        response, _ = read(ResponseReader(), pieces)
        assert response.body == b"x" * 4096
        response, _ = read(ResponseReader(max_body=10), pieces)
        assert response.body == b"x" * 10


@pytest.mark.parametrize(
    "data", [b"", b"H", b"HTTP/1.1 101 Switching", server_response()[:-1], server_response(status="100 OK")]
)
def test_eof_within_a_response_raises_invalid_message(data: bytes) -> None:
    for pieces in cuttings(data):
        with pytest.raises(InvalidMessage, match="did not receive a valid HTTP") as caught:
            read(ResponseReader(), pieces, at_end=True)
        assert str(caught.value.__cause__).startswith("connection closed while reading HTTP ")


@pytest.mark.parametrize(
    "data",
    [
        b"\x00",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"http/1.1 101 OK\r\n\r\n",
        b"HTTP/2 101 OK\r\n\r\n",
        b"HTTP/1.1 1 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 600 OK\r\n\r\n",
        b"HTTP/1.1 101 OK\r\nA : b\r\n\r\n",
        b"HTTP/1.1 101 OK\r\nA: \x00\r\n\r\n",
        b"HTTP/1.1 101 OK\n\n",
        b"HTTP/1.1 101 OK\r\nA: b\n\r\n",
    ],
)
def test_malformed_responses_raise_invalid_message(data: bytes) -> None:
    with pytest.raises(InvalidMessage, match=r"^did not receive a valid HTTP response$") as caught:
        read(ResponseReader(), [data])
    cause = str(caught.value.__cause__)
    assert cause.isprintable()
    assert cause.startswith(("malformed http response: ", "unsupported protocol; expected HTTP/1.1: "))
    expected = verdict(ResponseReader(), [data])
    assert all(verdict(ResponseReader(), pieces) == expected for pieces in cuttings(data))


LINES = [
    b"GET / HTTP/1.1",
    b"HTTP/1.1 101 OK",
    b"HTTP/1.1 200 OK",
    b"HTTP/1.1 100 C",
    b"A: b",
    b"Content-Length: 2",
]
LINES += [
    b"Upgrade: websocket",
    b"Connection: Upgrade",
    b"Transfer-Encoding: chunked",
    b"2",
    b"0",
    b"ab",
    b"",
    b" ",
]


@given(
    lines=st.lists(st.sampled_from(LINES) | st.binary(max_size=5), max_size=10),
    ends=st.lists(st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r"]), min_size=10, max_size=10),
    first=st.sampled_from([*LINES[:4], b""]),
    seed=st.integers(0, 2**32),
)
def test_result_does_not_depend_on_how_input_is_split(
    lines: list[bytes], ends: list[bytes], first: bytes, seed: int
) -> None:
    data = first + b"\r\n" + b"".join(line + end for line, end in zip(lines, ends, strict=False))
    makers: list[Any] = [
        lambda: RequestReader(max_head=60, max_headers=3),
        lambda: ResponseReader(max_head=60, max_headers=3, max_body=3),
    ]
    for make in makers:
        expected = verdict(make(), [data])
        for pieces in ([data[i : i + 1] for i in range(len(data))], cut_at_random(data, seed)):
            assert verdict(make(), pieces) == expected


def test_repr_of_a_response_shows_its_status() -> None:
    assert repr(Response(404)).startswith("Response(status_code=404, reason_phrase='Not Found', ")

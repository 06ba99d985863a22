"""accept() and http_response(): how a server responds to a request."""

from __future__ import annotations

import re
from typing import Any

import exchanges
import pytest
from exchanges import ACCEPT, KEY, changed, read_response

from wsframe._http import errors
from wsframe.deflate import ServerPolicy
from wsframe.handshake import Accepted, Headers, Refused, Response, accept, http_response

FORMS = pytest.mark.parametrize(
    "form", [list, exchanges.as_bytes, exchanges.as_asgi, iter], ids=["str", "bytes", "asgi", "iterator"]
)


def fields_of(accepted: Accepted) -> dict[str, str]:
    status, fields, body = read_response(accepted.response)
    assert (status, body) == (101, b"")
    assert accepted.response.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    return fields


REQUIRED_HEADERS = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": ACCEPT}


@FORMS
def test_minimal_request_gets_only_the_required_response_headers(form: Any) -> None:
    accepted = accept("GET", "1.1", form(exchanges.BROWSER))
    assert fields_of(accepted) == REQUIRED_HEADERS
    assert accepted[1:] == (None, None, "http://example.com")


def test_handshake_example_of_rfc_6455_is_reproduced() -> None:
    """RFC 6455, 1.2 and 1.3."""
    headers = [
        ("Host", "server.example.com"),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", KEY),
        ("Origin", "http://example.com"),
        ("Sec-WebSocket-Protocol", "chat, superchat"),
        ("Sec-WebSocket-Version", "13"),
    ]
    accepted = accept(b"GET", "1.1", headers, subprotocols=["chat"])
    assert accepted.response == (
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        b"Sec-WebSocket-Protocol: chat\r\n"
        b"\r\n"
    )


@FORMS
def test_all_options_appear_in_one_response(form: Any) -> None:
    headers = changed(
        Sec_WebSocket_Protocol=["a , b", "c"],
        Sec_WebSocket_Extensions=["foo", "permessage-deflate; server_max_window_bits=10, bar"],
    )
    accepted = accept(
        "GET",
        "1.1",
        form(headers),
        subprotocols=["x", "c", "a"],
        origins=["http://example.com"],
        compression=ServerPolicy(),
        extra_headers={"Server": "wsframe", "Set-Cookie": "a=b"},
    )
    assert fields_of(accepted) == {
        **REQUIRED_HEADERS,
        "Sec-WebSocket-Protocol": "c",
        "Sec-WebSocket-Extensions": "permessage-deflate; server_max_window_bits=10",
        "Server": "wsframe",
        "Set-Cookie": "a=b",
    }
    assert accepted.subprotocol == "c"
    assert accepted.deflate is not None
    assert accepted.deflate.parameters.server_max_window_bits == 10


def refused(*request: Any, **options: Any) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        accept(*request, **options)
    return caught.value.status, caught.value.reason


def test_request_must_have_exactly_one_host_header() -> None:
    """RFC 9110, 7.2: exactly one."""
    assert refused("GET", "1.1", changed(Host=None)) == (400, "no Host header")
    assert refused("GET", "1.1", changed(Host=["a", "a"])) == (400, "more than one Host header")


# Origins.


@pytest.mark.parametrize(
    "allowed",
    [
        ["http://example.com"],
        ["https://example.com", None, "http://example.com"],
        [re.compile(r"https?://.*")],
        ("x", re.compile(r"http://(www\.)?example\.com")),
    ],
)
def test_origin_matching_the_allowed_list_is_accepted(allowed: Any) -> None:
    assert accept("GET", "1.1", exchanges.BROWSER, origins=allowed).origin == "http://example.com"


@pytest.mark.parametrize(
    "allowed",
    [
        [],
        [None],
        ["http://example.co", "http://example.com.", "http://example.com/", "HTTP://example.com", "*"],
        [re.compile(r"http://example\.co")],
        [re.compile(r"example\.com")],
        [""],
    ],
)
def test_origin_outside_the_allowed_list_is_refused_with_403(allowed: Any) -> None:
    assert refused("GET", "1.1", exchanges.BROWSER, origins=allowed) == (
        403,
        "origin 'http://example.com' is not allowed",
    )


def test_missing_origin_is_accepted_only_if_none_is_allowed() -> None:
    headers = changed(Origin=None)
    assert accept("GET", "1.1", headers).origin is None
    assert accept("GET", "1.1", headers, origins=["http://example.com", None]).origin is None
    assert refused("GET", "1.1", headers, origins=["http://example.com"]) == (403, "no Origin header")
    assert refused("GET", "1.1", headers, origins=[re.compile(".*")]) == (403, "no Origin header")


def test_two_origin_headers_are_refused_with_400() -> None:
    headers = changed(Origin=["http://example.com", "http://example.com"])
    assert refused("GET", "1.1", headers) == (400, "more than one Origin header")


# Subprotocols.


def test_subprotocol_is_selected_in_the_order_of_the_server() -> None:
    headers = changed(Sec_WebSocket_Protocol="a, b, c")
    assert accept("GET", "1.1", headers, subprotocols=["d", "c", "b"]).subprotocol == "c"


def test_server_without_subprotocols_selects_none() -> None:
    headers = changed(Sec_WebSocket_Protocol="a, b, c")
    for none in (None, [], ()):
        accepted = accept("GET", "1.1", headers, subprotocols=none)
        assert accepted.subprotocol is None
        assert fields_of(accepted) == REQUIRED_HEADERS


@pytest.mark.parametrize("offered", [None, "c", "A", ""])
def test_no_common_subprotocol_is_refused_with_400(offered: str | None) -> None:
    headers = changed(Sec_WebSocket_Protocol=offered)
    assert refused("GET", "1.1", headers, subprotocols=["a", "b"]) == (
        400,
        "Sec-WebSocket-Protocol must name one of a, b",
    )


def test_subprotocols_function_selects_among_the_offered() -> None:
    seen = []

    def choose(offered: list[str]) -> str | None:
        seen.append(offered)
        return offered[-1] if offered else None

    headers = changed(Sec_WebSocket_Protocol=["a", "b,,c"])
    assert accept("GET", "1.1", headers, subprotocols=choose).subprotocol == "c"
    assert accept("GET", "1.1", exchanges.BROWSER, subprotocols=choose).subprotocol is None
    assert seen == [["a", "b", "c"], []]
    with pytest.raises(ValueError, match="subprotocol 'x' was not offered"):
        accept("GET", "1.1", headers, subprotocols=lambda offered: "x")


def test_malformed_subprotocol_header_is_refused_with_400() -> None:
    headers = changed(Sec_WebSocket_Protocol="a, b c")
    assert refused("GET", "1.1", headers, subprotocols=["a"]) == (
        400,
        "malformed Sec-WebSocket-Protocol header: 'b c' is not a token",
    )


# Extensions.


@pytest.mark.parametrize("offer", [None, "foo", "foo; bar=1", "permessage-deflate; foo", ""])
def test_unsupported_extension_offers_are_ignored(offer: str | None) -> None:
    headers = changed(Sec_WebSocket_Extensions=offer)
    accepted = accept("GET", "1.1", headers, compression=ServerPolicy())
    assert accepted.deflate is None
    assert fields_of(accepted) == REQUIRED_HEADERS


@pytest.mark.parametrize("offer", ["a b", "a; b c", "a; b=", "a; =b", ";a", 'a; b="c', 'a; b="c,d"', "é"])
def test_malformed_extensions_header_is_refused_with_400(offer: str) -> None:
    """RFC 6455, 9.1."""
    headers = changed(Sec_WebSocket_Extensions=offer)
    status, reason = refused("GET", "1.1", headers, compression=ServerPolicy())
    assert status == 400
    assert re.fullmatch(r"malformed Sec-WebSocket-Extensions header: '.*' is not a token", reason)
    assert accept("GET", "1.1", headers).deflate is None


@pytest.mark.parametrize(
    "name",
    ["Upgrade", "connection", "Sec-WebSocket-Accept", "sec-websocket-protocol", "Content-Length", b"Upgrade"],
)
def test_handshake_headers_cannot_be_set_by_the_application(name: Any) -> None:
    with pytest.raises(ValueError, match="is not for the application to set"):
        accept("GET", "1.1", exchanges.BROWSER, extra_headers=[(name, "x")])


def test_extra_headers_of_a_wrong_type_raise_type_error() -> None:
    with pytest.raises(TypeError, match="header name must be str or bytes, not int"):
        accept("GET", "1.1", exchanges.BROWSER, extra_headers=[(1, "x")])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="header X must be str or bytes, not bytearray"):
        accept("GET", "1.1", exchanges.BROWSER, extra_headers=[("X", bytearray(b"y"))])  # type: ignore[list-item]


def test_non_latin_1_headers_are_ignored_unless_required() -> None:
    headers = [*exchanges.BROWSER, ("Ключ", "значение"), ("X", "значение")]
    assert accept("GET", "1.1", headers)
    assert refused("GET", "1.1", changed(Upgrade="вебсокет"))[0] == 400


def test_long_header_value_is_truncated_in_the_reason() -> None:
    status, reason = refused("GET", "1.1", changed(Upgrade="x" * 10_000))
    assert status == 400
    assert len(reason) < 120


# Responses other than 101.


def test_shutting_down_response_is_a_503() -> None:
    status, fields, body = read_response(errors.shutting_down().response)
    assert (status, fields["Connection"]) == (503, "close")
    assert body == b"Cannot open a WebSocket connection: server is shutting down.\n"


def test_http_response_adds_date_length_type_and_connection() -> None:
    data = http_response(200, [("X-Name", "value"), (b"X-Bytes", b"\xff")], "Schön\n")
    status, fields, body = read_response(data)
    assert data.startswith(b"HTTP/1.1 200 OK\r\n")
    assert (status, body) == (200, "Schön\n".encode())
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", fields.pop("Date"))
    assert fields == {
        "X-Name": "value",
        "X-Bytes": "ÿ",
        "Connection": "close",
        "Content-Length": "7",
        "Content-Type": "text/plain; charset=utf-8",
    }


def test_response_keeps_headers_set_by_the_application() -> None:
    given = {
        "date": "now",
        "content-type": "application/json",
        "content-length": "2",
        "connection": "keep-alive",
    }
    for data in (http_response(200, given, b"{}"), Response(200, headers=given, body=b"{}").serialize()):
        assert read_response(data) == (200, given, b"{}")


@pytest.mark.parametrize(("status", "phrase"), [(200, "OK"), (418, "I'm a Teapot"), (599, "")])
def test_reason_phrase_defaults_to_that_of_the_status(status: int, phrase: str) -> None:
    assert Response(status).reason_phrase == phrase
    assert http_response(status, reason="Why not").startswith(b"HTTP/1.1 %d Why not\r\n" % status)
    ours = Response(status, reason_phrase="Why not").serialize()
    assert ours.startswith(b"HTTP/1.1 %d Why not\r\n" % status)


def test_no_body_is_sent_for_204_304_and_head() -> None:
    for status in (204, 304):
        _, fields, body = read_response(http_response(status, body="never sent"))
        assert body == b""
        assert "Content-Length" not in fields
        assert "Content-Type" not in fields
    _, fields, body = read_response(Response(200, body=b"abc").serialize("HEAD"))
    assert (fields["Content-Length"], body) == ("3", b"")


def test_http_response_checks_its_status_and_body() -> None:
    for status in (0, 100, 101, 199, 600):
        with pytest.raises(ValueError, match="status must be from 200 to 599"):
            http_response(status)
    with pytest.raises(TypeError):
        http_response(200, body=5)  # type: ignore[arg-type]
    assert http_response(200, body=bytearray(b"abc")).endswith(b"\r\n\r\nabc")


def test_headers_are_looked_up_without_regard_to_case() -> None:
    headers = Headers([("A", " x\t"), (b"b", b"y"), ("a", "z")])
    assert headers["B"] == headers["b"] == "y"
    assert headers.get_all("a") == ["x", "z"]
    assert headers.get_all("c") == []
    assert headers.get("c") is None
    assert "A" in headers
    assert "c" not in headers
    assert len(headers) == 2
    assert list(headers) == ["a", "b"]
    assert headers.raw == [("A", " x\t"), (b"b", b"y"), ("a", "z")]
    with pytest.raises(KeyError):
        headers["c"]

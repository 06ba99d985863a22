"""The request of a client, and its check of the response."""

from __future__ import annotations

import base64
from typing import Any

import exchanges
import pytest
from exchanges import KEY, server_response

from wsframe.deflate import ClientPolicy, Parameters
from wsframe.handshake import InvalidStatus, ResponseReader, check_response, new_key, open_request, parse_uri


def lines(uri: str, **options: Any) -> list[str]:
    return open_request(parse_uri(uri), KEY, **options).serialize().decode("latin-1").split("\r\n")


BASE = [
    "GET /chat HTTP/1.1",
    "Host: server.example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    f"Sec-WebSocket-Key: {KEY}",
    "Sec-WebSocket-Version: 13",
]


def test_request_without_options_has_only_the_required_headers() -> None:
    assert lines("ws://server.example.com/chat") == [*BASE, "", ""]


def test_all_options_appear_in_one_request() -> None:
    got = lines(
        "ws://user:pass@server.example.com/chat",
        origin="http://example.com",
        subprotocols=["chat", "superchat"],
        compression=ClientPolicy(),
        extra_headers={"Cookie": "a=b"},
        user_agent="wsframe",
    )
    assert got == [
        *BASE,
        "Origin: http://example.com",
        "Sec-WebSocket-Protocol: chat, superchat",
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
        "Authorization: Basic dXNlcjpwYXNz",
        "User-Agent: wsframe",
        "Cookie: a=b",
        "",
        "",
    ]


def test_application_may_replace_host_authorization_and_user_agent() -> None:
    got = lines(
        "ws://user:pass@server.example.com/chat",
        extra_headers=[("host", "other"), ("authorization", "Bearer x"), (b"USER-AGENT", b"y")],
        user_agent="wsframe",
    )
    assert got == [BASE[0], *BASE[2:], "host: other", "authorization: Bearer x", "USER-AGENT: y", "", ""]


@pytest.mark.parametrize("name", ["Upgrade", "CONNECTION", "Sec-WebSocket-Key", "sec-websocket-extensions"])
def test_handshake_headers_cannot_be_set_by_the_application(name: str) -> None:
    with pytest.raises(ValueError, match=f"header {name} is not for the application to set"):
        lines("ws://h/", extra_headers=[(name, "x")])


def test_user_information_becomes_basic_authorization() -> None:
    got = lines("ws://us%40er:p%3Aä@h/")
    assert "Authorization: Basic " + base64.b64encode("us@er:p:ä".encode()).decode() in got
    assert "Authorization: Basic " + base64.b64encode(b"user:").decode() in lines("ws://user@h/")
    with pytest.raises(ValueError, match="user must not contain a colon"):
        lines("ws://a%3Ab:c@h/")


@pytest.mark.parametrize("bad", ["", "a b", "a,b", "ä", 'a"b', "a/b"])
def test_subprotocol_that_is_not_a_token_raises_value_error(bad: str) -> None:
    with pytest.raises(ValueError, match="is not a token"):
        lines("ws://h/", subprotocols=["a", bad])


def test_subprotocols_given_as_a_str_raise_type_error() -> None:
    with pytest.raises(TypeError, match="subprotocols must be a list, not a str"):
        lines("ws://h/", subprotocols="chat")


def test_headers_outside_latin_1_raise_value_error() -> None:
    assert "X: ä" in lines("ws://h/", extra_headers={"X": "ä"})
    with pytest.raises(ValueError, match="header X must be latin-1"):
        lines("ws://h/", extra_headers={"X": "ж"})
    with pytest.raises(ValueError, match="header name must be ascii"):
        lines("ws://h/", extra_headers={"ж": "x"})


def test_new_keys_differ_and_have_16_bytes() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert {len(base64.b64decode(key, validate=True)) for key in keys} == {16}


def check(data: bytes, **offered: Any) -> Any:
    response = ResponseReader().feed(data)
    assert response is not None
    return check_response(response, KEY, **offered)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"Upgrade": "WebSocket"},
        {"Connection": "upgrade"},
        {"Connection": "keep-alive, Upgrade"},
        {"Connection": ["keep-alive", "UPGRADE"]},
    ],
)
def test_valid_responses_are_accepted(values: Any) -> None:
    assert check(server_response(**values)) == (None, None)


def test_agreed_subprotocol_and_compression_are_returned() -> None:
    data = server_response(
        ("sec-websocket-protocol", " b "),
        ("sec-websocket-extensions", "permessage-deflate; client_max_window_bits=10"),
    )
    agreed = check(data, subprotocols=["a", "b"], compression=ClientPolicy())
    assert agreed.subprotocol == "b"
    assert agreed.deflate.parameters == Parameters(client_max_window_bits=10)


@pytest.mark.parametrize("value", [None, "", " , "])
def test_response_without_extensions_means_no_compression(value: str | None) -> None:
    extra = [] if value is None else [("Sec-WebSocket-Extensions", value)]
    assert check(server_response(*extra)).deflate is None
    assert check(server_response(*extra), compression=ClientPolicy()).deflate is None


@pytest.mark.parametrize(
    ("status", "location", "expected"),
    [
        (301, "/x", "/x"),
        (302, "ws://h/", "ws://h/"),
        (303, "/", "/"),
        (307, "/", "/"),
        (308, "/", "/"),
        (302, None, None),
        (300, "/", "/"),
        (304, "/", None),
        (401, "/", None),
    ],
)
def test_location_of_redirects_is_exposed(status: int, location: str | None, expected: str | None) -> None:
    fields = [("Content-Length", "0")] + ([("Location", location)] if location else [])
    with pytest.raises(InvalidStatus) as caught:
        check(exchanges.write(fields, f"HTTP/1.1 {status} X"))
    assert caught.value.location == expected

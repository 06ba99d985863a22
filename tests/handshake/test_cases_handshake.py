"""Opening handshakes that broke other implementations, one test each."""

from __future__ import annotations

from typing import Any

import exchanges
import pytest
from exchanges import KEY, changed, read_response, server_response
from support.tracing import traced

from wsframe.deflate import ClientPolicy
from wsframe.handshake import (
    InvalidHandshake,
    InvalidHeader,
    InvalidStatus,
    NegotiationError,
    Refused,
    RequestReader,
    Response,
    ResponseReader,
    accept,
    check_response,
    http_response,
    open_request,
    parse_uri,
)


def refusal(*request: Any, **options: Any) -> tuple[int, dict[str, str], str]:
    """What accept refuses a request with, as the client gets to see it."""
    with pytest.raises(Refused) as caught:
        accept(*request, **options)
    status, fields, body = read_response(caught.value.response)
    assert status == caught.value.status
    assert fields["Content-Length"] == str(len(body))
    assert caught.value.reason in body.decode()
    return status, fields, caught.value.reason


def test_case_16_endless_head_is_refused_at_the_size_limit() -> None:
    """Each byte made tungstenite parse all of them again (CVE-2023-43669)."""
    reader: Any
    for reader, start, name in (
        (RequestReader(), b"GET / HTTP/1.1\r\nX: ", "request"),
        (ResponseReader(), b"HTTP/1.1 101 Switching Protocols\r\nX: ", "response"),
    ):
        data = start + b"y" * (2**14 - len(start))
        for i in range(2**14):
            assert reader.feed(data[i : i + 1]) is None
        with pytest.raises(InvalidHandshake, match=f"{name} head larger than 16384 bytes") as caught:
            reader.feed(b"y")
        if isinstance(caught.value, Refused):
            assert caught.value.status == 431


@pytest.mark.parametrize("reader", [RequestReader, ResponseReader])
def test_case_16_large_head_in_single_bytes_takes_linear_time(reader: Any) -> None:
    """With a limit of 20 MB it is read in linear time, and buffered once."""
    size = 20 * 2**20
    one = reader(max_head=size)
    start = b"GET / HTTP/1.1\r\nX: " if reader is RequestReader else b"HTTP/1.1 101 OK\r\nX: "
    one.feed(start)
    steps = 200_000
    with traced() as memory:
        for _ in range(steps):
            one.feed(b"y")
        assert memory.peak() < 2 * steps
    with pytest.raises(Exception, match=f"head larger than {size} bytes"):
        one.feed(bytes(size))


NASTY = ["\r\n", "\r", "\n", "\0", "\x01", "\x7f"]


@pytest.mark.parametrize("nasty", NASTY)
def test_case_31_control_characters_in_headers_and_uris_raise(nasty: str) -> None:
    """Where they got through, a header could be smuggled in: undici CVE-2026-1527."""
    bad = f"a{nasty}X: y"
    uri = parse_uri("ws://example.com/")
    for text in (f"ws://example.com/{bad}", f"ws://exam{bad}/", f"ws://example.com/?{bad}", f"ws://{bad}@h/"):
        with pytest.raises(ValueError, match="spaces or control characters"):
            parse_uri(text)
    requests: list[dict[str, Any]] = [
        {"origin": f"http://{bad}"},
        {"subprotocols": [bad]},
        {"user_agent": bad},
        {"extra_headers": [("X-Name", bad)]},
        {"extra_headers": {"X-Name": bad}},
        {"extra_headers": [(bad, "value")]},
        {"extra_headers": [(b"X-Name", bad.encode())]},
        {"extra_headers": [("Host", bad)]},
    ]
    for options in requests:
        with pytest.raises(ValueError, match=r"not allowed|not a token"):
            open_request(uri, KEY, **options)
    for broken in (uri._replace(path=f"/{bad}"), uri._replace(host=bad)):
        with pytest.raises(ValueError, match=r"not allowed|visible ASCII"):
            open_request(broken, KEY)
    with pytest.raises(ValueError, match="not allowed"):
        open_request(uri, KEY + nasty)
    for headers in ([("X-Name", bad)], [(bad, "value")], {"X": bad}):
        with pytest.raises(ValueError, match=r"not allowed|not a token"):
            accept("GET", "1.1", exchanges.BROWSER, extra_headers=headers)
        with pytest.raises(ValueError, match=r"not allowed|not a token"):
            http_response(200, headers)
        with pytest.raises(ValueError, match=r"not allowed|not a token"):
            Response(200, headers=headers).serialize()
    with pytest.raises(ValueError, match="not allowed"):
        http_response(200, reason=bad)


@pytest.mark.parametrize("nasty", NASTY)
def test_case_31_control_characters_of_a_peer_are_not_echoed(nasty: str) -> None:
    """An ASGI server passes on what it read; none of it is copied unescaped into a response."""
    for name in (
        "Sec_WebSocket_Protocol",
        "Sec_WebSocket_Extensions",
        "Sec_WebSocket_Key",
        "Upgrade",
        "Origin",
    ):
        headers = changed(**{name: f"a{nasty}X: y"})
        with pytest.raises(Refused) as caught:
            accept("GET", "1.1", headers, subprotocols=["b"], origins=["b"])
        read_response(caught.value.response)
        assert nasty.encode() not in caught.value.response.replace(b"\r\n", b"").rstrip(b"\n")


@pytest.mark.parametrize(
    "connection",
    [
        "Upgrade",
        "upgrade",
        "UPGRADE",
        "keep-alive, Upgrade",
        "upgrade,keep-alive",
        " ,\tUpgrade ,",
        ["close", "Upgrade"],
    ],
)
@pytest.mark.parametrize("upgrade", ["websocket", "WebSocket", "h2c, websocket", ["h2c", " websocket\t"]])
def test_case_32_connection_and_upgrade_are_parsed_as_token_lists(connection: Any, upgrade: Any) -> None:
    """Case and spaces do not matter, nor what else is in the list."""
    assert accept("GET", "1.1", changed(Connection=connection, Upgrade=upgrade))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Connection": "notupgrade"}, "Connection must contain Upgrade, not 'notupgrade'"),
        ({"Connection": "Upgrade2"}, "Connection must contain Upgrade, not 'Upgrade2'"),
        ({"Connection": "keep-alive; Upgrade"}, "Connection must contain Upgrade, not 'keep-alive; Upgrade'"),
        ({"Connection": "keep-alive Upgrade"}, "Connection must contain Upgrade, not 'keep-alive Upgrade'"),
        ({"Connection": ""}, "Connection must contain Upgrade, not ''"),
        ({"Upgrade": "websockets"}, "Upgrade must be websocket, not 'websockets'"),
        ({"Upgrade": "h2c"}, "Upgrade must be websocket, not 'h2c'"),
    ],
)
def test_case_32_tokens_are_compared_whole(changes: Any, reason: str) -> None:
    """A part of another word does not match: aiohttp #12723."""
    assert refusal("GET", "1.1", changed(**changes))[::2] == (400, reason)


def bad_key(value: str) -> str:
    return f"Sec-WebSocket-Key must be 16 bytes in base64, not {value!r}"


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (None, "no Sec-WebSocket-Key header"),
        ([KEY, KEY], "more than one Sec-WebSocket-Key header"),
        ("", bad_key("")),
        ("x", bad_key("x")),
        (KEY[:-1], bad_key(KEY[:-1])),
        (KEY + "=", bad_key(KEY + "=")),
        ("dGhlIHNhbXBsZSBub25j", bad_key("dGhlIHNhbXBsZSBub25j")),  # 15 bytes
        ("dGhlIHNhbXBsZSBub25jZQA=", bad_key("dGhlIHNhbXBsZSBub25jZQA=")),  # 17 bytes
        ("dGhlIHNhbXBsZSBub25jZQAA", bad_key("dGhlIHNhbXBsZSBub25jZQAA")),  # 18 bytes
        ("dGhlIHNhbXBsZSBub-_jZQ==", bad_key("dGhlIHNhbXBsZSBub-_jZQ==")),
        ("dGhlIHNhbXBsZSBu b25jZ==", bad_key("dGhlIHNhbXBsZSBu b25jZ==")),
        ("dGhlIHNhbXBsZSBub25j====", bad_key("dGhlIHNhbXBsZSBub25j====")),
    ],
)
def test_case_33_invalid_keys_are_refused_with_400(key: Any, reason: str) -> None:
    assert refusal("GET", "1.1", changed(Sec_WebSocket_Key=key))[::2] == (400, reason)


@pytest.mark.parametrize("version", ["", "0", "7", "8", "12", "14", "013", "13, 8", "thirteen"])
def test_case_33_other_versions_are_refused_with_426(version: str) -> None:
    """RFC 6455, 4.4: the response names the supported version."""
    status, fields, reason = refusal("GET", "1.1", changed(Sec_WebSocket_Version=version))
    assert (status, reason) == (426, f"Sec-WebSocket-Version must be 13, not {version!r}")
    assert fields["Sec-WebSocket-Version"] == "13"
    assert fields["Upgrade"] == "websocket"


def test_case_33_missing_or_repeated_version_is_refused_with_400() -> None:
    for version, reason in ((None, "no"), (["13", "13"], "more than one")):
        got = refusal("GET", "1.1", changed(Sec_WebSocket_Version=version))
        assert got[::2] == (400, f"{reason} Sec-WebSocket-Version header")


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "get", "", b"POST"])
def test_case_33_methods_other_than_get_are_refused_with_405(method: Any) -> None:
    status, fields, reason = refusal(method, "1.1", exchanges.BROWSER)
    text = method if isinstance(method, str) else method.decode()
    assert (status, fields["Allow"], reason) == (405, "GET", f"method must be GET, not {text!r}")


@pytest.mark.parametrize("version", ["0.9", "2", "2.0", ""])
def test_case_33_http_versions_other_than_1_1_are_refused(version: str) -> None:
    assert refusal("GET", version, exchanges.BROWSER)[::2] == (
        400,
        f"http version must be 1.1, not {version!r}",
    )


def check(data: bytes, **offered: Any) -> Any:
    reader = ResponseReader()
    response = reader.feed(data)
    assert response is not None
    return check_response(response, KEY, **offered)


@pytest.mark.parametrize(
    ("changes", "name", "reason"),
    [
        (
            {"Sec_WebSocket_Accept": None},
            "Sec-WebSocket-Accept",
            "missing Sec-WebSocket-Accept header",
        ),
        (
            {"Sec_WebSocket_Accept": [exchanges.ACCEPT] * 2},
            "Sec-WebSocket-Accept",
            "more than one Sec-WebSocket-Accept header in the response",
        ),
        (
            {"Sec_WebSocket_Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOp="},
            "Sec-WebSocket-Accept",
            "Sec-WebSocket-Accept must be 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=', not 's3pPLMBiTxaQ9kYGzzhZRbK+xOp='",
        ),
        (
            {"Sec_WebSocket_Accept": exchanges.ACCEPT.lower()},
            "Sec-WebSocket-Accept",
            "Sec-WebSocket-Accept must be 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=', not 's3pplmbitxaq9kygzzhzrbk+xoo='",
        ),
        ({"Upgrade": None}, "Upgrade", "missing Upgrade header; does a proxy remove it?"),
        ({"Upgrade": "h2c"}, "Upgrade", "Upgrade in the response must be websocket, not 'h2c'"),
        (
            {"Upgrade": "websocket, h2c"},
            "Upgrade",
            "Upgrade in the response must be websocket, not 'websocket, h2c'",
        ),
        ({"Connection": None}, "Connection", "missing Connection header; does a proxy remove it?"),
        (
            {"Connection": "notupgrade"},
            "Connection",
            "Connection in the response must contain Upgrade, not 'notupgrade'",
        ),
    ],
)
def test_case_34_wrong_response_headers_raise_invalid_header(changes: Any, name: str, reason: str) -> None:
    with pytest.raises(InvalidHeader) as caught:
        check(server_response(**changes))
    assert (caught.value.name, str(caught.value)) == (name, reason)


@pytest.mark.parametrize("status", [200, 201, 301, 400, 401, 403, 404, 426, 500, 503])
def test_case_34_status_other_than_101_raises_invalid_status(status: int) -> None:
    data = server_response(
        ("Content-Length", "4"), ("Location", "ws://elsewhere/"), status=f"{status} Reason"
    )
    with pytest.raises(InvalidStatus, match=f"rejected WebSocket connection: HTTP {status}") as caught:
        check(data + b"body")
    response = caught.value.response
    assert (response.status_code, response.reason_phrase, response.body) == (status, "Reason", b"body")
    assert response.headers["location"] == "ws://elsewhere/"
    assert caught.value.location == ("ws://elsewhere/" if status == 301 else None)


@pytest.mark.parametrize(
    ("fields", "offered", "reason"),
    [
        ([("Sec-WebSocket-Protocol", "chat")], {}, "subprotocol 'chat' was not offered"),
        (
            [("Sec-WebSocket-Protocol", "chat")],
            {"subprotocols": ["x", "Chat"]},
            "subprotocol 'chat' was not offered",
        ),
        ([("Sec-WebSocket-Protocol", "")], {"subprotocols": ["x"]}, "subprotocol '' was not offered"),
        (
            [("Sec-WebSocket-Protocol", "a, b")],
            {"subprotocols": ["a", "b"]},
            "more than one subprotocol: 'a, b'",
        ),
        (
            [("Sec-WebSocket-Protocol", "a")] * 2,
            {"subprotocols": ["a"]},
            "more than one subprotocol: 'a, a'",
        ),
    ],
)
def test_case_34_unoffered_subprotocol_is_refused(fields: Any, offered: Any, reason: str) -> None:
    with pytest.raises(NegotiationError) as caught:
        check(server_response(*fields), **offered)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("value", "compression", "reason"),
    [
        ("permessage-deflate", None, "extension 'permessage-deflate' was not offered"),
        ("x-snappy", None, "extension 'x-snappy' was not offered"),
        ("x-snappy", ClientPolicy(), "extension x-snappy was not offered"),
        ("permessage-deflate; x", ClientPolicy(), "unknown parameter x of permessage-deflate"),
        (
            "permessage-deflate, permessage-deflate",
            ClientPolicy(),
            "extension permessage-deflate appears twice",
        ),
        (
            "permessage-deflate; =",
            ClientPolicy(),
            "malformed Sec-WebSocket-Extensions header: '' is not a token",
        ),
    ],
)
def test_case_34_unoffered_extension_is_refused(value: str, compression: Any, reason: str) -> None:
    with pytest.raises(NegotiationError) as caught:
        check(server_response(("Sec-WebSocket-Extensions", value)), compression=compression)
    assert str(caught.value) == reason

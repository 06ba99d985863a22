"""Headers, requests and responses behave as those of websockets."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from email.message import Message
from typing import Any

import pytest

from wsframe.handshake import (
    Headers,
    MultipleValuesError,
    NegotiationError,
    Request,
    Response,
    check_response,
    new_key,
    open_request,
    parse_uri,
)

PAIRS = [("A", "1"), ("b", "2"), ("a", "3")]


@pytest.fixture(params=["wsframe", "websockets"])
def kind(request: pytest.FixtureRequest) -> Any:
    """Each class of headers: what holds of theirs has to hold of ours."""
    if request.param == "wsframe":
        return Headers
    return pytest.importorskip("websockets.datastructures").Headers


def test_two_values_are_an_error_where_one_is_asked_for(kind: Any) -> None:
    headers = kind(PAIRS)
    for ask in (headers.__getitem__, headers.get):
        with pytest.raises(LookupError, match="'a'") as caught:
            ask("a")
        assert type(caught.value).__name__ == "MultipleValuesError"
        assert not isinstance(caught.value, KeyError)
    assert headers.get_all("a") == ["1", "3"]
    assert headers["B"] == headers.get("B") == "2"
    assert headers.get("c", "none") == "none"
    with pytest.raises(KeyError):
        headers["c"]


def test_fields_are_given_as_pairs_mapping_headers_or_keywords(kind: Any) -> None:
    assert list(kind(B="3").raw_items()) == [("B", "3")]
    assert list(kind({"A": "1"}, B="3").raw_items()) == [("A", "1"), ("B", "3")]
    assert list(kind(kind(PAIRS), C="4").raw_items()) == [*PAIRS, ("C", "4")]
    message = Message()
    message["A"] = "1"
    assert list(kind(message).raw_items()) == [("A", "1")]
    assert list(kind().raw_items()) == []


def test_text_of_headers(kind: Any) -> None:
    if kind is not Headers and not is_newest_websockets():
        pytest.skip("websockets before 17 encodes values as UTF-8")
    headers = kind([*PAIRS, ("C", "\xe9")])
    assert str(headers) == "A: 1\r\nb: 2\r\na: 3\r\nC: \xe9\r\n\r\n"
    assert headers.serialize() == b"A: 1\r\nb: 2\r\na: 3\r\nC: \xe9\r\n\r\n"
    assert repr(kind(PAIRS)) == f"Headers({PAIRS!r})"


def test_headers_are_equal_by_value(kind: Any) -> None:
    assert kind(PAIRS) == kind([("b", "2"), ("A", "1"), ("A", "3")]) == kind(PAIRS).copy()
    assert kind(PAIRS) != kind([("a", "3"), ("b", "2"), ("a", "1")])  # the order of values counts
    assert kind(PAIRS) != PAIRS
    assert kind(A="1") != {"a": "1"}
    with pytest.raises(TypeError):
        hash(kind())


def test_update_and_clear_with_several_values(kind: Any) -> None:
    headers = kind(X="y")
    headers.update(kind(PAIRS), C="4")
    assert list(headers.raw_items()) == [("X", "y"), *PAIRS, ("C", "4")]
    headers.clear()
    assert (len(headers), "a" in headers, headers.get_all("a")) == (0, False, [])
    headers["a"] = "b"
    assert headers["a"] == "b"


def test_values_that_are_no_text_are_sent_as_their_str(kind: Any) -> None:
    headers = kind({"A": 5})
    headers["B"] = 2.5
    headers.update({"C": True})
    assert headers.serialize() == b"A: 5\r\nB: 2.5\r\nC: True\r\n\r\n"


class Text:
    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


def test_values_that_are_no_text_read_as_their_str() -> None:
    headers = Headers({"A": 5})  # type: ignore[dict-item]
    headers["B"] = Text("x")  # type: ignore[assignment]
    assert dict(headers) == {"a": "5", "b": "x"}
    assert (
        b"\r\nX-Id: 5\r\n"
        in open_request(
            parse_uri("ws://a/"),
            new_key(),
            extra_headers={"X-Id": 5},  # type: ignore[dict-item]
        ).serialize()
    )
    assert b"\r\nX-Id: 5\r\n" in Response(200, headers={"X-Id": 5}).serialize()  # type: ignore[dict-item]


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", Text("a\r\nb: c"), b"a\r\nb", "\0"])
def test_no_value_smuggles_a_line_in(value: Any) -> None:
    headers = Headers()
    with pytest.raises(ValueError, match="not allowed"):
        headers["A"] = value
    with pytest.raises(ValueError, match="not allowed"):
        Headers(A=value)
    for write in (Headers({"A": value}).serialize, Headers([("A", value)]).__str__):
        with pytest.raises(ValueError, match="not allowed"):
            write()
    with pytest.raises(ValueError, match="not allowed"):
        open_request(parse_uri("ws://a/"), new_key(), extra_headers={"A": value})


@pytest.mark.parametrize("value", [bytearray(b"x"), memoryview(b"x")])
def test_bytes_like_values_are_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="must be str or bytes"):
        Headers({"A": value}).serialize()


def test_requests_and_responses_are_equal_by_value() -> None:
    assert Response(200, "OK", {"a": "b"}, b"x") == Response(200, "OK", Headers(A="b"), b"x")
    assert Response(200, "OK", {"a": "b"}, b"x") != Response(200, "OK", {"a": "c"}, b"x")
    assert Request("/", {"a": "b"}) == Request("/", Headers(A="b"))
    assert Request("/", {"a": "b"}) != Request("/a", {"a": "b"})
    assert dataclasses.replace(Response(200, body=b"x"), status_code=201).status_code == 201
    assert dataclasses.replace(Request("/"), path="/a") == Request("/a")
    for one in (Request("/", {"a": "b"}), Response(200, "OK", {"a": "b"}, b"x")):
        assert copy.deepcopy(one) == one == pickle.loads(pickle.dumps(one))


def is_newest_websockets() -> bool:
    """CPython 3.10 has older versions of websockets only: their requests have no method and no protocol."""
    http11 = pytest.importorskip("websockets.http11")
    return "protocol" in [field.name for field in dataclasses.fields(http11.Request)]


def test_requests_and_responses_as_text() -> None:
    http11 = pytest.importorskip("websockets.http11")
    if not is_newest_websockets():
        pytest.skip("requests of websockets before 17 have other fields")
    theirs = pytest.importorskip("websockets.datastructures").Headers
    for ours, other in [
        (Request("/a\n", {"A": "1"}), http11.Request("/a\n", theirs({"A": "1"}))),
        (Response(200, "OK", {"A": "1"}, b"x"), http11.Response(200, "OK", theirs({"A": "1"}), b"x")),
    ]:
        assert repr(ours) == repr(other).replace(", _exception=None", "")
    assert len(repr(Response(200, "OK", (), b"x" * 10_000))) < 200
    assert Request("/").protocol == http11.Request("/", theirs()).protocol == "HTTP/1.1"


def test_a_response_may_spread_lists_over_several_lines() -> None:
    from wsframe import accept_key

    key = new_key()
    fields = [
        ("Upgrade", "websocket"),
        ("Connection", "keep-alive"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Accept", accept_key(key)),
    ]
    assert check_response(Response(101, headers=fields), key).subprotocol is None
    for name, reason in (
        ("Sec-WebSocket-Protocol", "more than one subprotocol: 'a, b'"),
        ("Sec-WebSocket-Extensions", "extension 'a' was not offered"),
    ):
        with pytest.raises(NegotiationError, match=reason):
            check_response(
                Response(101, headers=[*fields, (name, "a"), (name, "b")]), key, subprotocols=["a", "b"]
            )


def test_multiple_values_error_is_public() -> None:
    import wsframe.asyncio
    import wsframe.asyncio.exceptions
    import wsframe.sync

    for module in (wsframe.asyncio, wsframe.asyncio.exceptions, wsframe.sync):
        assert module.MultipleValuesError is MultipleValuesError


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Sec-WebSocket-Protocol", "use subprotocols="),
        ("sec-websocket-extensions", "use compression="),
        ("Upgrade", "the handshake sets it"),
        ("Sec-WebSocket-Key", "the handshake sets it"),
    ],
)
def test_reserved_names_are_refused_with_their_option(name: str, hint: str) -> None:
    from wsframe.handshake import write_extra

    for call in (
        lambda: write_extra({name: "x"}),
        lambda: open_request(parse_uri("ws://a/"), new_key(), extra_headers={name: "x"}),
    ):
        with pytest.raises(ValueError, match=f"{name} is not for the application to set: {hint}"):
            call()

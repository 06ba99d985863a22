"""WebSocket URIs (RFC 6455, 3)."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from wsframe.handshake import URI, InvalidURI, open_request, parse_uri

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


@pytest.mark.parametrize(
    ("text", "expected", "authority"),
    [
        ("ws://example.com", URI(False, "example.com", 80, "/"), "example.com"),
        ("wss://example.com", URI(True, "example.com", 443, "/"), "example.com"),
        ("WSS://EXAMPLE.com:443/", URI(True, "example.com", 443, "/"), "example.com"),
        ("ws://example.com:443/", URI(False, "example.com", 443, "/"), "example.com:443"),
        ("wss://example.com:80/", URI(True, "example.com", 80, "/"), "example.com:80"),
        ("ws://h/a/b;c=d?e=f&g", URI(False, "h", 80, "/a/b;c=d?e=f&g"), "h"),
        ("ws://h?q=/?", URI(False, "h", 80, "/?q=/?"), "h"),
        ("ws://h/?", URI(False, "h", 80, "/?"), "h"),
        ("ws://h/%7Ea%2Fb", URI(False, "h", 80, "/%7Ea%2Fb"), "h"),
        ("ws://h/ä?ö=ü", URI(False, "h", 80, "/%C3%A4?%C3%B6=%C3%BC"), "h"),
        ('ws://h/"<>\\^`{|}', URI(False, "h", 80, "/%22%3C%3E%5C%5E%60%7B%7C%7D"), "h"),
        ("ws://h:8000/", URI(False, "h", 8000, "/"), "h:8000"),
        ("ws://h:/", URI(False, "h", 80, "/"), "h"),
        ("ws://127.0.0.1:1/", URI(False, "127.0.0.1", 1, "/"), "127.0.0.1:1"),
        ("ws://[::1]/", URI(False, "::1", 80, "/"), "[::1]"),
        ("wss://[2001:DB8::1]:8443/x", URI(True, "2001:db8::1", 8443, "/x"), "[2001:db8::1]:8443"),
        ("ws://[fe80::1%25eth0]:81/", URI(False, "fe80::1%eth0", 81, "/"), "[fe80::1]:81"),
        ("ws://bücher.example/", URI(False, "xn--bcher-kva.example", 80, "/"), "xn--bcher-kva.example"),
        ("ws://my_service.local./", URI(False, "my_service.local.", 80, "/"), "my_service.local."),
        ("ws://user@h/", URI(False, "h", 80, "/", "user"), "h"),
        ("ws://user:@h/", URI(False, "h", 80, "/", "user", ""), "h"),
        ("ws://us%40er:p%3Aä%2F@h/", URI(False, "h", 80, "/", "us@er", "p:ä/"), "h"),
    ],
)
def test_valid_uris_are_parsed(text: str, expected: URI, authority: str) -> None:
    assert parse_uri(text) == expected
    assert parse_uri(text).authority == authority


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "must begin with ws:// or wss://"),
        ("example.com", "must begin with ws:// or wss://"),
        ("http://example.com/", "must begin with ws:// or wss://"),
        ("ws:/h", "must begin with"),
        ("ws:///path", "must name a host"),
        ("ws://:80/", "must name a host"),
        ("ws://h/#", "must not have a fragment"),
        ("ws://h/a#b", "must not have a fragment"),
        ("ws://h/?a#b", "must not have a fragment"),
        ("ws://h:0/", "port must be from 1 to 65535"),
        ("ws://h:65536/", "port must be"),
        ("ws://h:-1/", "port must be"),
        ("ws://h:http/", "port must be"),
        ("ws://[::1/", "malformed uri"),
        ("ws://[::zz]/", "ipv6"),
        ("ws://[fe80::1%25]/", "zone"),
        ("ws://[fe80::1%25a%0d]/", "zone"),
        ("ws://h /", "spaces or control characters"),
        (" ws://h/", "spaces or control characters"),
        ("ws://h/\t", "spaces or control characters"),
        ("ws://a..b/", "neither a name nor an address"),
        ("ws://-a/", "neither a name nor an address"),
        ("ws://a%41/", "neither a name nor an address"),
        ("ws://a,b/", "neither a name nor an address"),
        ("ws://a\\b/", "neither a name nor an address"),
        ("ws://" + "ü" * 70 + "/", "no domain name"),
        ("ws://ü..b/", "no domain name"),
        ("ws://h\\@evil/", "backslash, a bracket or a second @"),
        ("ws://h\\evil@x/", "backslash, a bracket or a second @"),
        ("ws://h\\:80@evil/", "backslash, a bracket or a second @"),
        ("ws://h@evil:80@x/", "backslash, a bracket or a second @"),
        ("ws://a@b:c@h/", "backslash, a bracket or a second @"),
        ("ws://u:p@q@h/", "backslash, a bracket or a second @"),
        ("ws://[::1]@evil/", "backslash, a bracket or a second @"),
        ("ws://h\\evil/", "neither a name nor an address"),
        ("ws://h@evil\\x/", "neither a name nor an address"),
        ("ws://h\uff1a80@evil:81\\/", "neither a name nor an address|port"),
        ("ws://evil\uff0fh/", "no domain name|neither a name"),
        ("ws://u%0d%0a:p@h/", "must not contain control characters"),
        ("ws://u:%00@h/", "must not contain control characters"),
        ("ws://u:%c2%9b@h/", "must not contain control characters"),
    ],
)
def test_invalid_uris_raise_invalid_uri(text: str, reason: str) -> None:
    with pytest.raises(InvalidURI, match=reason):
        parse_uri(text)


def test_the_error_does_not_repeat_a_password() -> None:
    for text in (
        "ws://user:secret@h:x/",
        "ws://user:secret@a b/",
        "http://user:secret@h/",
        "ws://u:secret@-/",
        "ws://u:sec/ret:secret@h/",
        "ws://u:se@secret@h/",
        "ws://u:secret\\@h/",
        "ws://u:secret\n@h/",
        "ws://u:secret%00@h/",
        "ws:/u:secret@h/",
        "u:secret@h",
        "u://x:secret@h",
        "u:x//secret@h",
        "//u:secret@h",
        "ws://:secret@h/ ",
    ):
        with pytest.raises(InvalidURI) as caught:
            parse_uri(text)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://example.com/", "http://example.com/"),
        ("", ""),
        ("ws://h/a b", "ws://h/a b"),
        ("ws://user@h:x/", "ws://user@h:x/"),
        ("ws://user:secret@h:x/p", "ws://user:***@h:x/p"),
        ("ws://h/a@b#c", "ws://h/a@b#c"),
        ("ws://h\r\nX: y/", r"ws://h\r\nX: y/"),
        ("ws://\x1b[31m/", r"ws://\x1b[31m/"),
        ("ws://a/\u202e ", r"ws://a/\u202e "),
        ("ws://bücher..de/", "ws://bücher..de/"),
        ("ws://h\\@evil/", r"ws://h\\@evil/"),
        ("ws://h/ " + "x" * 1000, "ws://h/ " + "x" * 192 + "..."),
    ],
)
def test_the_error_quotes_the_uri_escaped(text: str, shown: str) -> None:
    with pytest.raises(InvalidURI) as caught:
        parse_uri(text)
    assert str(caught.value).startswith(f"{shown} isn't a valid URI: ")
    assert caught.value.uri == shown
    assert isinstance(caught.value, ValueError)


def test_uri_of_a_wrong_type_raises_type_error() -> None:
    with pytest.raises(TypeError, match="uri must be str, not bytes"):
        parse_uri(b"ws://h/")  # type: ignore[arg-type]


@given(st.text(max_size=20), st.sampled_from(["ws://h/{}", "ws://h?{}", "ws://{}/", "ws://{}@h/", "{}"]))
def test_any_text_gives_a_well_formed_request_or_an_error(text: str, form: str) -> None:
    """And what is taken for a URI makes a request of one line and its headers."""
    try:
        uri = parse_uri(form.format(text))
        data = open_request(uri, KEY).serialize()
    except ValueError:
        return
    line, *fields = data.decode("ascii").split("\r\n")
    method, path, version = line.split(" ")
    assert (method, path, version) == ("GET", uri.path, "HTTP/1.1")
    assert path.startswith("/")
    assert len(fields) == (7 if uri.user is None else 8)
    assert "\n" not in data.decode().replace("\r\n", "")


def test_repr_of_a_uri_hides_the_password() -> None:
    uri = parse_uri("ws://ann:secret@example.com/")
    assert uri.password == "secret"
    assert "secret" not in repr(uri)
    assert "'ann'" in repr(uri)
    assert "password=None" in repr(parse_uri("ws://example.com/"))

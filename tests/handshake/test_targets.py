"""Host and request targets, as RFC 9112 requires them; the reader refuses all others."""

from __future__ import annotations

from typing import Any

import exchanges
import pytest
from exchanges import changed, read_response, write
from support.feeding import cuttings

from wsframe.handshake import Refused, Request, RequestReader, accept


def refusal(data: bytes) -> tuple[int, str]:
    found = set()
    for pieces in cuttings(data):
        reader = RequestReader()
        with pytest.raises(Refused) as caught:
            list(map(reader.feed, pieces))
        assert read_response(caught.value.response)[0] == caught.value.status
        found.add((caught.value.status, caught.value.reason))
    (one,) = found
    return one


def read(data: bytes) -> Request:
    request = RequestReader().feed(data)
    assert request is not None
    return request


HOSTS = [
    "example.com",
    "example.com:80",
    "example.com:",
    "localhost",
    "my_service.local.",
    "127.0.0.1:8000",
    "[::1]",
    "[2001:db8::1]:8443",
    "[::ffff:1.2.3.4]",
    "[v1.fe80]",
    "xn--bcher-kva.example",
    "a%20b",
    "a,b;c=d",
    "  padded \t",
    "h:65535",
]

INVALID_HOSTS = [
    "",
    " ",
    "a b",
    "a@b",
    "a@b/c?d",
    "u:p@h",
    "a/b",
    "a?b",
    "a#b",
    "a\\b",
    "http://a",
    "a:b",
    "a:80:80",
    "a:-1",
    "a:65536",
    "a:000080",
    ":80",
    "::1",
    "[::1",
    "[]",
    "[zz]",
    "[fe80::1%25eth0]",
    "[fe80::1%eth0]",
    "[::1]x",
    "a%zz",
    "a%2",
    "ä",
    '"a"',
    "a\tb",
    "<a>",
]


@pytest.mark.parametrize("host", HOSTS)
def test_valid_hosts_are_accepted(host: str) -> None:
    assert read(write(changed(Host=host))).headers["host"] == host.strip(" \t")
    assert accept("GET", "1.1", changed(Host=host))


@pytest.mark.parametrize("host", INVALID_HOSTS)
def test_invalid_hosts_are_refused_with_400(host: str) -> None:
    expected = (400, f"Host must be a host and perhaps a port, not {host.strip(' ')!a}")
    assert refusal(write(changed(Host=host))) == expected
    with pytest.raises(Refused) as caught:
        accept("GET", "1.1", changed(Host=host))
    assert (caught.value.status, caught.value.reason) == expected


def test_http_1_1_requires_exactly_one_host_header() -> None:
    """RFC 9112, 3.2; of HTTP/1.0 none is."""
    assert refusal(write(changed(Host=None))) == (400, "no Host header")
    assert refusal(write(changed(Host=["a", "a"]))) == (400, "more than one Host header")
    assert refusal(write(changed(Host=["a", "a"]), "GET / HTTP/1.0")) == (400, "more than one Host header")
    assert refusal(write(changed(Host="a b"), "GET / HTTP/1.0"))[0] == 400
    assert read(write(changed(Host=None), "GET / HTTP/1.0")).http_version == "1.0"


TARGETS = ["/", "//", "/a/b;c=d?e=f&g=/?", "/?", "/%7Ea%2Fb", '/"<>\\^`{|}', "/a:b@c", "//evil/", "/*"]


@pytest.mark.parametrize("target", TARGETS)
def test_valid_request_targets_are_accepted(target: str) -> None:
    assert read(write(exchanges.BROWSER, f"GET {target} HTTP/1.1")).path == target


INVALID_TARGETS: list[Any] = [
    "*",
    "http://evil/",
    "http://server.example.com/chat",
    "ws://evil/",
    "HTTPS://evil:443/",
    "evil:80",
    "a",
    "?a",
    "#a",
    "/a#b",
    "/#",
    "/a?b#c",
    "/a b",
    "/ ",
    "/\ta",
    "/\x00",
    "/\x1b[2J",
    "/\x7f",
    "/ä",
    "/\x9b",
    "",
]


@pytest.mark.parametrize("target", INVALID_TARGETS)
def test_invalid_request_targets_are_refused_with_400(target: str) -> None:
    """Absolute URIs are for proxies: a server of WebSockets is sent a path (RFC 6455, 4.1)."""
    status, reason = refusal(write(exchanges.BROWSER, f"GET {target} HTTP/1.1"))
    assert status == 400
    assert reason.startswith(("request target must be a path and perhaps a query, not ", "malformed http"))
    assert reason.isprintable()


@pytest.mark.parametrize("line", ["GET  / HTTP/1.1", "GET / HTTP/1.1 ", "GET /  HTTP/1.1", "GET\t/ HTTP/1.1"])
def test_request_line_must_have_exactly_two_spaces(line: str) -> None:
    """RFC 9112, 3: others might read another target."""
    status, reason = refusal(write(exchanges.BROWSER, line))
    assert status == 400
    assert reason.startswith("malformed http request: ")


@pytest.mark.parametrize("line", ["OPTIONS * HTTP/1.1", "CONNECT a:80 HTTP/1.1", "OPTIONS / HTTP/1.1"])
def test_options_and_connect_allow_other_request_targets(line: str) -> None:
    request = read(write(exchanges.BROWSER, line))
    with pytest.raises(Refused, match="method must be GET") as caught:
        accept(request.method, request.http_version, request.headers.raw)
    assert caught.value.status == 405


@pytest.mark.parametrize("line", ["GET * HTTP/1.1", "POST * HTTP/1.1", "OPTIONS a HTTP/1.1"])
def test_request_target_of_another_method_is_refused_with_400(line: str) -> None:
    assert refusal(write(exchanges.BROWSER, line))[0] == 400

"""Forwarded and X-Forwarded-*: who the client behind trusted proxies is."""

from __future__ import annotations

import ipaddress
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from wsframe._http.forwarded import Client, TrustedProxies
from wsframe.asyncio import InvalidStatus, connect, serve, unix_connect, unix_serve
from wsframe.handshake import Headers, Refused

PEER = ("127.0.0.1", 5000)
TRUSTED = TrustedProxies(["127.0.0.1", "10.0.0.0/8", "2001:db8::/32", "unix"])

FOR, PROTO, HOST = "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"


def client(*headers, peer=PEER, header="X-Forwarded-For", trusted=TRUSTED):
    return trusted.client(peer, Headers(headers), header)


def test_peers_that_are_not_trusted_are_not_asked():
    for peer in (("192.0.2.1", 1), ("::1", 1, 0, 0), None, ("", 1)):
        assert client((FOR, "1.2.3.4"), (PROTO, "https"), (HOST, "evil"), peer=peer) == Client(peer)
        assert client(("Forwarded", "for=1.2.3.4"), peer=peer, header="Forwarded") == Client(peer)
    assert client((FOR, "1.2.3.4"), peer="", trusted=TrustedProxies(["127.0.0.1"])) == Client("")


def test_only_the_named_header_counts():
    both = (FOR, "1.1.1.1"), ("Forwarded", "for=2.2.2.2")
    assert client(*both).address == ("1.1.1.1", 0)
    assert client(*both, header="Forwarded").address == ("2.2.2.2", 0)
    assert client(("Forwarded", "for=2.2.2.2")) == Client(PEER)
    assert client((FOR, "2.2.2.2"), (HOST, "evil"), header="Forwarded") == Client(PEER)


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("192.0.2.1", ("192.0.2.1", 0)),
        ("192.0.2.1:80", ("192.0.2.1", 80)),
        ("1.1.1.1, 192.0.2.1", ("192.0.2.1", 0)),  # what is left of it may come from anybody
        ("<script>, 192.0.2.1", ("192.0.2.1", 0)),
        ("192.0.2.1, 10.1.2.3", ("192.0.2.1", 0)),
        ("evil, 192.0.2.1,10.1.2.3 , 10.0.0.1", ("192.0.2.1", 0)),
        ("10.1.2.3, 10.0.0.1", ("10.1.2.3", 0)),  # all are trusted: the first one is the client
        ("2001:db9::1", ("2001:db9::1", 0, 0, 0)),
        ("[2001:db9::1]", ("2001:db9::1", 0, 0, 0)),
        ("[2001:DB9:0::1]:443, 2001:db8::2", ("2001:db9::1", 443, 0, 0)),
        ("::ffff:192.0.2.1", ("192.0.2.1", 0)),
        ("192.0.2.1, ::ffff:10.0.0.1", ("192.0.2.1", 0)),
        ("unknown", ("unknown", 0)),
        ("192.0.2.1, _hidden", ("_hidden", 0)),
        (", ,", PEER),
        ("", PEER),
    ],
)
def test_x_forwarded_for_is_walked_from_the_right(value, address):
    assert client((FOR, value)).address == address


def test_lines_are_one_list():
    assert client((FOR, "1.1.1.1"), (FOR, "192.0.2.1"), (FOR, "10.0.0.1")).address == ("192.0.2.1", 0)


MALFORMED = [
    *("evil", "1.2.3", "1.2.3.4:", "1.2.3.4:99999", "1.2.3.4:x", "[::1", "::1]", "[1.2.3.4]", "fe80::1%eth0"),
    *(
        "localhost",
        "1.2.3.256",
        "01.2.3.4",
        ":80",
        '"1.2.3.4',
        "_",
        "unknown:123456",
        "1.2.3.4 5.6.7.8",
        "\xb2.1.1.1",
    ),
]


@pytest.mark.parametrize("value", MALFORMED)
def test_header_field_of_a_trusted_proxy_must_be_well_formed(value):
    with pytest.raises(Refused, match="malformed X-Forwarded-For header") as refused:
        client((FOR, f"1.1.1.1, {value}"))
    assert refused.value.status == 400
    assert client((FOR, f"{value}, 192.0.2.1")).address == ("192.0.2.1", 0)


@pytest.mark.parametrize(
    ("forwarded_for", "value", "scheme"),
    [
        ("192.0.2.1", "https", "wss"),
        ("192.0.2.1", "HTTP", "ws"),
        ("192.0.2.1", "wss", "wss"),
        ("", "ws", "ws"),
        ("1.1.1.1, 192.0.2.1", "https, http", "ws"),  # the client has sent the first one
        ("192.0.2.1, 10.0.0.1", "https, http", "wss"),  # each proxy adds one
        ("192.0.2.1, 10.0.0.1", "https", "wss"),  # or passes it on
        ("192.0.2.1, 10.0.0.1", "evil, https, http", "wss"),
        ("192.0.2.1", "", None),
    ],
)
def test_scheme_is_that_of_the_same_proxy(forwarded_for, value, scheme):
    assert client((FOR, forwarded_for), (PROTO, value)).scheme == scheme


@pytest.mark.parametrize("host", ["example.com", "example.com:8443", "[2001:db8::1]:80"])
def test_host_is_that_of_the_trusted_proxy(host):
    assert client((FOR, "192.0.2.1"), (HOST, host)).host == host
    assert client((FOR, "192.0.2.1"), (HOST, f"evil, {host}")).host == host


@pytest.mark.parametrize(
    "header", [(PROTO, "gopher"), (PROTO, "http s"), (HOST, "a b"), (HOST, "a/b"), (HOST, "\xe9")]
)
def test_malformed_scheme_and_host_are_refused(header):
    with pytest.raises(Refused, match=f"malformed {header[0]} header"):
        client((FOR, "192.0.2.1"), header)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("for=192.0.2.1;proto=https;host=example.com", Client(("192.0.2.1", 0), "wss", "example.com")),
        ('For="[2001:db9::1]:4711"', Client(("2001:db9::1", 4711, 0, 0))),
        ('for="192.0.2.1:_port"', Client(("192.0.2.1", 0))),
        ("for=192.0.2.1, for=10.0.0.1;proto=http", Client(("192.0.2.1", 0))),
        ("for=evil;proto=gopher, for=192.0.2.1", Client(("192.0.2.1", 0))),
        ("by=10.0.0.1;proto=https", Client(("unknown", 0), "wss")),
        ("for=unknown", Client(("unknown", 0))),
        ("for=_gazonk", Client(("_gazonk", 0))),
        (' ,; for="1\\92.0.2.1" ; by=_a ;, ', Client(("192.0.2.1", 0))),
        ('for=192.0.2.1;by="a, for=6.6.6.6"', Client(("192.0.2.1", 0))),
        ("", Client(PEER)),
    ],
)
def test_forwarded(value, expected):
    assert client(("Forwarded", value), header="Forwarded") == expected


@pytest.mark.parametrize(
    "value",
    [
        "evil",
        "for",
        "for=",
        'for="192.0.2.1',
        "for=1.1.1.1;for=2.2.2.2",
        "for = 1.1.1.1",
        "for=1.1.1.1 x",
        "=;",
        "for=a\xe9",
    ]
    + [f'for="{one}"' for one in MALFORMED if '"' not in one],
)
def test_malformed_forwarded_is_refused(value):
    with pytest.raises(Refused, match="malformed Forwarded header"):
        client(("Forwarded", value), header="Forwarded")


@pytest.mark.parametrize(
    "added", ["for=192.0.2.1", 'for="192.0.2.1:80";proto=http', 'for="[2001:db9::1]";by="_a"']
)
@pytest.mark.parametrize(
    "prefix", ['for="6.6.6.6', 'for="6.6.6.6\\', 'a="', 'for=6.6.6.6;x="', "for=6.6.6.6;", '"']
)
def test_a_client_cannot_swallow_what_a_proxy_adds(prefix, added):
    """RFC 7239, 8.1: an open quote must not reach into the next element."""
    for lines in ([f"{prefix}, {added}"], [prefix, added]):
        try:
            found = client(*(("Forwarded", line) for line in lines), header="Forwarded")
        except Refused:
            continue
        assert found.address[0] in ("192.0.2.1", "2001:db9::1")


text = st.text(st.sampled_from('for=1.2:[]";,\\_ pto\thsuxnkw%\x80'), max_size=40)


@given(st.lists(text, max_size=3), st.sampled_from(["X-Forwarded-For", "Forwarded"]), text, text)
def test_nothing_but_refused_is_raised(lines, header, proto, host):
    headers = [*((header, line) for line in lines), (PROTO, proto), (HOST, host)]
    with suppress(Refused):
        assert client(*headers, header=header).scheme in (None, "ws", "wss")


@given(text)
def test_addresses_that_a_client_sends_have_no_effect(spoofed):
    """The proxy adds the true address behind it."""
    assert client((FOR, f"{spoofed}, 192.0.2.1")).address == ("192.0.2.1", 0)


@pytest.mark.parametrize("wrong", ["127.0.0.1", b"::1", 5, [5], [b"::1"]])
def test_trusted_proxies_of_a_wrong_type(wrong):
    with pytest.raises(TypeError):
        serve(print, trusted_proxies=wrong)


@pytest.mark.parametrize("wrong", [["localhost"], ["10.0.0.1/8"], [""], ["127.0.0.1:80"], ["*"]])
def test_trusted_proxies_must_be_addresses(wrong):
    with pytest.raises(ValueError, match="trusted_proxies"):
        serve(print, trusted_proxies=wrong)


def test_objects_of_ipaddress_are_fine():
    trusted = TrustedProxies([ipaddress.ip_address("127.0.0.1"), ipaddress.ip_network("::1/128")])
    assert trusted.trusts(("::ffff:127.0.0.1", 1, 0, 0))
    assert trusted.trusts(("::1", 1, 0, 0))
    assert not trusted.trusts("")


def test_other_options_are_checked():
    with pytest.raises(ValueError, match="forwarded_header must be"):
        serve(print, forwarded_header="X-Real-IP")
    with pytest.raises(TypeError, match="proxy_protocol must be bool"):
        serve(print, proxy_protocol=2)


async def describe(ws):
    await ws.send(f"{ws.scheme} {ws.host} {ws.remote_address!r}")


async def described(server, headers, scheme="ws", **options):
    uri = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with connect(uri, proxy=None, additional_headers=headers, **options) as ws:
        return str(await ws.recv()).replace(str(ws.local_address[1]), "PORT").replace(uri[6:-1], "HERE")


async def test_server():
    headers = [(FOR, "192.0.2.1"), (PROTO, "https"), (HOST, "example.com")]
    async with serve(describe, "127.0.0.1", 0, trusted_proxies=["127.0.0.1"]) as server:
        assert await described(server, headers) == "wss example.com ('192.0.2.1', 0)"
        assert (await described(server, [])).endswith("('127.0.0.1', PORT)")
        with pytest.raises(InvalidStatus, match="HTTP 400") as refused:
            await described(server, [(FOR, "nobody")])
        assert b"malformed X-Forwarded-For header: 'nobody'" in refused.value.response.body
    async with serve(describe, "127.0.0.1", 0, trusted_proxies=["10.0.0.0/8"]) as server:
        assert (await described(server, headers)).endswith("('127.0.0.1', PORT)")
    async with serve(describe, "127.0.0.1", 0) as server:
        assert (await described(server, headers)).endswith("('127.0.0.1', PORT)")
    options = {"trusted_proxies": ["127.0.0.0/8"], "forwarded_header": "Forwarded"}
    async with serve(describe, "127.0.0.1", 0, **options) as server:
        assert await described(server, [("Forwarded", "for=192.0.2.1;host=a")]) == "ws a ('192.0.2.1', 0)"


async def test_process_request_sees_the_client():
    seen = []

    def check(ws, request):
        seen.append((ws.remote_address, ws.scheme, ws.host))

    options = {"trusted_proxies": ["127.0.0.1"], "process_request": check}
    async with serve(describe, "127.0.0.1", 0, **options) as server:
        await described(server, [(FOR, "192.0.2.1"), (PROTO, "https"), (HOST, "a")])
    assert seen == [(("192.0.2.1", 0), "wss", "a")]


async def test_scheme_of_a_direct_connection(contexts):
    serving, trusting = contexts
    async with serve(describe, "127.0.0.1", 0, ssl=serving) as server:
        assert (await described(server, [], "wss", ssl=trusting)) == "wss HERE ('127.0.0.1', PORT)"


@pytest.mark.skipif(sys.platform == "win32", reason="no Unix sockets")
async def test_unix_socket():
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "s")
    try:
        for trusted, expected in (
            (["unix"], "ws example.com ('192.0.2.1', 0)"),
            (["127.0.0.1"], "ws localhost ''"),
        ):
            async with (
                unix_serve(describe, path, trusted_proxies=trusted),
                unix_connect(path, additional_headers=[(FOR, "192.0.2.1"), (HOST, "example.com")]) as ws,
            ):
                assert await ws.recv() == expected
            Path(path).unlink(missing_ok=True)
    finally:
        os.rmdir(folder)

"""Valid and invalid requests and responses are accepted or refused as websockets does."""

from __future__ import annotations

from typing import Any

import exchanges
import pytest
from exchanges import ACCEPT, KEY
from hypothesis import given, strategies as st
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)
from websockets.server import ServerProtocol
from websockets.uri import parse_uri as websockets_uri

from wsframe.deflate import ClientPolicy, ServerPolicy
from wsframe.handshake import (
    Accepted,
    Agreed,
    InvalidHandshake,
    Refused,
    RequestReader,
    ResponseReader,
    accept,
    check_response,
    parse_uri,
)

# Earlier ones read no request that is not a GET, and leave user information encoded.
pytest.importorskip("websockets", minversion="17")


def values(right: str, *others: str) -> st.SearchStrategy[list[str]]:
    """One header field, most often right; sometimes another value, none, or several."""
    one = st.sampled_from([right, *others])
    return st.just([right]) | st.just([right]) | one.map(lambda value: [value]) | st.lists(one, max_size=2)


EXTENSIONS = [
    "permessage-deflate",
    "permessage-deflate; client_max_window_bits",
    "permessage-deflate; client_max_window_bits=10; server_max_window_bits=9",
    "permessage-deflate; server_max_window_bits=8",
    "permessage-deflate; server_max_window_bits=16, permessage-deflate",
    "permessage-deflate; server_no_context_takeover, x-other; a=b",
    "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
    'permessage-deflate; client_max_window_bits="12"',
    "x-other",
    "permessage-deflate; ;",
    "a b",
]

# Empty values, several protocols in Upgrade, and a missing Host are judged differently.
REQUEST = {
    "Connection": values("Upgrade", "keep-alive, upgrade", "UPGRADE ,", "close", "notupgrade"),
    "Upgrade": values("websocket", "WebSocket", "h2c", "websockets"),
    "Sec-WebSocket-Key": values(KEY, KEY[:-1], "A" * 24, "AAAA", KEY[:-3] + "-==", ""),
    "Sec-WebSocket-Version": values("13", "8", "13, 8", ""),
    "Origin": values("http://a", "http://b", "null"),
    "Sec-WebSocket-Protocol": values("a", "b", "b, a", "c", "a b"),
    "Sec-WebSocket-Extensions": st.lists(st.sampled_from(EXTENSIONS), max_size=2),
}

requests = st.fixed_dictionaries(REQUEST)  # type: ignore[arg-type]
lines = st.sampled_from(["GET / HTTP/1.1"] * 8 + ["POST / HTTP/1.1", "GET / HTTP/1.0"])


@given(fields=requests, line=lines, data=st.data())
def test_requests_are_judged_as_by_websockets(fields: dict[str, list[str]], line: str, data: Any) -> None:
    pairs = [("Host", "h"), *((name, value) for name, found in fields.items() for value in found)]
    raw = exchanges.write(data.draw(st.permutations(pairs)), line)
    theirs = ServerProtocol(
        subprotocols=["a", "b"],
        origins=["http://a", None],
        extensions=[ServerPerMessageDeflateFactory(server_max_window_bits=12, client_max_window_bits=12)],
    )
    theirs.receive_data(raw)
    (request,) = theirs.events_received()
    response = theirs.accept(request)
    read = RequestReader().feed(raw)
    assert read is not None
    try:
        ours: Accepted | None = accept(
            read.method,
            read.http_version,
            read.headers.raw,
            subprotocols=["a", "b"],
            origins=["http://a", None],
            compression=ServerPolicy(),
        )
    except Refused as exc:
        ours, reason = None, exc.reason
    if ours is None:
        assert response.status_code != 101, reason
        return
    upgrades = fields["Upgrade"]
    if response.status_code != 101 and len(upgrades) > 1:
        return
    assert response.status_code == 101, response.body
    assert ours.subprotocol == theirs.subprotocol
    assert ours.origin == theirs.origin
    parsed = ResponseReader().feed(ours.response)
    assert parsed is not None
    for name in ("Sec-WebSocket-Accept", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"):
        assert parsed.headers.get(name) == response.headers.get(name)


RESPONSE = {
    "Connection": values("Upgrade", "keep-alive, upgrade", "UPGRADE ,", "close", "notupgrade"),
    "Upgrade": values("websocket", "WebSocket", "h2c", "websockets", "websocket, h2c"),
    "Sec-WebSocket-Accept": values(ACCEPT, ACCEPT.lower(), ACCEPT[:-1], ""),
    "Sec-WebSocket-Protocol": st.lists(st.sampled_from(["a", "b", "c"]), max_size=2),
    "Sec-WebSocket-Extensions": st.lists(st.sampled_from(EXTENSIONS), max_size=2),
}


@given(
    fields=st.fixed_dictionaries(RESPONSE),  # type: ignore[arg-type]
    status=st.sampled_from(["101 Switching Protocols"] * 8 + ["200 OK", "302 Found", "403 Forbidden"]),
)
def test_responses_are_judged_as_by_websockets(fields: dict[str, list[str]], status: str) -> None:
    pairs = [("Content-Length", "0"), *((name, value) for name, found in fields.items() for value in found)]
    raw = exchanges.write(pairs, f"HTTP/1.1 {status}")
    theirs = ClientProtocol(
        websockets_uri("ws://h/"),
        subprotocols=["a", "b"],
        extensions=[ClientPerMessageDeflateFactory()],
    )
    theirs.key = KEY
    theirs.send_request(theirs.connect())
    theirs.receive_data(raw)
    response = ResponseReader().feed(raw)
    assert response is not None
    try:
        ours: Agreed | None = check_response(
            response, KEY, subprotocols=["a", "b"], compression=ClientPolicy()
        )
    except InvalidHandshake as exc:
        ours, reason = None, exc.reason
    if ours is None:
        assert theirs.handshake_exc is not None, reason
        return
    assert theirs.handshake_exc is None
    assert ours.subprotocol == theirs.subprotocol
    assert (ours.deflate is not None) is bool(theirs.extensions)


HOSTS = st.sampled_from(["h", "EXAMPLE.com", "127.0.0.1", "[::1]", "[2001:db8::2]", "bücher.example"])
PATHS = st.text("ab/=~é?", max_size=8).map("/".__add__)  # websockets drops a ";" that ends a path


@given(
    scheme=st.sampled_from(["ws", "wss", "WS"]),
    user=st.sampled_from(["", "user:pass@", "us%40er:p%2Fss@"]),
    host=HOSTS,
    port=st.sampled_from(["", ":80", ":443", ":8000"]),
    path=PATHS | st.just(""),
)
def test_uris_are_parsed_as_by_websockets(scheme: str, user: str, host: str, port: str, path: str) -> None:
    text = f"{scheme}://{user}{host}{port}{path}"
    ours, theirs = parse_uri(text), websockets_uri(text)
    assert (ours.secure, ours.host, ours.port) == (theirs.secure, theirs.host, theirs.port)
    assert ours.path.rstrip("?") == theirs.resource_name.rstrip("?")
    assert (ours.user, ours.password) == (theirs.username, theirs.password)

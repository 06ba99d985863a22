"""A proxy that is not told to pass Upgrade and Connection on: the refusal says which line it lacks."""

from __future__ import annotations

import copy
import pickle

import exchanges
import pytest

from wsframe.handshake import Refused, accept

UPGRADE = "proxy_set_header Upgrade $http_upgrade;"
CONNECTION = 'proxy_set_header Connection "upgrade";'
VERSION = "proxy_http_version 1.1;"


def refusal(version="1.1", **changes):
    headers = {name: value for name, value in exchanges.BROWSER if name not in changes}
    headers |= {name: value for name, value in changes.items() if value is not None}
    with pytest.raises(Refused) as refused:
        accept("GET", version, list(headers.items()))
    return refused.value


@pytest.mark.parametrize(
    ("version", "changes", "reason", "lines"),
    [
        ("1.1", {"Upgrade": None}, "no Upgrade header", [UPGRADE]),
        ("1.1", {"Connection": None}, "no Connection header", [CONNECTION]),
        ("1.1", {"Connection": "close"}, "Connection must contain Upgrade, not 'close'", [CONNECTION]),
        (
            "1.1",
            {"Connection": "keep-alive"},
            "Connection must contain Upgrade, not 'keep-alive'",
            [CONNECTION],
        ),
        ("1.0", {}, "http version must be 1.1, not '1.0'", [VERSION, UPGRADE, CONNECTION]),
    ],
)
def test_refusal_names_the_line_that_a_proxy_lacks(version, changes, reason, lines):
    refused = refusal(version, **changes)
    assert (refused.status, refused.reason.partition(", although")[0]) == (400, reason)
    assert [line for line in (VERSION, UPGRADE, CONNECTION) if line in refused.body] == lines
    for other in (copy.copy(refused), pickle.loads(pickle.dumps(refused))):
        assert type(other) is type(refused)
        assert other.body == refused.body


@pytest.mark.parametrize("changes", [{"Upgrade": None}, {"Connection": "close"}])
def test_request_that_wants_no_websocket_gets_no_advice(changes):
    assert "proxy" not in refusal(**{"Sec-WebSocket-Key": None}, **changes).body
    assert "proxy" not in refusal("1.0", **{"Sec-WebSocket-Key": None}).body

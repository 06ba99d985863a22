"""A program for websockets.sync finds the names it uses."""

from __future__ import annotations

import inspect

import pytest

import wsframe.asyncio
import wsframe.sync
from wsframe.sync import client, connection, server

websockets = pytest.importorskip("websockets", minversion="17.0")

# What websockets.sync has and we have not, and why.
ABSENT = {
    "extensions": "compression takes a policy",
    "kwargs": "options",
    "legacy": "a switch between old and new behaviour of theirs",
    # Of connections: parts that are not documented.
    "acknowledge_pings": "inside",
    "close_exc": "inside",
    "maybe_raise_legacy_warning": "inside",
    "set_connection_exc": "inside",
    "debug": "inside",
    "keepalive": "inside",
    "process_event": "inside",
    "recv_bufsize": "inside",
    "recv_events": "inside",
    "send_context": "inside",
    "send_data": "inside",
    "set_recv_exc": "inside",
    "start_keepalive": "inside",
    "terminate_pending_pings": "inside",
    "handshake": "inside",
    "SHUTDOWN_POLLING_INTERVAL": "inside",
}


def parameters(function) -> set[str]:
    return set(inspect.signature(function).parameters) - set(ABSENT)


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("server.serve", server.serve),
        ("server.unix_serve", server.unix_serve),
        ("server.basic_auth", server.basic_auth),
        ("server.Server.shutdown", server.Server.shutdown),
        ("server.ServerConnection.respond", server.ServerConnection.respond),
        ("client.connect", client.connect),
        ("client.unix_connect", client.unix_connect),
        ("connection.Connection.recv", connection.Connection.recv),
        ("connection.Connection.recv_streaming", connection.Connection.recv_streaming),
        ("connection.Connection.send", connection.Connection.send),
        ("connection.Connection.ping", connection.Connection.ping),
        ("connection.Connection.pong", connection.Connection.pong),
        ("connection.Connection.close", connection.Connection.close),
    ],
)
def test_functions_have_the_arguments_of_websockets(name, ours):
    import websockets.sync.client
    import websockets.sync.server

    theirs = websockets.sync
    for part in name.split("."):
        theirs = getattr(theirs, part)
    assert parameters(theirs) <= set(inspect.signature(ours).parameters)


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("ClientConnection", client.ClientConnection),
        ("ServerConnection", server.ServerConnection),
        ("Server", server.Server),
    ],
)
def test_classes_have_the_methods_of_websockets(name, ours):
    import websockets.sync.client
    import websockets.sync.server

    module = websockets.sync.client if name == "ClientConnection" else websockets.sync.server
    theirs = {one for one in dir(getattr(module, name)) if not one.startswith("_")}
    assert theirs - set(ABSENT) <= {*dir(ours), "subprotocol"}  # an attribute of the object


EXCEPTIONS = {
    *(
        "ConcurrencyError",
        "ConnectionClosed",
        "ConnectionClosedError",
        "ConnectionClosedOK",
        "InvalidHandshake",
    ),
    *("InvalidHeader", "InvalidHeaderValue", "InvalidMessage", "InvalidProxy", "InvalidProxyMessage"),
    *("InvalidProxyStatus", "InvalidStatus", "InvalidURI", "InvalidUpgrade", "NegotiationError"),
    *("PayloadTooBig", "ProtocolError", "ProxyError", "SecurityError", "WebSocketException"),
}


def test_exceptions_are_those_of_asyncio():
    names = {"Close", "CloseCode", "Headers", "MultipleValuesError", "Opcode", "Request", "Response", "State"}
    for name in EXCEPTIONS | names:
        assert getattr(wsframe.sync, name) is getattr(wsframe.asyncio, name)
        assert name in wsframe.sync.__all__

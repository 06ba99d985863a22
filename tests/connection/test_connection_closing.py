"""The closing handshake, and what comes after it (RFC 6455, 5.5.1 and 7)."""

from __future__ import annotations

import pytest
from support.sansio_pairs import flush, pair

from wsframe import Close, CloseCode
from wsframe.connection import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK, State, close_body


def test_client_can_start_the_closing_handshake():
    server, client = pair()
    assert server.receive(client.close(1000, "bye")) == [Close(1000, "bye")]
    assert (server.state, server.ends_tcp) == (State.CLOSING, True)
    assert (client.state, client.ends_tcp) == (State.CLOSING, False)
    assert flush(server, client) == [Close(1000, "bye")]
    assert not client.ends_tcp  # the server does (7.1.1)
    for side in server, client:
        side.receive_eof()
        assert (side.close_code, side.close_reason) == (1000, "bye")
        assert isinstance(side.closed_error(), ConnectionClosedOK)


def test_server_can_start_the_closing_handshake():
    server, client = pair()
    client.receive(server.close(4000, "app"))
    assert not server.ends_tcp
    flush(client, server)
    assert server.ends_tcp and not client.ends_tcp
    server.receive_eof()
    assert server.close_code == 4000
    assert type(server.closed_error()) is ConnectionClosedError


def test_simultaneous_closes_need_no_further_close_frame():
    server, client = pair()
    from_server, from_client = server.close(1000), client.close(1001)
    server.receive(from_client)
    client.receive(from_server)
    assert server.outgoing == client.outgoing == []
    assert server.ends_tcp
    assert (server.received, client.received) == (Close(1001), Close(1000))


def test_messages_before_the_close_of_the_peer_are_delivered():
    server, client = pair()
    late = client.send("late")
    client.receive(server.close())
    assert server.receive(late) == ["late"]
    assert flush(client, server) == [Close(1000)]


def test_empty_close_is_echoed_as_an_empty_close():
    server, client = pair()
    server.receive(client.close(1005))
    assert server.outgoing == [b"\x88\x00"]
    client.receive(server.outgoing[0])
    client.receive_eof()
    assert client.close_code == CloseCode.NO_STATUS_RCVD


def test_end_of_stream_without_close_is_1006():
    server, _ = pair()
    assert server.close_code is None
    server.receive_eof()
    assert (server.state, server.close_code, server.close_reason) == (State.CLOSED, 1006, "")


@pytest.mark.parametrize(
    "call", [lambda c: c.send("x"), lambda c: c.ping(), lambda c: c.pong(), lambda c: c.close()]
)
def test_nothing_is_sent_after_close(call):
    server, client = pair()
    server.close()
    with pytest.raises(ConnectionClosed, match="sent 1000"):
        call(server)
    client.receive_eof()
    with pytest.raises(ConnectionClosed, match="no close frame"):
        call(client)


def test_violation_after_our_close_sends_no_second_close():
    server, _ = pair()
    server.close()
    server.receive(b"\x81\x01x")
    server.fail()
    assert server.outgoing == [] and server.error is not None and server.ends_tcp


def test_data_after_close_is_discarded():
    server, client = pair()
    data = client.send("late")
    assert server.receive(client.close() + data) == [Close(1000)]
    assert server.receive(data) == []


@pytest.mark.parametrize("code", [0, 999, 1004, 1006, 1015, 2999, 5000])
def test_close_codes_that_must_not_be_sent_raise_value_error(code):
    with pytest.raises(ValueError, match=str(code)):
        close_body(code, "")


def test_close_reason_over_123_bytes_raises_value_error():
    assert len(close_body(1000, "é" * 61 + "x")) == 125
    with pytest.raises(ValueError, match="123 bytes"):
        close_body(1000, "é" * 62)
    with pytest.raises(ValueError, match="needs a close code"):
        close_body(1005, "why")


def test_refused_close_leaves_the_connection_open():
    server, _ = pair()
    with pytest.raises(ValueError, match="1006"):
        server.close(1006)
    assert server.state is State.OPEN and server.outgoing == []

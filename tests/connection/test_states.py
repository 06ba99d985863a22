"""The states of a connection, and what depends on them."""

from __future__ import annotations

import pytest

from wsframe import Role
from wsframe.connection import TRANSITIONS, SansIOConnection, State, Step
from wsframe.deflate import Deflate


def opened() -> SansIOConnection:
    return SansIOConnection(Role.SERVER)


def closing() -> SansIOConnection:
    connection = opened()
    connection.close()
    return connection


def closed() -> SansIOConnection:
    connection = opened()
    connection.receive_eof()
    return connection


MAKERS = {State.OPEN: opened, State.CLOSING: closing, State.CLOSED: closed}
STEPS = {Step.CLOSE_SENT: SansIOConnection.close, Step.STREAM_ENDED: SansIOConnection.receive_eof}


@pytest.mark.parametrize(("state", "step"), TRANSITIONS, ids=str)
def test_each_step_leads_to_the_state_of_the_table(state: State, step: Step) -> None:
    connection = MAKERS[state]()
    assert connection.state is state
    STEPS[step](connection)
    assert connection.state is TRANSITIONS[state, step]


def test_each_change_of_encodes_directly_is_reported() -> None:
    connection = opened()
    changes: list[bool] = []
    connection.on_encodes_directly = changes.append
    assert connection.encodes_directly
    connection.send_fragment("a", final=False)
    connection.send_fragment("b", final=False)
    connection.send_fragment("c", final=True)
    connection.close()
    connection.receive_eof()
    assert changes == [False, True, False]
    assert not connection.encodes_directly


def test_compressed_messages_are_never_encoded_directly() -> None:
    connection = SansIOConnection(Role.SERVER, deflate=Deflate(Role.SERVER))
    connection.on_encodes_directly = pytest.fail
    connection.send_fragment("a", final=True)
    assert not connection.encodes_directly


def test_an_ended_connection_drops_its_callback() -> None:
    """So that it and its owner are no longer a reference cycle."""
    connection = opened()
    connection.on_encodes_directly = lambda _: None
    connection.receive_eof()
    assert connection.on_encodes_directly is None

"""Sending a member of a topic what it has missed, from the history of the engine."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from ..connection import Broadcast, ConnectionClosed, State
from ._engine import Engine, History, Position

if TYPE_CHECKING:
    from ._endpoint import Endpoint
    from ._topic import Topic
    from .topics import Topics

# Newer messages that wait for a member; if there are more, the history is read again.
MAX_RECOVERING = 1000


class Subscribed(NamedTuple):
    """The result of `Topics.subscribe`.

    Attributes:
        recovered: whether all that was published after `since` is sent.
        position: of the last message before those that the connection gets from now on; None without a
            history.
    """

    recovered: bool
    position: Position | None


async def recover(
    topics: Topics, engine: Engine, topic: Topic, ws: Endpoint, since: Position | None
) -> Subscribed:
    """Send a member of a topic the messages after a position, then all newer ones as they arrive.

    Raises:
        EngineUnavailable: the history cannot be read.  The caller removes the member, unless it stays because
            of another call: then it gets all messages that have arrived.
    """
    newer: deque[tuple[Position, Broadcast]] = deque(maxlen=MAX_RECOVERING)
    topic.start_recovering(ws, newer)
    recovered = True
    try:
        while True:
            session, (position, missed) = await _read_history(engine, topic.name, since)
            if topic.recovering.get(ws) is not newer:  # it has ended, left, or subscribed again
                return Subscribed(False, position)
            if missed is None:
                recovered = False
            elif not await _replay(topics, topic, ws, missed, newer):
                return Subscribed(False, position)
            lost = engine.session != session  # and messages with it, while a peer has read its history
            if len(newer) < MAX_RECOVERING and not lost:
                break
            if not recovered:
                position = Position(newer[0][0].epoch, newer[0][0].offset - 1)
                break
            newer.clear()  # some are lost: read them from the history
            since = position
    except BaseException:
        if topic.recovering.get(ws) is newer and topics._stays(ws, topic.name):
            _give_up(topics, topic, ws, newer)
        raise
    topic.end_recovering(ws, position)
    for at, message in newer:
        if topic.is_newer(ws, at):
            topics._send_to(topic, ws, message)
    return Subscribed(recovered, position)


def _give_up(topics: Topics, topic: Topic, ws: Endpoint, newer: deque[tuple[Position, Broadcast]]) -> None:
    """Make a member of a topic that gets only what arrives, from the messages that wait for it on."""
    del topic.recovering[ws]
    topic.members.add(ws)
    if len(newer) == MAX_RECOVERING:  # older ones may have been dropped
        topics._tell_gap([(ws, topic.name)])
    for _, message in newer:
        topics._send_to(topic, ws, message)


async def _read_history(engine: Engine, topic: str, since: Position | None) -> tuple[int, History]:
    """Read it in a session that is subscribed to the topic, so that what follows is received.

    Returns:
        The session, and the history.
    """
    while True:
        await engine.subscribed(topic)
        session = engine.session
        history = await engine.history(topic, since)
        if engine.session == session:
            return session, history


async def _replay(
    topics: Topics,
    topic: Topic,
    ws: Endpoint,
    missed: list[tuple[Position, bytes]],
    newer: deque[tuple[Position, Broadcast]],
) -> bool:
    """Send messages as fast as the peer reads; return False if the member has left meanwhile."""
    for at, payload in missed:
        message = topics._encode(topic.name, payload, at)
        if message is None:
            continue
        if ws.congested:
            try:
                await ws.drain()
            except ConnectionClosed:
                return False
            if topic.recovering.get(ws) is not newer:
                return False
        if ws.state is State.OPEN:
            topics._write(ws, message)
        while newer and newer[0][0].epoch == at.epoch and newer[0][0].offset <= at.offset:
            newer.popleft()  # it is in the history, too
    return True

"""Writing the messages of topics to connections, and what happens to those whose peer does not read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from .._backend import write_to_all
from .._options import check_unsent
from .._spec import CloseCode
from ..connection import Broadcast, State
from ._counters import Counters
from ._topic import Topic

if TYPE_CHECKING:
    from ._endpoint import Endpoint
    from .connection import Connection

# Unsent bytes over which a connection gets no more messages.
MAX_UNSENT = 2**18

SlowPeer = Literal["drop", "latest", "close"]


class Delivery:
    """Delivers messages to the members of topics, each at once: nothing is waited for.

    Args:
        slow_peer, max_unsent: see `Topics`.
    """

    def __init__(self, slow_peer: SlowPeer, max_unsent: int) -> None:
        if slow_peer not in ("drop", "latest", "close"):
            raise ValueError(f"slow_peer must be 'drop', 'latest' or 'close', not {slow_peer!r}")
        check_unsent(max_unsent)
        self.counters: Counters = Counters()
        self._slow_peer = slow_peer
        self._max_unsent = max_unsent

    def discard_all(self, ws: Connection) -> None:
        raise NotImplementedError

    def _deliver(self, topic: Topic, message: Broadcast) -> None:
        """Send a message to all members."""
        rest = write_to_all(topic.members, message.uncompressed)
        self.counters.delivered += len(topic.members) - len(rest)
        for ws in self._write_compressed(rest, message) if rest else ():
            self._send_to(topic, ws, message)
        if topic.asgi_members:
            for member in list(topic.asgi_members):
                member.queue_message(topic, message)

    def _write_compressed(self, members: list[Endpoint], message: Broadcast) -> list[Endpoint]:
        """Write a message to members that compress it and take it at once; return the others."""
        rest, is_open = [], State.OPEN  # looked up once: that is slow for an Enum
        deflate = settings = min_size = frame = None
        for ws in members:
            protocol = ws._protocol
            if (
                ws.congested
                or ws._pending_sends
                or ws._masked
                or protocol is None
                or protocol.fragmenting
                or protocol.state is not is_open
                or (deflate := protocol._deflate) is None
            ):
                rest.append(ws)
                continue
            if frame is None or deflate.settings is not settings or deflate.min_size != min_size:
                settings, min_size = deflate.settings, deflate.min_size
                frame = message.frame_by(deflate)
            if frame is not message.uncompressed:
                deflate.reset()
            ws._write_at_end(frame)
        self.counters.delivered += len(members) - len(rest)
        return rest

    def _send_to(self, topic: Topic, ws: Endpoint, message: Broadcast) -> None:
        if ws.state is State.OPEN and (not ws.congested or self._may_send(topic, ws, message)):
            self._write(ws, message)

    def _may_send(self, topic: Topic, ws: Endpoint, message: Broadcast) -> bool:
        """Tell whether to write a message to a congested connection; if not, apply `slow_peer`."""
        if self._slow_peer == "latest":
            if ws in topic.latest:
                self.counters.replaced += 1
            topic.keep_latest(ws, message)
            return False
        if ws._flushed_transport.get_write_buffer_size() <= self._max_unsent:
            return True
        self.counters.dropped += 1
        if self._slow_peer == "close":
            self.counters.closed += 1
            self.discard_all(cast("Connection", ws))
            ws._start_closing(CloseCode.TRY_AGAIN_LATER, "peer is too slow")
        return False

    def _write(self, ws: Endpoint, message: Broadcast) -> None:
        """Write a message to a connection that masks, or on which a `send` is pending."""
        ready = not ws._pending_sends or ws._write_pending_sends()
        frame = message.frame_for(ws.protocol) if ready else None
        if frame is not None:
            ws._write_at_end(frame)
            self.counters.delivered += 1
        elif ws.state is State.OPEN:  # between two fragments of a message
            self.counters.dropped += 1

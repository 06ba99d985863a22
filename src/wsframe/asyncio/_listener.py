"""Callbacks of a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .connection import Connection


class Listener:
    """Callbacks of a connection, called as soon as bytes arrive, in the thread of the loop.

    They must not block; start a task for longer work.  An exception is logged, and closes the connection
    with 1011.
    """

    def on_open(self, ws: Connection) -> None:
        """The opening handshake is done."""

    def on_message(self, ws: Connection, message: str | bytes) -> None:
        """A message arrived."""

    def on_fragment(self, ws: Connection, data: str | bytes, final: bool) -> None:
        """A part of a message arrived: a listener with this method gets all messages by it, and not by
        on_message, each part as soon as it has arrived.

        Args:
            ws: the connection.
            data: str of a text message, cut between characters, or bytes of a binary one.
            final: whether it ends the message.
        """

    def on_pong(self, ws: Connection, data: bytes) -> None:
        """A Pong arrived."""

    def on_drained(self, ws: Connection) -> None:
        """The peer has read enough for `ws.congested` to become false again."""

    def on_close(self, ws: Connection) -> None:
        """The connection is closed; see `ws.close_code` and `ws.close_reason`."""


def takes_fragments(listener: object) -> bool:
    """Tell whether a listener wants messages in parts."""
    return getattr(type(listener), "on_fragment", Listener.on_fragment) is not Listener.on_fragment

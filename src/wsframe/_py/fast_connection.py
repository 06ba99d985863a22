"""The fast paths of a connection of websockets.asyncio: in Python, all is left to the code of the host."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any


class ReadBuffer:
    """What the connections of a thread read into."""


class FastConnection:
    """Receives and sends the usual messages of a connection of websockets.asyncio.

    Args:
        connection: it is open.
        loop: of the connection.
        code: what is needed of the host, a tuple: the state of an open connection, the side of a server, two
            watches of what is bypassed to receive and to send (their `holds` gets the connection and its
            protocol), a function that makes frames (protocol, opcode, message), one that makes what the queue
            holds (message), and the names of the attributes of a protocol with its limits.
        read_buffer: shared by the connections of a thread.
        fd: of the socket, for a transport of asyncio's selector loops; -1 if it must not be read here.
    """

    def __init__(self, connection: Any, loop: Any, code: Any, read_buffer: ReadBuffer, fd: int) -> None:
        pass

    def take(self, data: bytes) -> bool:
        """Give the message of a read to the call of `recv` that waits for it.

        Returns:
            Whether it did; if not, nothing has happened.
        """
        return False

    def waiting(self) -> bool:
        """Tell whether a call of `recv` waits here."""
        return False

    def resume(self) -> None:
        """Run the task that waits: messages are queued.  It must be the last thing that a callback does."""

    def __await__(self) -> Generator[Any, None, Any]:
        return iter(())  # type: ignore[return-value]

    def read_socket(self, size: int) -> None:
        """Read the socket from now on, if this is useful after a read of so many bytes by the transport."""

    def release_socket(self) -> None:
        """Let the transport read the socket again, for good."""

    def send(self, message: Any) -> bool | None:
        """Write a message.

        Returns:
            None if nothing has happened; else whether nothing is left to do, like to wait or to raise.

        Raises:
            Exception: the message cannot be encoded.
        """
        return None

"""Two connections without I/O, one for each side."""

from __future__ import annotations

from wsframe import Role
from wsframe.connection import SansIOConnection
from wsframe.deflate import Deflate
from wsframe.deflate.codec import DEFAULT_PARAMETERS


def pair(**options):
    return SansIOConnection(Role.SERVER, **options), SansIOConnection(Role.CLIENT, **options)


def flush(sender: SansIOConnection, receiver: SansIOConnection) -> list:
    """Carry what one side queued to the other."""
    data = b"".join(sender.outgoing)
    sender.outgoing.clear()
    return receiver.receive(data)


def deflated_pair(parameters=DEFAULT_PARAMETERS, min_size=0):
    return (
        SansIOConnection(Role.SERVER, deflate=Deflate(Role.SERVER, parameters, min_size=min_size)),
        SansIOConnection(Role.CLIENT, deflate=Deflate(Role.CLIENT, parameters, min_size=min_size)),
    )

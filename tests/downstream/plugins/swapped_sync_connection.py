"""A connection of wsframe.sync where the tests of websockets make one of theirs, with a protocol object."""

from wsframe import Role
from wsframe.connection import SansIOConnection
from wsframe.sync import connection
from wsframe.sync._socket import Socket


def Connection(sock, protocol, **options):
    """Stand on the socket of a connection that is open; the keep-alive is not started."""
    made = connection.Connection(Socket(sock), ping_interval=None, **options)
    made._open(SansIOConnection(Role[protocol.side.name]), b"")
    return made

"""A server and a client of ours, both ends of a connection at hand."""

from __future__ import annotations

import asyncio

from wsframe.asyncio import connect, serve


def local(handler, **options):
    return serve(handler, "127.0.0.1", 0, **options)


def address(server):
    return f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


class Pair:
    """Both ends of a connection: `ours` belongs to a server, `theirs` to a client."""

    def __init__(self, **options):
        self._options = {"ping_interval": None, **options}
        self._accepted = asyncio.get_running_loop().create_future()

    async def _handler(self, ws):
        self._accepted.set_result(ws)
        await ws.wait_closed()

    async def __aenter__(self):
        self._server = await local(self._handler, **self._options)
        self.theirs = await connect(address(self._server), **self._options)
        self.ours = await self._accepted
        return self

    async def __aexit__(self, *exc):
        self.ours.transport.abort()
        self.theirs.transport.abort()
        self._server.close()
        await self._server.wait_closed()

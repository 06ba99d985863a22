"""What a system lacks is an error that says so: Windows has no Unix sockets in Python, and no signals."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket

import pytest
from both_ends import local

import wsframe.asyncio
import wsframe.sync


async def nothing(ws):
    pass


async def test_without_unix_sockets(monkeypatch, tmp_path, loop_name):
    if loop_name != "asyncio":
        pytest.skip("uvloop needs them itself")
    path = str(tmp_path / "socket")
    if hasattr(socket, "AF_UNIX"):
        monkeypatch.delattr(socket, "AF_UNIX")
    with pytest.raises(NotImplementedError, match="no Unix sockets"):
        await wsframe.asyncio.unix_serve(nothing, path)
    with pytest.raises(NotImplementedError, match="no Unix sockets"):
        await wsframe.asyncio.unix_connect(path)
    with pytest.raises(NotImplementedError, match="no Unix sockets"):
        wsframe.sync.unix_serve(nothing, path)
    with pytest.raises(NotImplementedError, match="no Unix sockets"):
        wsframe.sync.unix_connect(path)


async def test_loop_without_signals():
    async with local(nothing) as server:

        class Loop:
            """As those of Windows."""

            def __getattr__(self, name):
                return getattr(asyncio.get_running_loop(), name)

            def add_signal_handler(self, *_):
                raise NotImplementedError

        server._loop = Loop()
        with pytest.raises(NotImplementedError, match="no signals"):
            await server.serve_forever(signals=[signal.SIGTERM])
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(server.serve_forever(), 0.01)

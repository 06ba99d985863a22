"""A connection of hypercorn in this process, of any version."""

from __future__ import annotations

import asyncio
from typing import Any

from wsframe.accelerate.hosts._shared.proof import made


def connection(app: Any, config: Any, reader: Any, writer: Any) -> Any:
    """Make what serves one connection for an ASGI application."""
    from hypercorn.app_wrappers import ASGIWrapper
    from hypercorn.asyncio.tcp_server import TCPServer
    from hypercorn.asyncio.worker_context import WorkerContext

    return made(
        TCPServer,
        app=ASGIWrapper(app),
        loop=asyncio.get_running_loop(),
        config=config,
        context=made(WorkerContext, max_requests=None),  # since 0.16
        state={},  # since 0.17
        reader=reader,
        writer=writer,
    )

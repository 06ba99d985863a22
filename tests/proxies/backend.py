"""A server behind a proxy: `backend.py PORT PATH`. Keep-alive is on with TCP, off on the Unix socket PATH.

It echoes, and first sends what it knows of the client, as JSON. SIGTERM ends it, with 1012 for its clients.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys

from wsframe.asyncio import Response, ServerConnection, serve, unix_serve

PING_INTERVAL = 0.2


def health(ws: ServerConnection, request: object) -> Response | None:
    return Response(200, body="well\n") if ws.request.path == "/health" else None


async def echo(ws: ServerConnection) -> None:
    known = {
        "path": ws.request.path,
        "client": ws.remote_address[0],
        "scheme": ws.scheme,
        "host": ws.host,
        "extensions": ws.response.headers.get("Sec-WebSocket-Extensions", ""),
    }
    await ws.send(json.dumps(known))
    async for message in ws:
        await ws.send(message)


async def main(port: int, path: str) -> None:
    options = {
        "process_request": health,
        "max_size": 2**25,
        "trusted_proxies": ["127.0.0.1", "unix"],
        "close_timeout": 5,
    }
    async with (
        serve(echo, "127.0.0.1", port, ping_interval=PING_INTERVAL, **options) as server,
        unix_serve(echo, path, ping_interval=None, **options) as local,
    ):
        os.chmod(path, 0o777)
        print("ready", flush=True)
        await server.serve_forever(signals=[signal.SIGTERM], code=1012)
        local.close(code=1012)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))

"""Clients for the fuzzing server: `clients.py websockets|websocket-client URL` runs every case it has."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "echoes"))

from tally import MAX_MESSAGE, accelerated

AGENT = "host"


async def with_websockets(url: str) -> None:
    from websockets.asyncio.client import connect
    from websockets.exceptions import ConnectionClosed

    options = {"max_size": MAX_MESSAGE, "ping_interval": None, "proxy": None}
    async with connect(f"{url}/getCaseCount", **options) as ws:
        count = int(await ws.recv())
    for case in range(1, count + 1):
        async with connect(f"{url}/runCase?case={case}&agent={AGENT}", **options) as ws:
            with contextlib.suppress(ConnectionClosed):
                async for message in ws:
                    await ws.send(message)
        async with connect(f"{url}/getCaseStatus?case={case}&agent={AGENT}", **options) as ws:
            await ws.recv()  # once the suite knows
    async with connect(f"{url}/updateReports?agent={AGENT}", **options) as ws:
        await ws.wait_closed()


def with_websocket_client(url: str) -> None:
    from websocket import create_connection
    from with_websocket_client import echo

    ws = create_connection(f"{url}/getCaseCount")
    count = int(ws.recv())
    ws.close()
    for case in range(1, count + 1):
        echo(create_connection(f"{url}/runCase?case={case}&agent={AGENT}"))
        ws = create_connection(f"{url}/getCaseStatus?case={case}&agent={AGENT}")
        ws.recv()  # once the suite knows
        ws.close()
    echo(create_connection(f"{url}/updateReports?agent={AGENT}"))


if __name__ == "__main__":
    library, url = sys.argv[1:]
    if library == "websockets":
        asyncio.run(with_websockets(url))
    else:
        with_websocket_client(url)
    print("accelerated:", *accelerated())

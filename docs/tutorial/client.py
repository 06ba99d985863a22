"""A client that stays: `python client.py URI TOKEN GREETING`."""

import asyncio
import sys

from wsframe.asyncio import ConnectionClosed, connect


async def main(uri: str, token: str, greeting: str) -> None:
    async for ws in connect(uri, additional_headers={"Cookie": f"token={token}"}):
        try:
            await ws.send(greeting)
            while True:
                print(await ws.recv(), flush=True)
        except ConnectionClosed as closed:
            print("connection lost:", closed.code, flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

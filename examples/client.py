"""A client that connects again when the connection breaks: `python examples/client.py ws://127.0.0.1:8765`.

It prints what arrives; words after the URI are sent each time it connects.
"""

import asyncio
import contextlib
import sys

from wsframe.asyncio import ConnectionClosed, connect


async def follow(uri: str, *greetings: str) -> None:
    """Print messages for ever; a server that closes with 1000 ends it."""
    async for ws in connect(uri):
        try:
            for greeting in greetings:
                await ws.send(greeting)
            while True:
                print(await ws.recv(), flush=True)
        except ConnectionClosed as closed:
            print(f"closed: {closed}", file=sys.stderr)
            if closed.code == 1000:
                return


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(follow(*sys.argv[1:]))

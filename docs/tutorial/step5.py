"""Step 5: a new process takes over, and no client is refused."""

import asyncio
import signal
import sys

from step4 import ORIGINS, check, handler

from wsframe.asyncio import serve


async def main(port: int = 8765) -> None:
    # reuse_port: the new process listens before the old one stops.
    async with serve(
        handler,
        "127.0.0.1",
        port,
        process_request=check,
        origins=ORIGINS,
        reuse_port=True,
    ) as server:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        # At SIGTERM: 1012 asks clients to connect again, within 5 seconds.
        await server.serve_forever(signals=[signal.SIGTERM], code=1012, spread=5.0)


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))

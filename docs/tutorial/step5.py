"""Step 5: a new process takes over without a lost message."""

import asyncio
import signal
import sys

from step4 import check, handler

from wsframe.asyncio import serve


async def main(port: int = 8765) -> None:
    # reuse_port: the new process listens before the old one stops.
    async with serve(
        handler,
        "127.0.0.1",
        port,
        process_request=check,
        reuse_port=True,
    ) as server:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await stop.wait()
        server.close(code=1012, reason="restart")  # 1012: connect again


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))

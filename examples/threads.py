"""One event loop for each core, in one process: `python examples/threads.py 8001`.

On free-threaded CPython (3.14t) the threads run in parallel; with the GIL they share one core.  The system
gives each connection to one of the loops, which share the port (Linux).
"""

import asyncio
import os
import signal
import sys
import threading

from wsframe.asyncio import Connection, serve


async def echo(ws: Connection) -> None:
    """Send back what arrives, on the loop of the thread that has accepted the connection."""
    async for message in ws:
        await ws.send(message)


class Loop(threading.Thread):
    """A thread with an event loop and a server.

    Attributes:
        port: where it listens, once `started`.
    """

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port
        self.listening = threading.Event()

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with serve(echo, "127.0.0.1", self.port, reuse_port=True) as server:
            self._server = server
            self.port = server.sockets[0].getsockname()[1]
            self.listening.set()
            await server.serve_forever()

    def close(self) -> None:
        """Close the server from another thread."""
        self._loop.call_soon_threadsafe(lambda: self._server.close(code=1012, spread=1.0))


def main(port: int, count: int) -> None:
    loops: list[Loop] = []
    for _ in range(count):
        loop = Loop(port)
        loop.start()
        loop.listening.wait()
        port = loop.port
        loops.append(loop)
    print(f"ws://127.0.0.1:{port}, {count} loops", flush=True)
    signal.sigwait([signal.SIGINT, signal.SIGTERM])
    for loop in loops:
        loop.close()
    for loop in loops:
        loop.join()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])  # in all threads: see sigwait
    cores = os.cpu_count() or 1
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else cores)

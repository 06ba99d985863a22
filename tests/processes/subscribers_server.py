"""A server whose connections join three topics: `python subscribers_server.py COUNT`.

It prints its port, then, when COUNT connections have joined, the bytes of each, and publishes a message.
"""

import asyncio
import gc
import os
import resource
import sys
from pathlib import Path

from wsframe.asyncio import Topics, serve


def memory():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def main(count):
    topics, joined, all_joined = Topics(), 0, asyncio.Event()

    async def handler(ws):
        nonlocal joined
        for name in ("all", f"room {joined % 100}", f"user {joined}"):
            topics.add(ws, name)
        joined += 1
        if joined == count:
            all_joined.set()
        await ws.wait_closed()

    async with serve(handler, "127.0.0.1", 0, backlog=count, compression=None) as server:
        gc.collect()
        before = memory()
        print(server.sockets[0].getsockname()[1], flush=True)
        await all_joined.wait()
        gc.collect()
        print((memory() - before) // count, flush=True)
        topics.publish("all", "hello")
        assert topics.counters.delivered == count
        await server.serve_forever()


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(main(int(sys.argv[1])))

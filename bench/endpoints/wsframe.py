"""wsframe.asyncio: listeners, and the connection as an iterator."""

import asyncio

from bench.endpoints import HOST, Span
from bench.endpoints.iterating import PLAIN, Jobs
from wsframe.asyncio import Listener, broadcast, connect, serve


class Echo(Listener):
    def on_message(self, ws, message):
        ws.send_nowait(message)


async def echo(size):
    return await serve(Echo, HOST, 0, **PLAIN)


async def receive(port, messages):
    done = asyncio.get_running_loop().create_future()

    class Counter(Listener):
        left = messages

        def on_message(self, ws, message):
            if self.left == messages:
                self.span = Span.begin()
            self.left -= 1
            if not self.left:
                done.set_result(self.span.end())

    ws = await connect(f"ws://{HOST}:{port}/", listener=Counter, **PLAIN)
    span = await done
    await ws.close()
    return span


JOBS = Jobs(serve, connect, broadcast)
echo_by_iteration = JOBS.echo_by_iteration
idle = JOBS.idle
waiting = JOBS.waiting
broadcasting = JOBS.broadcasting
receive_by_iteration = JOBS.receive_by_iteration

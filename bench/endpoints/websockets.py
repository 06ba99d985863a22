"""websockets.asyncio."""

from websockets.asyncio.client import connect
from websockets.asyncio.server import broadcast, serve

from bench.endpoints.iterating import Jobs

JOBS = Jobs(serve, connect, broadcast, proxy=None)
echo_by_iteration = JOBS.echo_by_iteration
idle = JOBS.idle
waiting = JOBS.waiting
broadcasting = JOBS.broadcasting
receive_by_iteration = JOBS.receive_by_iteration

"""websockets.sync."""

from websockets.sync.client import connect
from websockets.sync.server import serve

from bench.endpoints.threads import Jobs

JOBS = Jobs(serve, connect)
echo_by_iteration = JOBS.echo_by_iteration
round_trips = JOBS.round_trips

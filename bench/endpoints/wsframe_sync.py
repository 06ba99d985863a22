"""wsframe.sync."""

from bench.endpoints.threads import Jobs
from wsframe.sync import connect, serve

JOBS = Jobs(serve, connect)
echo_by_iteration = JOBS.echo_by_iteration
round_trips = JOBS.round_trips

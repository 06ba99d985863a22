"""picows.websockets, the interface of websockets over picows."""

from picows.websockets import broadcast, connect, serve

from bench.endpoints.iterating import Jobs

JOBS = Jobs(serve, connect, broadcast, proxy=None)
echo_by_iteration = JOBS.echo_by_iteration
idle = JOBS.idle
waiting = JOBS.waiting
broadcasting = JOBS.broadcasting
receive_by_iteration = JOBS.receive_by_iteration

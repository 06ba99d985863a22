"""Measure one way, in microseconds: `python -m bench.fanout.one NAME CONNECTIONS MESSAGES`."""

import asyncio
import sys

from bench.endpoints import raise_limit
from bench.fanout import over_redis, ways


def main(name: str, connections: str, messages: str) -> None:
    raise_limit()
    way = {**ways.WAYS, **over_redis.WAYS}[name]
    print(asyncio.run(way(int(connections), int(messages))))


if __name__ == "__main__":
    main(*sys.argv[1:])

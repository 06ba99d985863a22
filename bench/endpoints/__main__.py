"""A server or a client of one peer as a program."""

from __future__ import annotations

import argparse
import asyncio
import inspect
import json
import logging
from dataclasses import asdict
from importlib import import_module

from bench.endpoints import Span, raise_limit


async def run(job, arguments):
    made = await job(*arguments)
    if isinstance(made, Span):
        print(json.dumps(asdict(made)))
    else:
        print("listening on port", made.sockets[0].getsockname()[1], flush=True)
        await asyncio.Event().wait()


def run_threads(job, arguments):
    made = job(*arguments)
    if isinstance(made, Span):
        print(json.dumps(asdict(made)))
    else:
        print("listening on port", made.socket.getsockname()[1], flush=True)
        made.serve_forever()


def main():
    parser = argparse.ArgumentParser(prog="python -m bench.endpoints")
    parser.add_argument("peer")
    parser.add_argument("job")
    parser.add_argument("arguments", nargs="*", type=int)
    parser.add_argument("--uvloop", action="store_true")
    options = parser.parse_args()
    logging.disable()
    raise_limit()
    job = getattr(import_module(f"bench.endpoints.{options.peer}"), options.job)
    if not inspect.iscoroutinefunction(job):
        run_threads(job, options.arguments)
        return
    runner = import_module("uvloop" if options.uvloop else "asyncio")
    runner.run(run(job, options.arguments))


if __name__ == "__main__":
    main()

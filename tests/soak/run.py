"""Soak the libraries, accelerated and as they are: all that a peer may do, many times, for a long time.

    python tests/soak/run.py                                100 connections to each for ten minutes, both ways
    python tests/soak/run.py --seconds 60 tornado aiohttp
    python tests/soak/run.py --way accelerated

All are soaked at once, at a rate that leaves them idle most of the time.  At the end every message came back
as it was sent, in order, but for those whose connection the load itself reset; the echo opened and closed as
many connections as the load made; its memory did not grow (see watch.py) and no file descriptor is left; and
there is no traceback in its log.  Exit status: 0 when all is well, 1 when something is not.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "echoes"))

from echoes import ECHOES
from soak import Soaked, soak

LOGS = Path("build", "soak")
WAYS = {"accelerated": True, "as it is": False}


def main() -> int:
    options = command_line()
    names = options.echo or list(ECHOES)
    good = True
    for way in options.way or WAYS:
        found = asyncio.run(soak_all(names, WAYS[way], options))
        good &= report(way, found)
    return 0 if good else 1


def command_line() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("echo", nargs="*", help=f"{', '.join(ECHOES)}; all when left out")
    parser.add_argument("--way", action="append", choices=WAYS, help="both by default")
    parser.add_argument("--seconds", type=float, default=600, help="the time of each way (600)")
    parser.add_argument("--connections", type=int, default=100, help="to each at a time (100)")
    parser.add_argument("--rate", type=float, default=400, help="messages to each in a second (400)")
    parser.add_argument("--logs", type=Path, default=LOGS, metavar="DIR", help=f"of the echoes ({LOGS})")
    options = parser.parse_args()
    for name in options.echo:
        if name not in ECHOES:
            parser.error(f"no echo {name}, only {', '.join(ECHOES)}")
    return options


async def soak_all(names: list[str], accelerated: bool, options: argparse.Namespace) -> list[Soaked]:
    options.logs.mkdir(parents=True, exist_ok=True)
    load = {name: getattr(options, name) for name in ("connections", "rate", "seconds")}
    return await asyncio.gather(
        *(soak(ECHOES[name], options.logs, accelerated=accelerated, **load) for name in names)
    )


HEAD = "visits", "in order", "messages", "given up", "at rest", "MiB", "at work", "MiB", "files", "", "lost"


def report(way: str, soaked: list[Soaked]) -> bool:
    """Print a table; return whether all is well."""
    print(row(way, HEAD))
    for one in soaked:
        counts = [one.counts[name] for name in ("connections", "order", "echoed", "given up")]
        memory = [f"{held / 2**20:.1f}" for held in (*one.at_rest, *one.at_work)]
        print(row(one.name, (*counts, *memory, *one.descriptors, one.lost)), "wrong" if one.wrong else "ok")
    for one in soaked:
        for text in one.wrong:
            print(f"{one.name}: {text}")
    sys.stdout.flush()
    return not any(one.wrong for one in soaked)


def row(name: str, cells: Iterable[object]) -> str:
    return f"{name:<18}" + "".join(f"{cell:>10}" for cell in cells)


if __name__ == "__main__":
    sys.exit(main())

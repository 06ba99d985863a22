"""The options of `wsframe connect` and `wsframe bench`; what they do is imported when one of them runs."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from .opening import add_options, seconds


def add_commands(commands: Any) -> None:
    """Declare both."""
    connect = commands.add_parser(
        "connect",
        help="talk to a WebSocket server by hand, or from a pipe",
        description="Sends each line of the input as a text message, and prints what arrives. /help lists "
        "the commands of a terminal: /ping, /close, /hex. The end of the input closes the connection, in a "
        "pipe after the replies have come. Exit status 1: it could not be opened, or was closed with "
        "another code than 1000 or 1001.",
    )
    add_options(connect)
    connect.add_argument("--json", action="store_true", help="print an object for each event, one a line")
    connect.add_argument(
        "--wait",
        type=seconds,
        default=0.5,
        metavar="SECONDS",
        help="in a pipe, at the end of the input: until no message has come for so long (0.5); inf: until "
        "the server closes",
    )
    connect.add_argument(
        "--max-size", type=_from_0, default=2**26, metavar="BYTES", help="of a message (64 MiB)"
    )
    connect.set_defaults(command=_connect)

    load = commands.add_parser(
        "bench",
        help="put a load on a server that echoes, and print rates and latencies",
        description="The server replies to each message with one. Exit status 1: a reply is missing.",
    )
    add_options(load)
    load.add_argument("-c", "--connections", type=positive, default=8, metavar="N", help="(8)")
    load.add_argument("-d", "--depth", type=positive, default=1, metavar="N", help="in flight on each (1)")
    sent = load.add_mutually_exclusive_group()
    sent.add_argument("--size", type=_from_0, default=32, metavar="BYTES", help="of a message (32)")
    sent.add_argument("--messages", type=Path, metavar="FILE", help="send its lines in turn")
    sent.add_argument(
        "--documents",
        type=positive,
        metavar="BYTES",
        help="send JSON documents of about so many bytes that all differ: one message repeated flatters "
        "compression",
    )
    load.add_argument("--binary", action="store_true", help="send bytes, not text")
    load.add_argument("--seconds", type=duration, default=5.0, metavar="S", help="(5)")
    load.add_argument(
        "--rate",
        type=_rate,
        default=0.0,
        metavar="N",
        help="messages a second over all connections; no depth then (0: as many as the replies allow)",
    )
    load.add_argument("--json", action="store_true", help="print an object instead of the table")
    load.add_argument(
        "--output", type=Path, metavar="FILE", help="write that object to a file, for --compare"
    )
    load.add_argument("--compare", type=Path, metavar="FILE", help="an earlier run, to print beside this one")
    load.add_argument("--plot", type=Path, metavar="FILE", help="the latencies, as .svg or .png (matplotlib)")
    load.set_defaults(command=_bench)


def positive(text: str) -> int:
    """Take a number from 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _from_0(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("from 0 on")
    return number


def _rate(text: str) -> float:
    number = seconds(text)
    if number == math.inf:
        raise argparse.ArgumentTypeError("finite")
    return number


def duration(text: str) -> float:
    """Take a number of seconds in which something is done."""
    number = seconds(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError("more than 0, and finite")
    return number


def _connect(options: argparse.Namespace) -> int:
    from .connect import run

    return run(options)


def _bench(options: argparse.Namespace) -> int:
    from .bench import run

    return run(options)

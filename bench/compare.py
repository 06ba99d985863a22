"""A run of the benchmarks as the tables and the chart of the README."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from bench import peers
from bench.chart import draw
from bench.figures import duration, times
from bench.results import Results

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
CHART = "docs/bench.svg"

KIB, MIB = 2**10, 2**20
ROWS = {
    "decode 100 texts of 32 B": ("decode", "100 x 32 B"),
    "decode 1 MiB of ASCII": ("decode", "1 MiB ascii"),
    "decode 1 MiB of Cyrillic": ("decode", "1 MiB cyrillic"),
    "decode 1 MiB of CJK": ("decode", "1 MiB cjk"),
    "decode 1 MiB, mixed, with emoji": ("decode", "1 MiB mixed"),
    "mask 32 B": ("mask", 32),
    "mask 1 KiB": ("mask", KIB),
    "mask 16 KiB": ("mask", 16 * KIB),
    "mask 1 MiB": ("mask", MIB),
    "mask 32 B in place": ("mask_into", 32),
    "encode a text of 32 B": ("encode_text", "32 B"),
    "the same, masked": ("encode_text_masked", "32 B"),
    "encode 16 KiB, mixed": ("encode_text", "16 KiB mixed"),
    "compute the accept key": ("accept_key", "24 B"),
}
PEERS = ["aiohttp", "websockets", "wsproto", "picows", "tornado", "autobahn", "wsaccel"]
CHARTED = ["aiohttp", "picows", "websockets", "wsproto", "tornado"]

CALLS = """\
How many times as long as wsframe each takes for the same work; the second column is the time of wsframe.
"""
SERVERS = """
Whole servers, plain and under `wsframe run`: the CPU time a server spends on a message, in the system's
kernel too, and how many messages it carries; then a client, and its round trips.
"""
CONDITIONS = """
`make bench`, {date}: {machine}. Both sides in one run, in turn, on one core. A call: the least of
25 rounds. A server: the median of 5 runs on a core of its own, 8 connections, so many messages in
flight on each; the load gets {raw} messages a second out of a server that answers constants. The
client: one round trip at a time, on one core with its server, without wsaccel. Texts: words in random order.
"""


def write(found: Results, root: Path) -> None:
    """Put the figures where readers find them."""
    readme = root / "README.md"
    before, begin, rest = readme.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{readme} has no {BEGIN} and {END}")
    section = "\n".join(markdown(found))
    readme.write_text(f"{before}{BEGIN}\n{section}\n{END}{after}")
    rows = {row: dict(ratios(found, work, case, CHARTED)) for row, (work, case) in ROWS.items()}
    draw(rows, f"{found.machine}, {found.date}", root / CHART)


def markdown(found: Results) -> Iterator[str]:
    yield CALLS
    versions = (f"{name} {peers.version(name)}" for name in PEERS)
    yield from grid(["", "wsframe", *versions, "pure twin"], (call_row(found, row) for row in ROWS))
    yield SERVERS
    head = ["echo of 32 B", "CPU, plain", "with wsframe", "gain", "messages, plain", "with wsframe"]
    rows = ((work, case) for work in ("echo", "client") for case in found.cases(work))
    yield from grid(head, (host_row(found, *row) for row in rows))
    yield f"\n![how many times as long as wsframe each library takes]({CHART})"
    raw = " and ".join(f"{1 / found.median('load', depth, 'raw'):,.0f}" for depth in found.cases("load"))
    yield CONDITIONS.format(date=found.date, machine=found.machine, raw=raw)
    yield "\n".join(f"{name}: {note}." for name in PEERS if (note := peers.note(name)))


def grid(head: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|---{'|--:' * (len(head) - 1)}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def call_row(found: Results, row: str) -> list[str]:
    work, case = ROWS[row]
    theirs = dict(ratios(found, work, case, [*PEERS, "wsframe_pure"]))
    cells = (times(theirs[name]) if name in theirs else "" for name in [*PEERS, "wsframe_pure"])
    return [row, duration(found.seconds(work, case)), *cells]


def ratios(found: Results, work: str, case: object, names: list[str]) -> Iterator[tuple[str, float]]:
    able = found.peers(work, case)
    return ((name, found.ratio(work, case, name)) for name in names if name in able)


def host_row(found: Results, work: str, case: str) -> list[str]:
    plain, ours = (found.cpu(work, case, peer) for peer in ("plain", "wsframe"))
    rates = (1 / found.median(work, case, peer) for peer in ("plain", "wsframe"))
    return [case, duration(plain), duration(ours), times(plain / ours), *(f"{rate:,.0f}/s" for rate in rates)]

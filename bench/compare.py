"""A run of the benchmarks as the tables and the charts of the site."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from bench import peers
from bench.chart import draw, draw_servers
from bench.figures import duration, times
from bench.results import Results

MARK = "bench"
PAGE = "docs/explanation/performance.md"
CHART = "docs/bench.svg"
SERVERS_CHART = "docs/before-after.svg"

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

SHOWN = ["uvicorn", "uvicorn on uvloop", "hypercorn", "websockets", "tornado", "autobahn", "aiohttp"]
DEPTHS = {"depth 1": "one message in flight", "depth 64": "64 messages in flight"}

CALLS = """
## The codec

wsframe's time, and the time of each other library as a multiple of it.
"""
SERVERS = """
## Servers and clients under `wsframe run`

CPU time that a server spends on one message, system calls included, and messages per second. The last two
rows are round trips of a client. Depth is the number of messages in flight on each of 8 connections.
"""
CONDITIONS = """
## How this was measured

`make bench`, {date}: {machine}.

- Both sides run in turn, in one run, on one core.
- A call: the shortest of 25 rounds. A server: the median of 5 runs on its own core, with 8 connections.
- The load generator gets {raw} messages per second (depth 1 and 64) out of a server
  that sends constants, so it is not the limit.
- A client: one round trip at a time, on one core with its server, without wsaccel.
- Texts are words in random order.
"""


def write(found: Results, root: Path) -> None:
    """Put the figures where readers find them."""
    replace(root / PAGE, "\n".join(markdown(found)), MARK)
    rows = {row: dict(ratios(found, work, case, CHARTED)) for row, (work, case) in ROWS.items()}
    title = f"{found.machine}, {found.date}"
    draw(rows, title, root / CHART)
    work = f"echo of 32 B, 8 connections; {title}"
    draw_servers(gains(found), work, root / SERVERS_CHART, ("without wsframe", "under wsframe run"))


def replace(document: Path, section: str, mark: str) -> None:
    """Put a section between the two marks of a document, `<!-- MARK:begin -->` and `<!-- MARK:end -->`."""
    begin, end = (f"<!-- {mark}:{which} -->" for which in ("begin", "end"))
    text = document.read_text("utf-8")
    if not (begin in text and end in text):
        raise SystemExit(f"{document} has no {begin} and {end}")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    document.write_text(f"{before}{begin}\n{section}\n{end}{after}", "utf-8")


def gains(found: Results) -> dict[str, dict[str, tuple[float, float]]]:
    """For each depth, the CPU time of a message in each server, plain and with wsframe."""
    there = found.cases("echo")
    return {
        text: {
            name: tuple(found.cpu("echo", f"{name}, {depth}", peer) for peer in ("plain", "wsframe"))
            for name in SHOWN
            if f"{name}, {depth}" in there
        }
        for depth, text in DEPTHS.items()
    }


def markdown(found: Results) -> Iterator[str]:
    yield SERVERS
    head = ["echo of 32 B", "CPU, without", "with wsframe", "gain", "messages, without", "with wsframe"]
    rows = ((work, case) for work in ("echo", "client") for case in found.cases(work))
    yield from grid(head, (host_row(found, *row) for row in rows))
    yield CALLS
    versions = (f"{name} {peers.version(name)}" for name in PEERS)
    yield from grid(["", "wsframe", *versions, "pure twin"], (call_row(found, row) for row in ROWS))
    yield f"\n![time of each library, as a multiple of wsframe's](../{Path(CHART).name})\n"
    yield "\n".join(f"- {name}: {note}." for name in PEERS if (note := peers.note(name)))
    raw = " and ".join(f"{1 / found.median('load', depth, 'raw'):,.0f}" for depth in found.cases("load"))
    yield CONDITIONS.format(date=found.date, machine=found.machine, raw=raw)


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

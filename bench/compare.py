"""A run of the benchmarks as the table of the README and as a chart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench import machine, peers
from bench.results import Results

COMMAND = "make bench"
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
CHART = "docs/bench.svg"

KIB, MIB = 2**10, 2**20
ROWS = {
    "decode 100 messages of 32 B": ("decode", "100 x 32 B"),
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
    "compute the accept key": ("accept_key", "24 B"),
}
PEERS = ["aiohttp", "websockets", "wsproto", "picows", "tornado", "autobahn", "wsaccel"]
CHARTED = ["aiohttp", "picows", "websockets", "wsproto", "tornado"]


CALLS = """\
How many times as long as wsframe each takes for the same work; the second column is the time of wsframe.
"""
SERVERS = """
Whole servers, plain and under `wsframe run`: what a server computes for a message, the kernel's part
included, and how many messages it carries.
"""
CONDITIONS = """
`{command}`, {date}: {machine}. Both sides in one run, in turn, each on one core. A call: the least
of 25 rounds. A server: the median of 5 runs, 8 connections, so many messages in flight on each.
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
    draw(found, root / CHART)


def markdown(found: Results) -> Iterator[str]:
    yield CALLS
    yield from grid(
        ["", "wsframe", *(f"{name} {version(name)}" for name in PEERS), "pure twin"],
        (
            [row, duration(found.seconds(work, case)), *cells(found, work, case)]
            for row, (work, case) in ROWS.items()
        ),
    )
    yield SERVERS
    yield from grid(
        ["echo of 32 B", "plain", "with wsframe", "less by", "plain", "with wsframe"],
        (echo_row(found, case) for case in found.cases("echo")),
    )
    yield f"\n![how many times as long as wsframe each library takes]({CHART})"
    yield CONDITIONS.format(command=COMMAND, date=found.date, machine=machine.described())
    notes = ((name, getattr(peers.load(name), "NOTE", "")) for name in PEERS)
    yield "\n".join(f"{name}: {note}." for name, note in notes if note)


def grid(head: list[str], rows: Iterator[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|---{'|--:' * (len(head) - 1)}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def cells(found: Results, work: str, case: object) -> Iterator[str]:
    able = found.peers(work, case)
    for name in [*PEERS, "wsframe_pure"]:
        yield times(found.ratio(work, case, name)) if name in able else ""


def echo_row(found: Results, case: str) -> list[str]:
    plain, ours = (found.cpu("echo", case, peer) for peer in ("plain", "wsframe"))
    rates = (1 / found.median("echo", case, peer) for peer in ("plain", "wsframe"))
    return [case, duration(plain), duration(ours), times(plain / ours), *(f"{rate:,.0f}/s" for rate in rates)]


def version(name: str) -> str:
    return peers.version(peers.load(name))


def times(ratio: float) -> str:
    return f"{ratio:.0f}x" if ratio >= 10 else f"{ratio:.1f}x"


def duration(seconds: float) -> str:
    for unit, scale in (("ns", 1e9), ("us", 1e6)):
        if seconds * scale < 1000:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e3:.3g} ms"


def draw(found: Results, path: Path) -> None:
    """Bars on a logarithmic scale, wsframe at 1, a group for each work."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "wsframe", "svg.fonttype": "none", "font.size": 8})
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 10), layout="constrained")
    position, ticks = 0.0, {}
    colours = dict(zip(CHARTED, mpl.colormaps["tab10"].colors, strict=False))
    for row, (work, case) in ROWS.items():
        able = [name for name in CHARTED if name in found.peers(work, case)]
        ticks[row] = position + (len(able) - 1) / 2
        for name in able:
            ratio = found.ratio(work, case, name)
            axes.barh(position, ratio - 1, left=1, height=0.9, color=colours[name])
            axes.text(max(ratio, 1) * 1.04, position, f"{name} {times(ratio)}", va="center", fontsize=6)
            position += 1
        position += 0.8
    axes.axvline(1, color="black", linewidth=1)
    axes.set(xscale="log", xlim=(0.8, 1500), yticks=list(ticks.values()), yticklabels=list(ticks))
    axes.set(xticks=[1, 10, 100, 1000], xticklabels=["as long as wsframe", "10 times", "100 times", "1000 times"])
    axes.set_title(machine.described(), fontsize=7, loc="left")
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)

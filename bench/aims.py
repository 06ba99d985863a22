"""What wsframe has set itself to reach, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from bench.results import Results

NOISE = 0.9  # how far "not slower" may fall short
MILLISECONDS = "ms"


class Reached(NamedTuple):
    figure: float
    where: str = ""


class Aim(NamedTuple):
    """A figure to reach: a ratio, how many times as long the other takes, or milliseconds at most."""

    work: str
    against: str
    bar: float
    measure: Callable[[Results], Reached]

    def met(self, figure: float) -> bool:
        return figure < self.bar if self.against == MILLISECONDS else figure >= self.bar


def ratio(work: str, case: object, peer: str, ours: str = "wsframe") -> Callable[[Results], Reached]:
    return lambda found: Reached(found.ratio(work, case, peer, ours))


def least(ratio_at: Callable[[Results, int], float], start: int = 0) -> Callable[[Results], Reached]:
    """The size at which a mask does least well."""

    def measure(found: Results) -> Reached:
        sizes = [size for size in found.cases("mask") if size >= start]
        if not sizes:
            raise LookupError("no mask was measured")
        figure, size = min((ratio_at(found, size), size) for size in sizes)
        return Reached(figure, f"at {size} B")

    return measure


def to_fastest(found: Results, size: int) -> float:
    others = set(found.peers("mask", size)) - {"wsframe", "wsframe_pure", "copy"}
    return min(found.ratio("mask", size, peer) for peer in others)


def to_copy(found: Results, size: int) -> float:
    return found.ratio("mask", size, "copy")


def pure_to_pure(found: Results, size: int) -> float:
    return found.ratio("mask", size, "websockets_pure", "wsframe_pure")


def echo(server: str, depth: int) -> Callable[[Results], Reached]:
    """How many times less a server computes for a message."""
    case = f"{server}, depth {depth}"
    return lambda found: Reached(found.cpu("echo", case, "plain") / found.cpu("echo", case, "wsframe"))


def client(size: str) -> Callable[[Results], Reached]:
    """How many times less a client computes for a round trip."""
    case = f"websocket-client, {size}"
    return lambda found: Reached(found.cpu("client", case, "plain") / found.cpu("client", case, "wsframe"))


def rival(depth: int) -> Callable[[Results], Reached]:
    """How many times as much picows.websockets computes as websockets with wsframe."""
    case = f"depth {depth}"
    return lambda found: Reached(
        found.cpu("rival", case, "picows.websockets") / found.cpu("rival", case, "wsframe")
    )


def import_cost(found: Results) -> Reached:
    with_it, without = (found.cpu("import", "import", peer) for peer in ("wsframe", "nothing"))
    return Reached((with_it - without) * 1000)


SMALL, KIB = "100 x 32 B", 2**10

# Servers under `wsframe run`, at depth 1 and 64.
ECHO = {
    "uvicorn": (1.9, 4),
    "uvicorn, websockets-sansio": (1.5, 5),
    "hypercorn": (1.6, 3),
    "websockets": (1.35, 5),
    "websockets on uvloop": (1.35, 5),
    "websockets in threads": (1.25, 1.4),
    "tornado": (1.25, 3),
    "autobahn": (1.8, 3),
    "aiohttp": (1, 4),
}

AIMS = [
    Aim("decode 100 x 32 B", "aiohttp", 5, ratio("decode", SMALL, "aiohttp")),
    Aim("decode 100 x 32 B", "websockets", 35, ratio("decode", SMALL, "websockets")),
    Aim("decode 100 x 32 B", "wsproto", 110, ratio("decode", SMALL, "wsproto")),
    Aim("decode 1 MiB of ASCII", "aiohttp", 3, ratio("decode", "1 MiB ascii", "aiohttp")),
    Aim("decode 1 MiB of Cyrillic", "aiohttp", 2.5, ratio("decode", "1 MiB cyrillic", "aiohttp")),
    Aim("decode 1 MiB of CJK", "aiohttp", 2.5, ratio("decode", "1 MiB cjk", "aiohttp")),
    Aim("decode 1 MiB, mixed, emoji", "aiohttp", 5, ratio("decode", "1 MiB mixed", "aiohttp")),
    Aim("mask, 0 B to 16 MiB", "the fastest peer", NOISE, least(to_fastest)),
    Aim("mask 16 KiB", "websockets", 1.8, ratio("mask", 16 * KIB, "websockets")),
    Aim("mask, 64 KiB and more", "a plain copy", 0.9, least(to_copy, start=64 * KIB)),
    Aim("mask_into 32 B", "aiohttp", NOISE, ratio("mask_into", 32, "aiohttp")),
    Aim("encode_text 32 B", "websockets", 15, ratio("encode_text", "32 B", "websockets")),
    Aim("encode_text 32 B, masked", "websockets", 20, ratio("encode_text_masked", "32 B", "websockets")),
    *(
        Aim(f"encode 1 MiB, {kind}", "str.encode", bar, ratio("encode_text", f"1 MiB {kind}", "copy"))
        for kind, bar in {"latin-1": 10, "cyrillic": 10, "cjk": 6, "mixed": 2}.items()
    ),
    *(
        Aim("encode 16 KiB, mixed", peer, 2, ratio("encode_text", "16 KiB mixed", peer))
        for peer in ("aiohttp", "websockets")
    ),
    Aim("accept_key", "websockets", 3.5, ratio("accept_key", "24 B", "websockets")),
    Aim("pure mask, 0 B to 16 MiB", "pure websockets", NOISE, least(pure_to_pure)),
    Aim("pure decode 100 x 32 B", "wsproto", 1, ratio("decode", SMALL, "wsproto", ours="wsframe_pure")),
    *(
        Aim(f"echo, {server}, depth {depth}", "itself, plain", bar, echo(server, depth))
        for server, bars in ECHO.items()
        for depth, bar in zip((1, 64), bars, strict=True)
    ),
    Aim("websocket-client, 32 B", "itself, plain", 1.8, client("32 B")),
    Aim("websocket-client, 16 KiB", "itself, plain", 10, client("16 KiB")),
    Aim("websockets, depth 1", "picows.websockets", 1, rival(1)),
    Aim("websockets, depth 64", "picows.websockets", 2, rival(64)),
    Aim("import wsframe", MILLISECONDS, 10, import_cost),
]


def report(found: Results, aims: list[Aim]) -> str:
    """The aims of which there are figures, a line each."""
    lines = [f"{'':28}{'against':18}{'bar':>6}{'reached':>9}"]
    for aim in aims:
        try:
            figure, where = aim.measure(found)
        except LookupError:
            continue
        verdict = "" if aim.met(figure) else "  SHORT"
        where = f"  {where}" if where else ""
        lines.append(f"{aim.work:28}{aim.against:18}{aim.bar:6g}{figure:9.2f}{verdict}{where}")
    return "\n".join(lines)

"""Which servers are measured, at which versions, with which work, and the gain each has to reach."""

from __future__ import annotations

from dataclasses import dataclass

from bench.default.load import Work

NEVER_SLOWER = 0.97


@dataclass(frozen=True)
class Row:
    """A server and its versions.

    Attributes:
        server: which one of `servers.py`.
        pins: what is installed for it.
        works: each with the least ratio of plain CPU to accelerated CPU.
    """

    server: str
    pins: tuple[str, ...]
    works: tuple[tuple[Work, float], ...]

    @property
    def name(self) -> str:
        return f"{self.server} [{' '.join(self.pins)}]"


def works(
    plain: tuple[float, float], *compressed: tuple[int, int, float], many: float = NEVER_SLOWER
) -> tuple[tuple[Work, float], ...]:
    """Pair works with bars.

    Args:
        plain: the bars of 32 B, 1 and 64 in flight on 8 connections.
        compressed: sizes, depths and bars of compressed documents.
        many: the bar of 500 connections with one message of 124 B in flight.
    """
    return (
        (Work(32, 1, 8, False), plain[0]),
        (Work(32, 64, 8, False), plain[1]),
        (Work(124, 1, 500, False), many),
        *deflated(*compressed),
    )


def deflated(*compressed: tuple[int, int, float]) -> tuple[tuple[Work, float], ...]:
    return tuple((Work(size, depth, 8, True), bar) for size, depth, bar in compressed)


BROADCAST = "broadcast-"  # and what `bench.host_broadcast` calls it
UVICORN = ((350, 1, 2.2), (350, 64, 4), (1000, 64, 3), (16_000, 64, 5))
WEBSOCKETS = ((1000, 1, 1.6), (1000, 64, 2.2))
SLOWEST = ((350, 1, NEVER_SLOWER), (1000, 64, NEVER_SLOWER))
TORNADO = ("6.1", "6.4.2", "6.6.1")

UVICORN_PINS = (
    ("uvicorn==0.30.6", "websockets==12.0"),
    ("uvicorn==0.30.6", "wsproto==1.2.0"),
    ("uvicorn==0.35.0", "websockets==13.1"),
    ("uvicorn==0.46.0", "websockets==15.0.1"),
    ("uvicorn==0.54.0", "websockets==17.4"),
)

ROWS = (
    *(Row("uvicorn", pins, works((2.5, 10), *UVICORN, many=2.5)) for pins in UVICORN_PINS),
    *(Row("uvicorn-uvloop", pins, works((2.5, 10), *UVICORN, many=2.2)) for pins in UVICORN_PINS),
    *(
        Row("legacy", (f"websockets=={version}",), works((2, 2.5), *SLOWEST))
        for version in ("10.4", "12.0", "13.1")
    ),
    *(
        Row("websockets", (f"websockets=={version}",), works((1.5, 5), *WEBSOCKETS))
        for version in ("13.1", "15.0.1", "17.4")
    ),
    *(
        Row("hypercorn", pins, works((1.6, 4), *SLOWEST))
        for pins in (
            ("hypercorn==0.14.4", "wsproto==1.2.0"),
            ("hypercorn==0.17.3", "wsproto==1.2.0"),
            ("hypercorn==0.18.0", "wsproto==1.3.2"),
        )
    ),
    *(Row("tornado", (f"tornado=={version}",), works((1.8, 3))) for version in TORNADO),
    *(
        Row("tornado-deflate", (f"tornado=={version}",), deflated((1000, 1, 1.3), (1000, 64, 1.8)))
        for version in TORNADO
    ),
    *(
        Row("aiohttp", (f"aiohttp=={version}",), works((0.97, 0.97), (1000, 1, 0.97), (1000, 64, 1.5)))
        for version in ("3.8.6", "3.9.5", "3.10.11", "3.11.18", "3.13.2", "3.14.5")
    ),
    Row("autobahn", ("autobahn==26.10.2",), works((NEVER_SLOWER, NEVER_SLOWER), *SLOWEST)),
    *(
        Row(f"{BROADCAST}{kind}", (f"websockets=={version}",), ((Work(1000, 1, 1000, True), 15),))
        for kind, version in (("legacy", "12.0"), ("asyncio", "17.4"))
    ),
)

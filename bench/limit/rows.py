"""What is measured, against what, and the ratio that each row has to reach."""

from __future__ import annotations

from dataclasses import dataclass

from bench.default.load import Work
from wsframe.demo.servers import PROGRAMS, UNDER_RUN

Words = tuple[str, ...]

LIMIT: Words = ()  # the server in C
SMALL = Work(32, 1, 8, False)
LARGE = Work(2**14, 1, 8, False)
MANY = Work(124, 1, 500, False)
RUN = tuple(UNDER_RUN[1:])


@dataclass(frozen=True)
class Row:
    """A server and the one that it is measured against.

    Attributes:
        name: what is printed.
        server: the arguments of Python that start it.
        reference: those of the other one.
        work: the messages; None for opening handshakes.
        bar: the ratio to reach: at most that against the limit, at least that against other libraries.
        needs: packages without which the row is skipped.
    """

    name: str
    server: Words
    reference: Words
    work: Work | None
    bar: float | None = None
    needs: Words = ()

    def meets(self, ratio: float) -> bool:
        if self.bar is None:
            return True
        return ratio <= self.bar if self.reference == LIMIT else ratio >= self.bar


def endpoint(peer: str, job: str, loop: str = "asyncio", size: int = 32) -> Words:
    """The words of `bench.endpoints`; size is for those that send constants."""
    return ("-m", "bench.endpoints", peer, job, str(size), *(["--uvloop"] if loop == "uvloop" else []))


def uvicorn(protocol: str, loop: str) -> Words:
    words = ("--loop", loop, "--port", "0", "--app-dir", str(PROGRAMS), "echo_asgi:app")
    return ("-m", "uvicorn", "--ws", protocol, *words)


def on(loop: str, *needs: str) -> Words:
    return (*needs, "uvloop") if loop == "uvloop" else needs


def limits() -> list[Row]:
    rows = [
        Row(
            "uWebSockets (socketify)", ("-m", "bench.endpoints.socketify"), LIMIT, SMALL, needs=("socketify",)
        ),
        Row("callback, asyncio", endpoint("wsframe", "echo"), LIMIT, SMALL, 1.2),
        Row("callback, uvloop", endpoint("wsframe", "echo", "uvloop"), LIMIT, SMALL, 1.2, ("uvloop",)),
    ]
    # What the loops themselves take: a protocol that writes the same reply to every read, unseen.
    for loop in ("asyncio", "uvloop"):
        server = endpoint("raw", "echo_reads", loop)
        rows.append(Row(f"bare protocol, {loop}", server, LIMIT, SMALL, None, on(loop)))
    iteration, own = "echo_by_iteration", "wsframe.uvicorn:WebSocketProtocol"
    for loop, bar in (("asyncio", 1.9), ("uvloop", 1.5)):
        rows.append(
            Row(f"async for, {loop}", endpoint("wsframe", iteration, loop), LIMIT, SMALL, bar, on(loop))
        )
    for loop, bar in (("asyncio", 2.2), ("uvloop", 1.8)):
        rows.append(Row(f"uvicorn class, {loop}", uvicorn(own, loop), LIMIT, SMALL, bar, on(loop, "uvicorn")))
    for loop in ("asyncio", "uvloop"):
        server = endpoint("wsframe", iteration, loop)
        rows.append(Row(f"async for, {loop}", server, LIMIT, LARGE, 1.5, on(loop)))
    # With so many connections the server always has something to do: it seldom waits.
    for loop in ("asyncio", "uvloop"):
        rows += [
            Row(f"callback, {loop}", endpoint("wsframe", "echo", loop), LIMIT, MANY, None, on(loop)),
            Row(f"async for, {loop}", endpoint("wsframe", iteration, loop), LIMIT, MANY, None, on(loop)),
            Row(f"uvicorn class, {loop}", uvicorn(own, loop), LIMIT, MANY, None, on(loop, "uvicorn")),
        ]
    return rows


def others() -> list[Row]:
    iteration, own = "echo_by_iteration", "wsframe.uvicorn:WebSocketProtocol"
    rows = []
    for loop, bar in (("asyncio", 2.5), ("uvloop", 2.2)):
        plain = uvicorn("auto", loop)
        rows.append(
            Row(f"uvicorn, {loop}", (*RUN, *plain), plain, MANY, bar, on(loop, "uvicorn", "websockets"))
        )
    plain = endpoint("websockets", iteration)
    rows.append(Row("websockets, asyncio", (*RUN, *plain), plain, MANY, 2.0, ("websockets",)))
    # The most that a server on asyncio can reach: a protocol that knows its response beforehand.
    for loop in ("asyncio", "uvloop"):
        server, plain = endpoint("raw", "echo", loop), endpoint("websockets", iteration, loop)
        rows.append(Row(f"bare protocol, {loop}", server, plain, None, None, on(loop, "websockets")))
    for loop in ("asyncio", "uvloop"):
        server, plain = (endpoint(peer, iteration, loop) for peer in ("wsframe", "websockets"))
        rows.append(Row(f"wsframe.asyncio, {loop}", server, plain, None, 2.0, on(loop, "websockets")))
    for loop in ("asyncio", "uvloop"):
        server, plain = (uvicorn(protocol, loop) for protocol in (own, "auto"))
        rows.append(
            Row(f"uvicorn class, {loop}", server, plain, None, None, on(loop, "uvicorn", "websockets"))
        )
    return rows


ROWS = [*limits(), *others()]

"""autobahn twice: unaccelerated and accelerated; and a trace of everything a connection did."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import txaio
from support import frames
from support.opening import request, response

from wsframe import accelerate, parse_header
from wsframe.accelerate.hosts.autobahn.bypassed import WEBSOCKET

NAMES = ("autobahn", "_nvx_utf8validator", "_nvx_xormasker")
FLAVOURS = ("asyncio", "twisted")


def use(flavour: str) -> None:
    """Choose between asyncio and Twisted, as if nobody had before: a program does that once."""
    txaio._explicit_framework = None
    getattr(txaio, f"use_{flavour}")()
    txaio.call_later = lambda _, *call: LATER.append(call)


LATER: list[Any] = []  # what shall be called in a while


def modules() -> Any:
    library = {}
    for flavour in FLAVOURS:
        use(flavour)
        library[flavour] = import_module(f"autobahn.{flavour}.websocket")
    deflate = import_module("autobahn.websocket.compress")
    return SimpleNamespace(**library, compress=deflate, protocol=import_module(WEBSOCKET))


def _another_copy() -> Any:
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] in NAMES}
    try:
        return modules()
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] in NAMES]:
            del sys.modules[name]
        sys.modules.update(kept)


OLD = _another_copy()  # which nobody patches


@contextmanager
def accelerated() -> Iterator[Any]:
    """The library, accelerated."""
    accelerate.install("autobahn")
    use("asyncio")
    loop = txaio.config.loop = asyncio.new_event_loop()
    try:
        library = modules()
        (status,) = [host for host in accelerate.status() if host.host == "autobahn"]
        assert (status.active, status.why_not, status.stale) == (True, "", ())
        yield library
    finally:
        accelerate.uninstall("autobahn")
        use("asyncio")
        txaio.config.loop = None
        loop.close()


class Transport:
    """What a connection writes to, and the trace of what was asked of it."""

    disconnecting = False

    def __init__(self, trace: list[Any]) -> None:
        self.trace = trace
        self.written = b""

    def write(self, data: bytes) -> None:
        assert type(data) is bytes
        self.written += data
        self.trace.append(("write", len(data)))

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    getPeer = getHost = lambda self: None

    def __getattr__(self, name: str) -> Any:
        if name not in ("close", "abort", "loseConnection", "abortConnection", "unregisterProducer"):
            raise AttributeError(name)
        return lambda: self.trace.append(name)


class Log:
    """A log that is kept; what is for debugging only if asked."""

    def __init__(self, trace: list[Any], debugging: bool) -> None:
        def keep(level: str) -> Callable[..., None]:
            return lambda text="", **values: trace.append((level, text, sorted(values)))

        def _no_op(*_: object, **__: object) -> None:
            pass

        for level in ("error", "warn", "info"):
            setattr(self, level, keep(level))
        self.debug = keep("debug") if debugging else _no_op


NOTED = (
    *("closedByMe", "droppedByMe", "failedByMe", "state", "wasClean", "wasNotCleanReason"),
    *(
        "localCloseCode",
        "remoteCloseCode",
        "wasMaxFramePayloadSizeExceeded",
        "wasMaxMessagePayloadSizeExceeded",
    ),
    *("inside_message", "data"),
)


class Player:
    """One open connection, and the trace of what it did.

    Args:
        library: one of the two copies.
        flavour: asyncio or twisted.
        client: which side to be.
        behaviour: makes what the class of the connection has of its own, from its base and the trace.
        options: of the factory.
        deflate: whether permessage-deflate is agreed on.
        debugging: whether what is for debugging is logged.
        change: makes another class of that of the connection.
    """

    def __init__(
        self,
        library: Any,
        flavour: str,
        client: bool,
        behaviour: Callable[[Any, list[Any]], dict[str, Any]],
        options: dict[str, Any],
        deflate: bool = False,
        debugging: bool = False,
        change: Callable[[type], type] = lambda kind: kind,
    ) -> None:
        use("asyncio")
        self.loop = txaio.config.loop
        use(flavour)
        module = getattr(library, flavour)
        self.trace: list[Any] = []
        side = "Client" if client else "Server"
        loop = {"loop": self.loop} if flavour == "asyncio" else {}
        self.factory = getattr(module, f"WebSocket{side}Factory")(**loop)
        timeouts = ("openHandshakeTimeout", "closeHandshakeTimeout", "serverConnectionDropTimeout")
        agreed = agreeing(library.compress, client) if deflate else {}
        vars(self.factory).update(dict.fromkeys(timeouts, 0), **agreed, **options)
        base = getattr(module, f"WebSocket{side}Protocol")
        log = Log(self.trace, debugging)
        names = {**noting(self.trace), **behaviour(base, self.trace), "log": log}
        Connection: Any = change(type("Connection", (base,), names))
        self.connection: Any = Connection()
        self.connection.factory = self.factory
        self.transport = Transport(self.trace)
        if flavour == "asyncio":
            self.connection.connection_made(self.transport)
            self.take = self.connection._dataReceived  # what the loop calls in its next iteration
        else:
            self.connection.makeConnection(self.transport)
            self.take = self.connection.dataReceived
        self.iterate()
        self.take(response(self.transport.written, deflate) if client else request(deflate))
        self.iterate()
        assert self.connection.state == self.connection.STATE_OPEN
        self.transport.written = b""
        self.trace.clear()

    def attempt(self, action: Callable[[], Any]) -> None:
        """Record what an action returns or raises, and the state it leaves behind."""
        try:
            self.trace.append(action())
        except Exception as exc:
            self.trace.append((type(exc).__name__, str(exc)))
        state = vars(self.connection)
        self.trace.append([(name, state[name]) for name in NOTED])
        self.trace.append(state["trafficStats"].__json__())
        frame = state["current_frame"]
        if frame:
            masker = state["current_frame_masker"]
            self.trace.append((int(frame.opcode), frame.fin, frame.rsv, frame.length, masker.pointer()))

    def receive(self, data: bytes) -> None:
        self.attempt(lambda: self.take(data))

    def call(self, name: str, *values: Any, **named: Any) -> None:
        self.attempt(lambda: getattr(self.connection, name)(*values, **named))

    def iterate(self) -> None:
        """Let the loop do all that is due."""
        for _ in range(5):
            self.loop.run_until_complete(asyncio.sleep(0))

    def end(self) -> None:
        """Do what is left to do, and note what has been written."""
        self.iterate()
        while LATER:
            call, *values = LATER.pop(0)
            call(*values)
        self.trace.append(unmasked(self.transport.written, self.connection.applyMask))


def noting(trace: list[Any]) -> dict[str, Any]:
    """Methods that note what a connection tells its application."""

    def note(name: str) -> Callable[..., None]:
        return lambda self, *values: trace.append((name, *values))

    return {name: note(name) for name in ("onOpen", "onMessage", "onPong", "onClose")}


def agreeing(compress: Any, client: bool) -> dict[str, Any]:
    if client:
        accept = compress.PerMessageDeflateResponseAccept
        return {
            "perMessageCompressionOffers": [compress.PerMessageDeflateOffer()],
            "perMessageCompressionAccept": accept,
        }
    return {"perMessageCompressionAccept": lambda offers: compress.PerMessageDeflateOfferAccept(offers[0])}


def unmasked(data: bytes, truly: bool = True) -> list[Any]:
    """Take frames apart: their masking keys are random."""
    out: list[Any] = []
    while data:
        header = parse_header(data)
        if header is None or len(data) < header.size + header.length:
            return [*out, data]
        end = header.size + header.length
        payload, key = data[header.size : end], header.mask_key
        out.append(
            (data[0], header.length, key is None, frames.masked(payload, key) if key and truly else payload)
        )
        data = data[end:]
    return out

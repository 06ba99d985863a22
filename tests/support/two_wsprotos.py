"""wsproto twice: unaccelerated and accelerated; and a trace of everything a connection did."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from support import frames

from wsframe import accelerate, parse_header

MODULES = ("connection", "events", "extensions", "frame_protocol", "handshake", "utilities")
OLD = SimpleNamespace()  # a second copy of the library, which nobody patches


def modules() -> dict[str, Any]:
    return {name: import_module(f"wsproto.{name}") for name in MODULES}


def _load_twice() -> None:
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "wsproto"}
    OLD.__dict__.update(modules())
    for name in [name for name in sys.modules if name.split(".")[0] == "wsproto"]:
        del sys.modules[name]
    sys.modules.update(kept)
    import_module("wsproto")


_load_twice()


@contextmanager
def accelerated() -> Iterator[Any]:
    """The library, accelerated."""
    accelerate.install("wsproto")
    try:
        assert next(host for host in accelerate.status() if host.host == "wsproto").active
        yield SimpleNamespace(**modules())
    finally:
        accelerate.uninstall("wsproto")


class Player:
    """One connection, and the trace of what it did.

    Args:
        ws: one of the two copies of the library.
        client: which side to be.
        deflate: the arguments of PerMessageDeflate, or None.
    """

    def __init__(self, ws: Any, client: bool, deflate: dict[str, Any] | None) -> None:
        self.ws = ws
        self.trace: list[Any] = []
        extensions = []
        if deflate is not None:
            extensions.append(ws.extensions.PerMessageDeflate(**deflate))
            extensions[0]._enabled = True
        side = ws.connection.ConnectionType.CLIENT if client else ws.connection.ConnectionType.SERVER
        self.connection = ws.connection.Connection(side, extensions)
        self.iterators: list[Any] = []

    def attempt(self, action: Callable[[], Any]) -> None:
        """Record what an action returns or raises, and the state it leaves behind."""
        try:
            self.trace.append(comparable(action()))
        except Exception as exc:
            self.trace.append((type(exc).__name__, str(exc)))
        proto = self.connection._proto
        decoder = proto._frame_decoder
        self.trace.append((self.connection.state.name, proto._outbound_opcode))
        if proto._parse_more.gi_frame:  # else an error or a Close ended it: nobody reads on
            self.trace.append(
                (
                    comparable(decoder.header),
                    decoder.effective_opcode,
                    type(decoder.masker).__name__,
                    # Between frames these two speak of one that is gone.
                    decoder.header and (decoder.payload_required, decoder.payload_consumed),
                    bytes(decoder.buffer.buffer),
                    decoder.buffer.bytes_used,
                    proto._message_decoder.opcode,
                    [
                        (extension._inbound_compressed, extension._inbound_is_compressible)
                        for extension in decoder.extensions
                    ],
                )
            )

    def receive(self, data: bytes | None) -> None:
        self.attempt(lambda: self.connection.receive_data(data))

    def events(self) -> None:
        self.attempt(lambda: list(self.connection.events()))

    def begin(self) -> None:
        """Ask for events, and take the first."""
        self.iterators.append(self.connection.events())
        self.go_on()

    def go_on(self) -> None:
        """Take another event from the newest iterator."""
        if self.iterators:
            self.attempt(lambda: next(self.iterators[-1], "no more"))

    def leave(self) -> None:
        """Close the newest iterator."""
        if self.iterators:
            self.attempt(lambda: self.iterators.pop().close())

    def send(self, name: str, **values: Any) -> None:
        event = getattr(self.ws.events, name)(**values)
        self.attempt(lambda: Sent(self.connection.send(event)))


class Sent:
    """Bytes sent: frames, whose masking keys are random."""

    def __init__(self, data: Any) -> None:
        self.kind = type(data)
        self.frames = []
        while data:
            header = parse_header(data)
            assert header is not None
            end = header.size + header.length
            payload = bytes(data[header.size : end])
            key = header.mask_key
            self.frames.append(
                (data[0], header.length, key is None, frames.masked(payload, key) if key else payload)
            )
            data = data[end:]


def comparable(value: Any) -> Any:
    """Convert what a copy of the library returned into a form in which both copies can be compared."""
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [comparable(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return (
            type(value).__name__,
            {field.name: comparable(getattr(value, field.name)) for field in fields(value)},
            sorted(vars(value)),
        )
    if isinstance(value, Sent):
        return value.kind.__name__, value.frames
    return type(value).__name__, value

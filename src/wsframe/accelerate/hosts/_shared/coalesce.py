"""Coalesced writes, for hosts that write each message by itself.

1. The replies to the messages of one read leave together.
2. Of other messages, the first one of a loop iteration leaves at once, and later ones together at its end.
3. While bytes are pending, any other use of the transport flushes them first.
   Where this cannot be seen, none are pending once other code may have the transport or its socket.
4. `wsframe._backend.Coalescer` limits how long bytes are pending.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any, ClassVar

from ...._backend import Coalescer
from ...._sockets import iteration_of, joined_of, socket_of

# Whether writes are coalesced at all.
ENABLED = os.environ.get("WSFRAME_COALESCE") != "0"

# The attribute of an object of a host with the Output of its transport.
OUTPUT = "_wsframe_output"

# Methods of a transport before which everything must be written.
FLUSHING = (
    "abort",
    "close",
    "get_extra_info",
    "get_write_buffer_size",
    "set_write_buffer_limits",
    "write",
    "write_eof",
    "writelines",
)

# Methods of a transport without an effect on what is written to it.
_HARMLESS = frozenset({"is_closing", "is_reading", "pause_reading", "resume_reading"})

Places = tuple[tuple[Any, str], ...]


def output_of(owner: Any, transport: Any, loop: Any, *places: tuple[Any, str]) -> Any:
    """Return the Output to write the messages of a connection to.

    Args:
        owner: the object of the host that keeps it.
        transport: of asyncio or of uvloop.
        loop: the transport's.
        places: the owners and names of all attributes through which the transport is written to or closed;
            for a transport without attributes of its own, as those of uvloop.

    Returns:
        An Output; or the transport itself where writes are not coalesced, because other code watches them.
    """
    output = vars(owner).get(OUTPUT)
    if output is not None and (output.target is transport or output.flushing_transport is transport):
        return output
    attributes = getattr(transport, "__dict__", None)
    if not ENABLED or (not places if attributes is None else "write" in attributes):
        return transport
    if not hasattr(type(transport), "write"):  # as of a mock: its `write` must stay what it is
        return transport
    output = vars(owner)[OUTPUT] = Output(transport, loop, places, attributes)
    return output


def join(owner: Any, transport: Any, loop: Any, *places: tuple[Any, str], iterations: int = 0) -> None:
    """Coalesce the replies to the messages of a read; see `Output.join`."""
    output = output_of(owner, transport, loop, *places)
    if type(output) is Output:
        output.join(iterations)


def received(owner: Any) -> None:
    """Note that a read brought one message: the next write is the reply to it, and leaves at once."""
    output = vars(owner).get(OUTPUT)
    if output is not None:
        output._next_is_reply = True


class Output(Coalescer):
    """The coalescer of one transport of a host.

    Args:
        transport: of asyncio or of uvloop.
        loop: the transport's.
        places: where the transport is kept, if it has no attributes of its own.
        attributes: of the transport.
    """

    write: ClassVar[Callable[[Coalescer, Any], None]] = Coalescer._write
    flushing: tuple[str, ...] = FLUSHING
    joins_others = True  # writes of other code among the replies to many messages are coalesced with them

    def __init__(
        self,
        transport: Any,
        loop: asyncio.AbstractEventLoop,
        places: Places = (),
        attributes: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.target = self.transport = transport
        self._is_closing = transport.is_closing
        self._transport_write = self._pass_on
        self._call_soon = loop.call_soon
        self._iteration = iteration_of(loop)
        self._joined = joined_of(loop)
        self._transport_attributes = attributes
        self._intercepts = True
        self.flushing_transport: FlushingTransport = FlushingTransport(self)
        self._places = places
        self._iterations = 0
        self._methods: dict[str, Any] = {}  # of the FlushingTransport, once it is made
        self._use_socket(*socket_of(transport))

    def ask(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method of the transport itself, not of the FlushingTransport."""
        target = self.target
        if self._transport_attributes is None:
            return getattr(target, name)(*args, **kwargs)
        kind = type(target)
        if hasattr(kind, name):
            return getattr(kind, name)(target, *args, **kwargs)
        return kind.__getattr__(target, name)(*args, **kwargs)  # it stands for another transport

    def _pass_on(self, data: Any) -> None:
        if self._intercepting:
            self.ask("write", data)
        else:
            self.target.write(data)

    def join(self, iterations: int = 0) -> None:
        """Coalesce what is written until all callbacks that are scheduled by now have run.

        Call it for a read that brought many messages, when the first one is given to the application: the
        replies to all of them are written by then, also where tasks are made for them.

        Args:
            iterations: further iterations of the loop, when messages of the read are still to come, counted
                from the last call on.
        """
        if self._receiving:
            self._iterations = max(self._iterations, iterations)
        elif (
            self._intercepting
            or self._transport_attributes is None
            or "write" not in self._transport_attributes
        ):
            self._receiving = True
            self._joined.add(self)
            self._iterations = iterations
            if self.joins_others and not self._intercepting:
                self._intercept()  # the host may write directly, too
            self._call_soon(self._end)

    def _end(self) -> None:
        if not self._receiving:
            return
        if self._iterations and not self._is_closing():
            self._iterations -= 1
            if not self._has_flusher:
                self.flush()  # the next iteration would be late
            self._call_soon(self._end)
        elif self._pending_size:
            self.release()
        else:
            self._call_soon(self.release)  # after the tasks that were just made

    def write_at_once(self) -> None:
        """Have nothing pending from now on: others have the socket, or a transport that is not watched."""
        self._writes_at_once = True
        self.release()

    def taken(self) -> None:
        """Others have the transport, and may use it at any time."""
        if self._transport_attributes is None:
            self.write_at_once()
        elif "get_extra_info" in self.flushing:
            # The others are replaced while something is pending; this one stays, for the socket.
            self.flushing = tuple(name for name in self.flushing if name != "get_extra_info")
            self._methods.pop("get_extra_info", None)
            self._transport_attributes["get_extra_info"] = self.flushing_transport.get_extra_info

    def release(self) -> None:
        """Flush, and coalesce no longer."""
        self._receiving = False
        self._joined.discard(self)
        self.flush()
        if self._intercepting:
            self._stop_intercepting()

    def _intercept(self) -> None:
        self._intercepting = True
        if self._transport_attributes is not None:
            if not self._methods:
                self._methods = {name: getattr(self.flushing_transport, name) for name in self.flushing}
            self._transport_attributes.update(self._methods)
        else:
            for owner, name in self._places:
                if getattr(owner, name) is self.target:
                    setattr(owner, name, self.flushing_transport)

    def _stop_intercepting(self) -> None:
        self._intercepting = False
        if self._transport_attributes is not None:
            for name, method in self._methods.items():
                if self._transport_attributes.get(name) is method:
                    del self._transport_attributes[name]
        else:
            for owner, name in self._places:
                if getattr(owner, name) is self.flushing_transport:
                    setattr(owner, name, self.target)


class FlushingTransport:
    """Replaces a transport while bytes are pending: each use of it flushes them first."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def __getattr__(self, name: str) -> Any:
        if name not in _HARMLESS:
            self._output.release()
        return getattr(self._output.target, name)

    def write(self, data: Any) -> Any:
        """Write to the transport; coalesce it with replies to many messages."""
        if self._output._receiving and self._output.joins_others:
            return self._output.write(data)
        return self._then("write", data)

    def writelines(self, data: Any) -> None:
        self._then("writelines", data)

    def write_eof(self) -> None:
        self._then("write_eof")

    def close(self, *args: Any, **kwargs: Any) -> None:
        self._then("close", *args, **kwargs)

    def abort(self) -> None:
        self._then("abort")

    def get_write_buffer_size(self) -> int:
        size: int = self._then("get_write_buffer_size")
        return size

    def set_write_buffer_limits(self, *args: Any, **kwargs: Any) -> None:
        self._then("set_write_buffer_limits", *args, **kwargs)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the transport does; who has its socket may use it at any time."""
        if name == "socket":
            self._output.write_at_once()
        return self._output.ask("get_extra_info", name, default)

    def _then(self, name: str, *args: Any, **kwargs: Any) -> Any:
        self._output.release()
        return self._output.ask(name, *args, **kwargs)

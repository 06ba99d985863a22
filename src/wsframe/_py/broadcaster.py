"""A message of a host for many connections: which take the same frame, and writing it to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .watch import Watch


class Broadcaster:
    """Writes a message to the connections that take the same bytes.

    Such a connection is open, nothing else is being sent on it, it has no extension or permessage-deflate
    alone, and nobody has replaced what is bypassed.

    Args:
        connection_class: of the connections.
        watch: of what is bypassed; its `holds` gets a connection and its protocol.
        protocol: the attribute of a connection with its state; None if the connection has it itself.
        transport: the attribute of a connection with its transport.
        output: the attribute of a connection with its coalescer, once it has one.
        fragmenting: the attribute of a connection that is None unless a message in fragments is being sent.
        equal: attributes of a protocol, and the object that each has to be.
        empty: attributes of a protocol that have to be false.
        deflate_class: of the extension.
        unused_class: of a compressor that is made when it is used; its attribute `made` is None until then.
        output_for: returns what the messages of a connection are written to, with a method `write`.
        failed: called with a connection and the exception that writing to it raised.
    """

    def __init__(
        self,
        *,
        connection_class: type,
        watch: Watch,
        protocol: str | None,
        transport: str,
        output: str,
        fragmenting: str,
        equal: dict[str, Any],
        empty: Iterable[str],
        deflate_class: type,
        unused_class: type,
        output_for: Callable[[Any], Any],
        failed: Callable[[Any, Exception], object],
    ) -> None:
        self._connection_class = connection_class
        self._watch = watch
        self._protocol = protocol
        self._transport = transport
        self._output = output
        self._fragmenting = fragmenting
        self._equal = tuple(equal.items())
        self._empty = tuple(empty)
        self._deflate_class = deflate_class
        self._unused_class: Any = unused_class
        self._output_for = output_for
        self._failed = failed

    def write(
        self, connections: list[Any], uncompressed: bytes, frame_for: Callable[[Any], bytes]
    ) -> list[Any]:
        """Write a message to the connections that take the same bytes.

        Args:
            connections: they may be of any class.
            uncompressed: the frame for a connection without an extension.
            frame_for: returns the frame for an extension, whose compressor is unused then.

        Returns:
            The connections that it was not written to: they are for the original code.
        """
        rest = []
        last_frame = settings = bits = kind = protocol_kind = None
        for connection in connections:
            if type(connection) is not kind and not issubclass(type(connection), self._connection_class):
                rest.append(connection)
                continue
            protocol = connection if self._protocol is None else getattr(connection, self._protocol)
            transport = getattr(connection, self._transport)
            extensions = None if transport is None else self._shared_extensions(connection, protocol)
            if extensions is None:
                rest.append(connection)
                continue
            if type(connection) is not kind or type(protocol) is not protocol_kind:
                if not self._watch.holds(connection, protocol):
                    rest.append(connection)
                    continue
                kind, protocol_kind = type(connection), type(protocol)
            try:
                if not extensions:
                    frame = uncompressed
                else:
                    extension = extensions[0]
                    if (
                        last_frame is None
                        or extension.compress_settings is not settings
                        or extension.local_max_window_bits is not bits
                        or not self._is_unused(extension)
                    ):
                        last_frame = frame_for(extension)
                        settings, bits = extension.compress_settings, extension.local_max_window_bits
                    frame = last_frame
                self._write_frame(connection, transport, frame)
            except Exception as exc:
                kind = None  # what is called may replace anything
                self._failed(connection, exc)
        return rest

    def _shared_extensions(self, connection: Any, protocol: Any) -> list[Any] | None:
        """Return the extensions of a connection that takes the same bytes as others; else None."""
        if getattr(connection, self._fragmenting) is not None:
            return None
        for name, value in self._equal:
            if getattr(protocol, name) is not value:
                return None
        for name in self._empty:
            if getattr(protocol, name):
                return None
        extensions: list[Any] = protocol.extensions
        if type(extensions) is not list:
            return None
        if extensions and (len(extensions) != 1 or type(extensions[0]) is not self._deflate_class):
            return None
        return extensions

    def _is_unused(self, extension: Any) -> bool:
        """Tell whether the compressor of an extension has no context."""
        if extension.local_no_context_takeover:
            return True
        encoder = extension.encoder
        return type(encoder) is self._unused_class and encoder.made is None

    def _write_frame(self, connection: Any, transport: Any, frame: bytes) -> None:
        self._output_for(connection).write(frame)

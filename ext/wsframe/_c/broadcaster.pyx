# cython: binding=False
"""A message of a host for many connections: which take the same frame, and writing it to them."""

cimport cython
from cpython.object cimport PyObject_IsTrue

from wsframe._c.coalescer cimport Coalescer


@cython.final
cdef class Broadcaster:
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

    cdef type connection_class
    cdef object watch
    cdef str protocol
    cdef str transport
    cdef str output
    cdef str fragmenting
    cdef tuple names
    cdef tuple values
    cdef tuple empty
    cdef type deflate_class
    cdef type unused_class
    cdef object output_for
    cdef object failed

    def __cinit__(
        self,
        *,
        type connection_class not None,
        watch,
        str protocol,
        str transport not None,
        str output not None,
        str fragmenting not None,
        dict equal not None,
        empty,
        type deflate_class not None,
        type unused_class not None,
        output_for,
        failed,
    ):
        self.connection_class = connection_class
        self.watch = watch
        self.protocol = protocol
        self.transport = transport
        self.output = output
        self.fragmenting = fragmenting
        self.names = tuple(equal)
        self.values = tuple(equal.values())
        if len(self.names) != len(self.values):  # another thread has changed it meanwhile
            raise ValueError("attributes without a value")
        self.empty = tuple(empty)
        self.deflate_class = deflate_class
        self.unused_class = unused_class
        self.output_for = output_for
        self.failed = failed

    def write(self, list connections not None, bytes uncompressed not None, frame_for):
        """write(connections, uncompressed, frame_for)

        Write a message to the connections that take the same bytes.

        Args:
            connections: they may be of any class.
            uncompressed: the frame for a connection without an extension.
            frame_for: returns the frame for an extension, whose compressor is unused then.

        Returns:
            The connections that it was not written to: they are for the original code.
        """
        cdef list rest = []
        cdef bytes frame
        cdef bytes last_frame = None
        settings = bits = kind = protocol_kind = None
        if self.names is None:
            raise RuntimeError("the garbage collector has cleared this broadcaster")
        for connection in connections:
            if type(connection) is not kind and not issubclass(type(connection), self.connection_class):
                rest.append(connection)
                continue
            protocol = connection if self.protocol is None else getattr(connection, self.protocol)
            transport = getattr(connection, self.transport)
            extensions = None if transport is None else self.shared_extensions(connection, protocol)
            if extensions is None:
                rest.append(connection)
                continue
            if type(connection) is not kind or type(protocol) is not protocol_kind:
                if not PyObject_IsTrue(self.watch.holds(connection, protocol)):
                    rest.append(connection)
                    continue
                kind, protocol_kind = type(connection), type(protocol)
            try:
                if not extensions:
                    frame = uncompressed
                else:
                    extension = (<list>extensions)[0]
                    if (
                        last_frame is None
                        or extension.compress_settings is not settings
                        or extension.local_max_window_bits is not bits
                        or not self.is_unused(extension)
                    ):
                        last_frame = <bytes?>frame_for(extension)
                        settings, bits = extension.compress_settings, extension.local_max_window_bits
                    frame = last_frame
                self.write_frame(connection, transport, frame)
            except Exception as exc:
                kind = None  # what is called may replace anything
                self.failed(connection, exc)
        return rest

    cdef list shared_extensions(self, connection, protocol):
        """Return the extensions of a connection that takes the same bytes as others; else None."""
        cdef Py_ssize_t i
        cdef list extensions
        if getattr(connection, self.fragmenting) is not None:
            return None
        for i in range(len(self.names)):
            if getattr(protocol, self.names[i]) is not self.values[i]:
                return None
        for name in self.empty:
            if getattr(protocol, name):
                return None
        found = protocol.extensions
        if type(found) is not list:
            return None
        extensions = <list>found
        if extensions and (len(extensions) != 1 or type(extensions[0]) is not self.deflate_class):
            return None
        return extensions

    cdef bint is_unused(self, extension) except -1:
        """Tell whether the compressor of an extension has no context."""
        if extension.local_no_context_takeover:
            return True
        encoder = extension.encoder
        return type(encoder) is self.unused_class and encoder.made is None

    cdef int write_frame(self, connection, transport, bytes frame) except -1:
        output = getattr(connection, self.output, None)
        if isinstance(output, Coalescer) and (<Coalescer>output)._transport is transport:
            return (<Coalescer>output).write_data(frame)
        self.output_for(connection).write(frame)
        return 0

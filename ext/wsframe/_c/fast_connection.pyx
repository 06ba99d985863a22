# cython: binding=False
"""The fast paths of a connection of websockets.asyncio."""

# Rules of a FastConnection.
#
# 1. It belongs to one connection, and calls of it come from the thread of its loop.
# 2. A message goes from the bytes of a read to `recv`, without a Frame and the queue, if it is alone in the
#    read, whole in one frame, and `recv` waits for it. All else goes to `data_received` of the connection.
# 3. The task that waits runs at the end of the callback that reads (see Waiter). If it cannot, the message
#    goes to the queue.
# 4. While `recv` waits here, the connection looks as it does while its own code waits: `get_in_progress` is
#    set, and `get_waiter` is the future that the task waits for.
# 5. It reads the socket instead of the transport from the end of a small read on, until the transport
#    pauses, or a large read. A read that is not for rule 2 is given to the connection as the transport would.
# 6. Functions of websockets that are bypassed are checked each time, by the watches of the host.

import os

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject_IsTrue
from libc.errno cimport EAGAIN, errno
from libc.stdint cimport uint8_t, uint64_t

from wsframe._c.coalescer cimport Coalescer
from wsframe._c.encoder cimport binary_message, text_message
from wsframe._c.header cimport FIN, MASKED, read_header
from wsframe._c.mask cimport NO_KEY, unmasked
from wsframe._c.utf8 cimport text_of
from wsframe._c.waiter cimport Waiter, new_waiter


cdef extern from "Python.h":
    ctypedef struct PyObject
    ctypedef PyObject *(*iternextfunc)(PyObject *)
    ctypedef struct PyTypeObject:
        iternextfunc tp_iternext

    void Py_INCREF(object one)
    Py_ssize_t PyObject_Size(object one) except -1

cdef extern from "socket.h":
    Py_ssize_t wsf_recv(int fd, void *data, size_t size)

cdef extern from *:
    """
    /* The value must be no tuple and no exception. */
    static void wsf_stop_iteration(PyObject *value) {
        PyErr_SetObject(PyExc_StopIteration, value);
    }
    """
    void wsf_stop_iteration(object value)


cdef enum:
    TEXT = 0x1
    BINARY = 0x2
    # Bytes of one read.
    READ_SIZE = 65536
    # Reads of the transport after a large one, before the socket is read here again.
    PATIENCE = 16


cdef class ReadBuffer:
    """What the connections of a thread read into."""

    cdef void *start

    def __cinit__(self):
        self.start = PyMem_Malloc(READ_SIZE)
        if self.start is NULL:
            raise MemoryError

    def __dealloc__(self):
        PyMem_Free(self.start)


cdef class FastConnection:
    """Receives and sends the usual messages of a connection of websockets.asyncio.

    Args:
        connection: it is open.
        loop: of the connection.
        code: what is needed of the host, a tuple: the state of an open connection, the side of a server, two
            watches of what is bypassed to receive and to send (their `holds` gets the connection and its
            protocol), a function that makes frames (protocol, opcode, message), one that makes what the queue
            holds (message), and the names of the attributes of a protocol with its limits.
        read_buffer: shared by the connections of a thread.
        fd: of the socket, for a transport of asyncio's selector loops; -1 if it must not be read here.
    """

    cdef object connection
    cdef object protocol
    cdef object messages
    cdef object frames
    cdef object queue
    cdef object transport
    cdef object loop
    cdef object is_open
    cdef object receiving
    cdef object sending
    cdef object make_frame
    cdef object make_queued
    cdef str current_size  # the names of attributes of the protocol
    cdef tuple limits
    cdef ReadBuffer read_buffer
    cdef bint is_server
    cdef int fd
    cdef int patience
    cdef bint reads  # a read of the socket is being processed
    cdef bint waits  # `recv` waits here
    cdef Waiter waiter
    cdef object message  # for the call that waits

    def __cinit__(self, *args, **kwargs):
        self.fd = -1

    def __init__(self, connection, loop, code, ReadBuffer read_buffer not None, int fd):
        self.is_open, server, self.receiving, self.sending, self.make_frame, self.make_queued, names = code
        self.current_size, *limits = names
        self.limits = tuple(limits)
        self.connection = connection
        self.loop = loop
        self.protocol = connection.protocol
        self.messages = connection.recv_messages
        self.frames = self.messages.frames
        self.queue = self.frames.queue
        self.transport = connection._wsframe_transport
        self.is_server = self.protocol.side is server
        self.read_buffer = read_buffer
        self.fd = fd

    # Receiving.

    def take(self, bytes data not None):
        """take(data)

        Give the message of a read to the call of `recv` that waits for it.

        Returns:
            Whether it did; if not, nothing has happened.
        """
        if self.reads:  # it was tried
            return False
        return self.take_bytes(<const uint8_t *><char *>data, len(data))

    cdef bint take_bytes(self, const uint8_t *p, Py_ssize_t n) except -1:
        cdef Waiter waiter = self.waiter
        cdef tuple wakeup
        cdef uint64_t length
        cdef int size
        cdef const uint8_t *key = NO_KEY
        if not self.waits or waiter is None:
            return False
        size = read_header(p, n, &length)
        if size <= 0 or n < size or length != <uint64_t>(n - size):
            return False
        if (p[0] != (FIN | TEXT) and p[0] != (FIN | BINARY)) or bool(p[1] & MASKED) != self.is_server:
            return False
        if not self.may_take(length):
            return False
        wakeup = waiter.task_wakeup()
        if wakeup is None:
            return False
        if self.is_server:
            key = p + size - 4
        message = text_of(p + size, length, key) if p[0] & TEXT else unmasked(p + size, length, key)
        if message is None:  # not UTF-8
            return False
        output = self.connection._wsframe_output
        if output is not None:
            output._next_is_reply = True
        self.message = message
        waiter.run_task(wakeup)
        if self.message is not None:  # the task did not run up to here
            message, self.message = self.message, None
            self.queue.appendleft(self.make_queued(message))
        return True

    cdef bint may_take(self, uint64_t length) except -1:
        """Tell whether the connection waits for the start of a message, and may have one of this length."""
        connection, protocol, messages = self.connection, self.protocol, self.messages
        if connection.protocol is not protocol or connection.recv_messages is not messages:
            return False
        if not PyObject_IsTrue(self.receiving.holds(connection, protocol)):
            return False
        if (
            protocol._state is not self.is_open
            or protocol._wsframe_boundary is not protocol.parser
            or protocol._wsframe_large
            or protocol.extensions
            or protocol.writes
            or messages.closed
            or self.frames.get_waiter is not self.waiter.future
            or PyObject_Size(self.queue) != 0
        ):
            return False
        if getattr(protocol, self.current_size) is not None:  # a fragmented message has begun
            return False
        for name in self.limits:
            limit = getattr(protocol, name)
            if limit is not None and length > limit:
                return False
        return True

    def waiting(self):
        """waiting()

        Tell whether a call of `recv` waits here.
        """
        return self.waits

    def resume(self):
        """resume()

        Run the task that waits: messages are queued.  It must be the last thing that a callback does.
        """
        if self.waits and self.waiter is not None:
            self.waiter.resume()

    def __await__(self):
        cdef _Receiving call = _Receiving.__new__(_Receiving)
        call.path = self
        return call

    # Reading.

    def read_socket(self, Py_ssize_t size):
        """read_socket(size)

        Read the socket from now on, if this is useful after a read of so many bytes by the transport.
        """
        if self.fd < 0 or self.reads:
            return
        if size >= READ_SIZE:
            self.patience = PATIENCE
        elif self.patience:
            self.patience -= 1
        elif self.transport.is_reading():
            self.transport._add_reader(self.fd, self._read_ready)

    def release_socket(self):
        """release_socket()

        Let the transport read the socket again, for good.
        """
        if self.fd >= 0:
            if self.transport.is_reading():
                self.transport._add_reader(self.fd, self.transport._read_ready)
            self.fd = -1

    def _read_ready(self):
        """Read from the socket."""
        cdef Py_ssize_t size = -1
        cdef ReadBuffer buffer = self.read_buffer
        transport = self.transport
        if self.fd < 0 or buffer is None:
            return
        if transport._protocol is not self.connection:  # after set_protocol() the socket is not ours
            self.release_socket()
        else:
            size = wsf_recv(self.fd, buffer.start, READ_SIZE)
            if size < 0 and errno != EAGAIN:
                # The system reports it once: the transport would see the end of the stream.
                exc = OSError(errno, os.strerror(errno))
                transport._fatal_error(exc, "Fatal read error on socket transport")
                return
        if size <= 0:
            transport._read_ready()  # which handles the end of the stream
            return
        if size == READ_SIZE:  # the transport has more room
            self.patience = PATIENCE
            transport._add_reader(self.fd, transport._read_ready)
        self.reads = True
        try:
            if not self.take_bytes(<const uint8_t *>buffer.start, size):
                self.connection.data_received(PyBytes_FromStringAndSize(<char *>buffer.start, size))
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            transport._fatal_error(exc, "Fatal error: protocol.data_received() call failed.")
        finally:
            self.reads = False

    # Sending.

    def send(self, message):
        """send(message)

        Write a message.

        Returns:
            None if nothing has happened; else whether nothing is left to do, like to wait or to raise.

        Raises:
            Exception: the message cannot be encoded.
        """
        cdef bytes frame
        cdef bint is_text = type(message) is str
        connection, protocol = self.connection, self.protocol
        output, transport = connection._wsframe_output, connection._wsframe_transport
        if not isinstance(output, Coalescer) or not (is_text or type(message) is bytes):
            return None
        if (
            transport is None
            or connection.protocol is not protocol
            or protocol._state is not self.is_open
            or protocol.expect_continuation_frame
            or protocol.writes
            or connection.paused
            or not PyObject_IsTrue(self.sending.holds(connection, protocol))
        ):
            return None
        if protocol.extensions or protocol.debug or not self.is_server:
            frame = self.make_frame(protocol, TEXT if is_text else BINARY, message)
            if frame is None:
                return None
        elif is_text:
            frame = text_message(message, False)
        else:
            frame = binary_message(message, False)
        try:
            (<Coalescer>output).write_data(frame)
        except Exception:
            protocol.writes.append(frame)
            return False
        if connection.paused:
            return False
        return not PyObject_IsTrue(transport._closing if self.fd >= 0 else transport.is_closing())


@cython.final
@cython.freelist(64)
cdef class _Receiving:
    """A call that waits for a message; its result is None when it is for the queue or other code."""

    cdef FastConnection path
    cdef bint waits
    cdef bint ended

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        value = self.step()
        if self.ended:
            raise StopIteration(value)
        return value

    def throw(self, kind, value=None, traceback=None):
        self.close()
        if value is None:
            value = kind() if isinstance(kind, type) else kind
        raise value if traceback is None else value.with_traceback(traceback)

    def close(self):
        cdef Waiter waiter
        self.ended = True
        if self.waits:
            waiter = self.end_wait()
            if waiter is not None:
                waiter.close()
                waiter.future.cancel()

    cdef Waiter end_wait(self):
        cdef FastConnection path = self.path
        self.waits = path.waits = False
        path.frames.get_waiter = None
        path.messages.get_in_progress = False
        return path.waiter

    cdef object step(self):
        """Return the future to wait for, or set `ended` and return the message."""
        cdef FastConnection path = self.path
        cdef Waiter waiter
        if path is None or self.ended:
            raise RuntimeError("cannot reuse an already awaited call")
        if not self.waits:
            if not self.may_wait():
                self.ended = True
                return None
            waiter = path.waiter
            if waiter is None or not waiter.use_again():
                waiter = path.waiter = new_waiter(path.loop)
            future = waiter.awaited_future()
            path.messages.get_in_progress = True
            path.frames.get_waiter = future
            self.waits = path.waits = True
            return future
        waiter = <Waiter?>path.waiter
        try:
            future = waiter.awaited_future()
        except BaseException:
            self.close()
            raise
        if future is not None:  # neither resumed nor done
            return future
        self.end_wait()
        self.ended = True
        message, path.message = path.message, None
        return message

    cdef bint may_wait(self) except -1:
        """Tell whether there is nothing to receive, and nobody who waits already."""
        cdef FastConnection path = self.path
        connection, messages = path.connection, path.messages
        return not (
            path.waits
            or PyObject_Size(path.queue) != 0
            or connection.recv_messages is not messages
            or messages.get_in_progress
            or messages.closed
            or not PyObject_IsTrue(path.receiving.holds(connection, path.protocol))
        )


cdef PyObject *next_of(_Receiving call) except? NULL:
    """`__next__`, for the interpreter: it returns a value without making an exception and its traceback."""
    value = call.step()
    if call.ended:
        if value is not None:
            wsf_stop_iteration(value)
        return NULL
    Py_INCREF(value)
    return <PyObject *>value


(<PyTypeObject *>_Receiving).tp_iternext = <iternextfunc>next_of

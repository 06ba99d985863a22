# cython: binding=False
"""The receiving side of an endpoint: from the bytes of a read to the listener or the queue."""

# Rules of a Receiver and of the Stream on top of it.
#
# 1. Only the thread of the event loop calls them; `_pop` alone is safe from several threads (free threading).
# 2. `_decoder` is None before the handshake is done, after a violation, and after the connection is lost;
#    bytes then go to `_receive_undecoded`. It never goes from None to a decoder after it was one.
# 3. A message is either given to `_listener` or queued, never both. It is queued before `_waiter` is done.
# 4. `_waiter` belongs to the only call that waits for a message. It is never done with None while the
#    queue is empty, unless the connection has ended.
# 5. `_resume_at_queued` is -1 unless reading is paused because `_backlog` is over `_high_water`, or more than
#    `_high_water_queued` messages are queued; when `_pop` leaves no more messages than that, it calls
#    `_resume_reading` once.
# 6. The decoder may have unread bytes only after `_decode_later` was called; `_decode_more` decodes them.
#    New bytes are decoded after them, never before.
# 7. `_read_buffer` is not replaced while bytes in it are being decoded. Hooks are called with a copy.
# 8. `_receiving` is set while the listener is called and while the control frames of a read are processed;
#    then the pending writes are flushed.
# 9. The task that waits for the messages of a read of the socket or the transport is run at the end of that
#    callback (see Waiter), when nothing of the read is left to do.

import os

cimport cython
from cpython.buffer cimport (
    PyBUF_SIMPLE,
    PyBUF_WRITABLE,
    Py_buffer,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.list cimport PyList_GET_SIZE
from libc.errno cimport EAGAIN, errno
from libc.stdint cimport uint8_t, uint64_t

from wsframe._spec import Fragment

from wsframe._c.coalescer cimport LONG_AGO, Coalescer
from wsframe._c.message_decoder cimport MessageDecoder
from wsframe._c.waiter cimport Waiter, new_waiter


cdef extern from "Python.h":
    Py_ssize_t PY_SSIZE_T_MAX

cdef extern from "socket.h":
    Py_ssize_t wsf_recv(int fd, void *data, size_t size)


cdef enum:
    # The limit of what one call decodes of compressed messages, in units of `MessageDecoder.inflated`.
    DECODE_BUDGET = 262144


cdef class Receiver(Coalescer):
    """Decodes the bytes of a connection, and gives the messages to its listener or queues them."""

    def __cinit__(self, *args, **kwargs):
        self.queue = []
        self._high_water_queued = PY_SSIZE_T_MAX
        self._max_resume_at = PY_SSIZE_T_MAX
        self._resume_at_queued = -1
        self._reading = True

    # What a subclass has to do.

    def _receive_undecoded(self, data):
        """Process bytes that arrive while there is no decoder."""
        raise NotImplementedError

    def _receive_events(self, events, size):
        """Process the control frames and messages of `size` bytes; a violation may follow them."""
        raise NotImplementedError

    def _listener_failed(self):
        """Handle the current exception, which the listener raised."""
        raise NotImplementedError

    def _make_waiter(self):
        """Set `_waiter` and return it, or raise the reason why no message will arrive."""
        raise NotImplementedError

    def _pause_reading(self):
        """Pause reading: the backlog is over the high-water mark."""
        raise NotImplementedError

    def _resume_reading(self):
        """Resume decoding and reading: no more than `_resume_at_queued` messages are queued."""
        raise NotImplementedError

    def _decode_later(self):
        """Schedule `_decode_more` for a later loop iteration."""
        raise NotImplementedError

    # The transport.

    @property
    def _read_buffer(self):
        """The memory that the transport reads into."""
        return self.buffer

    @_read_buffer.setter
    def _read_buffer(self, buffer):
        cdef Py_buffer view
        if self.reads_in_progress:
            raise RuntimeError("the read buffer is in use")
        own = memoryview(buffer)  # our own, so that nobody else can release or resize it
        PyObject_GetBuffer(buffer, &view, PyBUF_WRITABLE)
        self.buffer_owner = own
        self.buffer = buffer
        self.buffer_start = view.buf
        self.buffer_size = view.len
        PyBuffer_Release(&view)

    def _use_socket(self, int fd, bint reads=True):
        """_use_socket(fd, reads=True)

        Read from a socket and write to it directly, where this makes no difference to its transport.

        Args:
            fd: descriptor of the socket of `transport`, which sends bytes unchanged; -1 for none.
            reads: whether to read from it, too; only for the transports of asyncio's selector loops.
        """
        Coalescer._use_socket(self, fd)
        self.reads_socket = reads

    def get_buffer(self, sizehint):
        return self.buffer

    def buffer_updated(self, Py_ssize_t nbytes):
        if not 0 <= nbytes <= self.buffer_size:
            raise ValueError("nbytes is out of range")
        cdef bint was_open = self._decoder is not None  # many connections end before they send anything
        try:
            self.receive_read(nbytes)
            if (
                was_open
                and self.reads_socket
                and self.fd >= 0
                and self._decoder is not None
                and self._transport.is_reading()
            ):
                # Instead of its own, until it pauses.
                self._transport._add_reader(self.fd, self._read_ready)
        finally:
            self.resume_woken()

    def _read_ready(self):
        """Read from the socket."""
        cdef Py_ssize_t size = -1
        transport = self._transport  # which stays, whatever its attributes do
        if self.fd >= 0:
            if transport._protocol is not self:  # after set_protocol() the socket is not ours
                self.flush_pending()
                Coalescer._use_socket(self, -1)
                transport._add_reader(transport._sock_fd, transport._read_ready)
            else:
                size = wsf_recv(self.fd, self.buffer_start, self.buffer_size)
                if size < 0 and errno != EAGAIN:
                    # The system reports it once: the transport would see the end of the stream.
                    exc = OSError(errno, os.strerror(errno))
                    transport._fatal_error(exc, "Fatal read error on socket transport")
                    return
        if size <= 0:
            transport._read_ready()  # which handles the end of the stream
            return
        try:
            self.receive_read(size)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            transport._fatal_error(exc, "Fatal error: the bytes of a read could not be processed.")
        finally:
            self.resume_woken()

    # Receiving.

    def _receive(self, data):
        """Process bytes from the peer."""
        cdef Py_buffer view
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            self.receive_bytes(view.buf, view.len)
        finally:
            PyBuffer_Release(&view)

    cdef int receive_read(self, Py_ssize_t size) except -1:
        """Process bytes that were read into the buffer."""
        self.reads_in_progress += 1
        try:
            return self.receive_bytes(self.buffer_start, size)
        finally:
            self.reads_in_progress -= 1

    cdef int receive_bytes(self, void *data, Py_ssize_t size) except -1:
        self._received_since_check = True
        if self._decoder is None:
            self._receive_undecoded(PyBytes_FromStringAndSize(<char *>data, size))  # a copy
            return 0
        return self.decode_bytes(<const uint8_t *>data, size)

    def _decode_more(self):
        """Decode more of the unread bytes (see DECODE_BUDGET)."""
        if self._decoder is not None:
            self.decode_bytes(NULL, 0)

    cdef int decode_bytes(self, const uint8_t *data, Py_ssize_t size) except -1:
        cdef bint only_messages
        cdef MessageDecoder decoder = <MessageDecoder?>self._decoder
        cdef uint64_t inflated = decoder.cost
        cdef uint64_t controls = decoder.controls
        cdef list messages = decoder.feed_bytes(data, size, DECODE_BUDGET)
        only_messages = decoder.controls == controls and not decoder.stopped
        self._bytes_received += size
        self._messages_received += PyList_GET_SIZE(messages)
        size += decoder.cost - inflated
        if not only_messages:
            self._messages_received += last_fragments(messages) - (decoder.controls - controls)
            self._receive_events(messages, size)
        elif self._listener is None:
            self._enqueue(messages, size)
        else:
            self._deliver(messages)
        if decoder.unread_data is not None:
            self._decode_later()
        return 0

    def _deliver(self, list messages not None):
        """Call the listener with messages; its replies to more than one are coalesced."""
        self.single_message = PyList_GET_SIZE(messages) == 1 and not self._receiving
        if self.single_message:
            self.last_write_at = LONG_AGO  # a new loop iteration
        self._receiving = True
        try:
            listener = self._listener
            on_message = listener.on_message
            for message in messages:
                on_message(self, message)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            self._listener_failed()
        finally:
            self._receiving = self.single_message = False
            self.flush_pending()

    def _enqueue(self, list messages not None, Py_ssize_t size):
        """Queue the messages of a read of `size` bytes; pause reading above a high-water mark."""
        cdef bint over_high_water
        self._backlog = self._backlog + size if self.queue_size() else size
        self._next_is_reply = True
        if self._drop_excess and self._backlog > self._high_water:
            if self._decoder is not None:
                (<MessageDecoder?>self._decoder).skipping = True
            return
        self.extend_queue(messages)
        over_high_water = self._backlog > self._high_water and self.queue_size() > 1
        if (over_high_water or self.queue_size() > self._high_water_queued) and self._resume_at_queued < 0:
            self._resume_at_queued = min(
                self.queue_size() // 4 if over_high_water else PY_SSIZE_T_MAX, self._max_resume_at
            )
            self._pause_reading()
        if messages:
            self.wakeup_waiter()

    @property
    def _queued(self):
        """How many messages are queued."""
        return self.queue_size()

    cdef Py_ssize_t queue_size(self):
        return PyList_GET_SIZE(self.queue) - self.queue_head

    def _push(self, messages):
        """Queue messages."""
        self.extend_queue(list(messages))

    cdef int extend_queue(self, list messages) except -1:
        """Queue messages; the list must not be used by the caller any more."""
        with cython.critical_section(self):
            if self.queue_size():
                del self.queue[: self.queue_head]
                self.queue.extend(messages)
            else:
                self.queue = messages
            self.queue_head = 0
        return 0

    def _pop(self):
        """Remove and return the next message; there must be one."""
        return self.pop()

    cdef object pop(self):
        cdef bint caught_up = False
        with cython.critical_section(self):
            if self.queue_size() == 0:
                raise IndexError("no message is queued")
            message = self.queue[self.queue_head]
            self.queue[self.queue_head] = None
            self.queue_head += 1
            if self.queue_size() <= self._resume_at_queued:
                self._resume_at_queued = -1
                caught_up = True
        if caught_up:
            self._resume_reading()
        return message

    def _message_waiter(self):
        """Return a waiter that is done when a message is queued."""
        return self.message_waiter()

    cdef Waiter message_waiter(self):
        cdef Waiter waiter
        if self._decoder is None or self._waiter is not None or not self._reading:
            return self._make_waiter()
        waiter = self.last_waiter
        if waiter is None or not waiter.use_again():
            waiter = new_waiter(self._loop)
        self._waiter = waiter
        return waiter

    def _wakeup_waiter(self):
        """Wake up the call that waits for a message."""
        self.wakeup_waiter()

    cdef int wakeup_waiter(self) except -1:
        cdef Waiter waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if self.reads_in_progress:
                self.ready_waiter = waiter
            else:
                waiter.set_result(None)
        return 0

    cdef int resume_woken(self) except -1:
        """Run the task that the messages of a read have woken up."""
        cdef Waiter waiter = self.ready_waiter
        if waiter is not None:
            self.ready_waiter = None
            self.last_waiter = waiter
            return waiter.resume()
        return 0


cdef Py_ssize_t last_fragments(list events) except -1:
    """Return how many of the events end a message in fragments."""
    cdef Py_ssize_t found = 0
    for event in events:
        if type(event) is Fragment and event.final:
            found += 1
    return found

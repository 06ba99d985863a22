"""What every message of a connection runs through: the way in, the queue it waits in, and the way out."""

cimport cython
from cpython.buffer cimport (
    PyBUF_SIMPLE,
    PyBUF_WRITABLE,
    Py_buffer,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.bytearray cimport PyByteArray_Check
from cpython.bytes cimport PyBytes_Check, PyBytes_FromStringAndSize
from cpython.list cimport PyList_GET_SIZE
from cpython.memoryview cimport PyMemoryView_Check
from cpython.unicode cimport PyUnicode_Check
from libc.stdint cimport uint8_t, uint64_t

from collections.abc import Coroutine

from wsframe._c.coalescer cimport FIRST_NOW, LATER, LONG_AGO, NOW, Coalescer
from wsframe._c.message_decoder cimport cost_of, feed_messages, has_unread, skip_messages
from wsframe._c.encoder cimport binary_message, text_message


cdef extern from "socket.h":
    Py_ssize_t wsf_recv(int fd, void *data, size_t size)


cdef enum:
    # Bytes of a message from which it is not compressed in one go.
    LARGE = 262144
    # What the compressed messages may cost that are decoded in one go, in bytes inflated or the like.
    DECODE_BUDGET = 262144


cdef extern from *:
    """
    static void wsf_warn_never_awaited(void) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        if (PyErr_WarnEx(PyExc_RuntimeWarning, "send() was never awaited: nothing was sent", 1))
            PyErr_WriteUnraisable(NULL);
        PyErr_Restore(type, value, traceback);
    }
    """
    void wsf_warn_never_awaited()


@cython.final
@cython.freelist(64)
cdef class _Sending:
    """A call of `send`, which begins when it is first awaited; a task takes it like a coroutine."""

    cdef Stream stream  # None once it has begun
    cdef object message
    cdef object rest  # the coroutine that does what cannot be done at once

    @property
    def __name__(self):
        return "send"

    @property
    def __qualname__(self):
        return "Connection.send"

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        if self.stream is None:
            return self.rest_of().send(None)
        if self.begin():
            raise StopIteration
        return self.rest.send(None)

    def send(self, value):
        if self.stream is None:
            return self.rest_of().send(value)
        if value is not None:
            raise TypeError("can't send non-None value to a just-started coroutine")
        return self.__next__()

    def throw(self, *exc):
        if self.stream is not None:
            self.postpone()
        return self.rest_of().throw(*exc)

    def close(self):
        self.stream = None
        self.message = None
        if self.rest is not None:
            self.rest.close()

    def __dealloc__(self):
        if self.stream is not None:
            wsf_warn_never_awaited()

    cdef object rest_of(self):
        if self.rest is None:
            raise RuntimeError("cannot reuse an already awaited send()")
        return self.rest

    cdef int postpone(self) except -1:
        """Leave it all to the coroutine."""
        cdef Stream stream = self.stream
        message = self.message
        self.stream = None
        self.message = None
        self.rest = stream.send_slowly(message)
        return 0

    cdef bint begin(self) except -1:
        """Send at once where that is possible; return whether nothing is left to do."""
        cdef Stream stream = self.stream
        message = self.message
        if stream.senders or not is_whole(message) or (not stream.plain and len(message) >= LARGE):
            self.postpone()
            return False
        self.stream = None
        self.message = None
        stream.send_message(message)
        if not stream.congested:
            return True
        self.rest = stream.drain()
        return False


Coroutine.register(_Sending)


cdef class Stream(Coalescer):
    """The quick paths of a connection; its owner takes the slow ones.

    Received messages go to the listener, or wait here until they are popped.  What is sent in reply to
    the only message at hand leaves at once; what is sent in reply to many leaves in one write.
    """

    # In.
    cdef public object decoder  # a MessageDecoder; None while there is nothing to decode
    cdef public object listener
    cdef object buffer
    cdef object held  # keeps the memory of the buffer where it is
    cdef int taking  # calls that take bytes out of it
    cdef void *start  # of the buffer
    cdef Py_ssize_t room
    cdef list queue
    cdef Py_ssize_t head  # of the queue: how many of it are popped
    cdef readonly Py_ssize_t backlog  # bytes read since the queue was last empty
    cdef public Py_ssize_t high
    cdef public Py_ssize_t low
    cdef public bint reading
    cdef public object create_future
    cdef public object waiter
    cdef public bint discarding  # messages over the mark are dropped: the connection is closing
    cdef public bint heard  # bytes have arrived since the keep-alive looked
    # Out.
    cdef public bint masked
    cdef public bint plain
    cdef public bint congested
    cdef public int senders  # calls of `send` that are under way and not done at once
    cdef bint single
    cdef bint reads  # from the socket itself

    def __cinit__(self, *args, **kwargs):
        self.queue = []
        self.low = -1
        self.reading = True

    # What the owner has to do.

    def take_other(self, data):
        """Take bytes while there is no decoder."""
        raise NotImplementedError

    def take_events(self, events, size):
        """Take what so many bytes held: control frames among messages, or a violation behind them."""
        raise NotImplementedError

    def listener_failed(self):
        """The listener raised the exception that is being handled."""
        raise NotImplementedError

    def make_arrival(self):
        """Set `waiter` and return it, or raise why no message will come; also where reading has stopped."""
        raise NotImplementedError

    def read_no_more(self):
        """Stop reading."""
        raise NotImplementedError

    def caught_up(self):
        """No more than `low` messages are queued."""
        raise NotImplementedError

    def send_slowly(self, message):
        """Return a coroutine that sends a message behind those of other senders, or in fragments or steps."""
        raise NotImplementedError

    def drain(self):
        """Return a coroutine that waits until the peer has caught up."""
        raise NotImplementedError

    def finish_sends(self):
        """Send at once what `send_slowly` has begun or been given before."""
        raise NotImplementedError

    def may_queue(self, message):
        """Tell whether a message that nobody waits for may be sent to a peer that is behind."""
        raise NotImplementedError

    def decode_later(self):
        """Go on with `decode_more` when the application and the loop had their time."""
        raise NotImplementedError

    def frame_of(self, message):
        """Write a message as the state of the connection demands, or refuse it."""
        raise NotImplementedError

    # The transport.

    @property
    def view(self):
        """What the transport reads into."""
        return self.buffer

    @view.setter
    def view(self, buffer):
        cdef Py_buffer view
        if self.taking:
            raise RuntimeError("view is being read from")
        held = memoryview(buffer)  # our own, so that nobody else can release or resize it
        PyObject_GetBuffer(buffer, &view, PyBUF_WRITABLE)
        self.held = held
        self.buffer = buffer
        self.start = view.buf
        self.room = view.len
        PyBuffer_Release(&view)

    def use_socket(self, int fd, bint reads=True):
        """use_socket(fd, reads=True)

        Read from a socket and write to it past its transport, where that makes no difference.

        Args:
            fd: of the socket of `transport`, which sends bytes as they are; -1 to leave all to the transport.
            reads: whether to read from it too; only for the transports of asyncio's selector loops.
        """
        Coalescer.use_socket(self, fd)
        self.reads = reads

    def get_buffer(self, sizehint):
        return self.buffer

    def buffer_updated(self, Py_ssize_t nbytes):
        if not 0 <= nbytes <= self.room:
            raise ValueError("nbytes is out of range")
        self.take_read(nbytes)
        if self.reads and self.fd >= 0 and self.decoder is not None and self._transport.is_reading():
            self._transport._add_reader(self.fd, self.readable)  # instead of its own, until it pauses

    def readable(self):
        """Read from the socket."""
        cdef Py_ssize_t size = -1
        if self.fd >= 0:
            if self._transport._protocol is not self:  # after set_protocol() the socket is not ours
                self.flush_pending()
                Coalescer.use_socket(self, -1)
                self._transport._add_reader(self._transport._sock_fd, self._transport._read_ready)
            else:
                size = wsf_recv(self.fd, self.start, self.room)
        if size <= 0:
            self._transport._read_ready()  # it knows what to do at the end of the stream
            return
        try:
            self.take_read(size)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._transport._fatal_error(exc, "Fatal error: the bytes of a read could not be taken.")

    # Receiving.

    def receive(self, data):
        """Take bytes from the peer."""
        cdef Py_buffer view
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            self.take(view.buf, view.len)
        finally:
            PyBuffer_Release(&view)

    cdef int take_read(self, Py_ssize_t size) except -1:
        """Take what was read into the view."""
        self.taking += 1
        try:
            return self.take(self.start, size)
        finally:
            self.taking -= 1

    cdef int take(self, void *data, Py_ssize_t size) except -1:
        self.heard = True
        if self.decoder is None:
            self.take_other(PyBytes_FromStringAndSize(<char *>data, size))  # who takes it may keep it
            return 0
        return self.decode(<const uint8_t *>data, size)

    def decode_more(self):
        """Decode more of what one read brought (see DECODE_BUDGET)."""
        if self.decoder is not None:
            self.decode(NULL, 0)

    cdef int decode(self, const uint8_t *data, Py_ssize_t size) except -1:
        cdef bint plain = False
        cdef object decoder = self.decoder
        cdef uint64_t inflated = cost_of(decoder)
        cdef list messages = feed_messages(decoder, data, size, DECODE_BUDGET, &plain)
        size += cost_of(decoder) - inflated
        if not plain:
            self.take_events(messages, size)
        elif self.listener is None:
            self.enqueue(messages, size)
        else:
            self.deliver(messages)
        if has_unread(decoder):
            self.decode_later()
        return 0

    def deliver(self, list messages not None):
        """Give messages to the listener; what it sends in reply to many leaves in one write."""
        self.single = PyList_GET_SIZE(messages) == 1 and not self.receiving
        if self.single:
            self.written = LONG_AGO  # another iteration of the loop
        self.receiving = True
        try:
            on_message = self.listener.on_message
            for message in messages:
                on_message(self, message)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            self.listener_failed()
        finally:
            self.receiving = self.single = False
            self.flush_pending()

    def enqueue(self, list messages not None, Py_ssize_t size):
        """Queue the messages of a read of so many bytes; stop reading when there are too many."""
        self.backlog = self.backlog + size if self.count() else size
        self.fresh = True
        if self.discarding and self.backlog > self.high:
            skip_messages(self.decoder)
            return
        self.put_in(messages)
        if self.backlog > self.high and self.low < 0 and self.count() > 1:
            self.low = self.count() // 4
            self.read_no_more()
        if messages:
            self.let_go()

    @property
    def queued(self):
        """How many messages wait to be received."""
        return self.count()

    cdef Py_ssize_t count(self):
        return PyList_GET_SIZE(self.queue) - self.head

    def push(self, messages):
        """Queue messages."""
        self.put_in(list(messages))

    cdef int put_in(self, list messages) except -1:
        """Queue messages; the list is ours from now on."""
        with cython.critical_section(self):
            if self.count():
                del self.queue[: self.head]
                self.queue.extend(messages)
            else:
                self.queue = messages
            self.head = 0
        return 0

    def pop(self):
        """Take the next message; there must be one."""
        cdef bint caught_up = False
        with cython.critical_section(self):
            if self.count() == 0:
                raise IndexError("no message is queued")
            message = self.queue[self.head]
            self.queue[self.head] = None
            self.head += 1
            if self.count() <= self.low:
                self.low = -1
                caught_up = True
        if caught_up:
            self.caught_up()
        return message

    def arrival(self):
        """Make the future that the next message sets, for the one who waits for it."""
        if self.decoder is None or self.waiter is not None or not self.reading:
            return self.make_arrival()
        self.waiter = waiter = self.create_future()
        return waiter

    def wake(self):
        """Let the one who waits go on."""
        self.let_go()

    cdef int let_go(self) except -1:
        waiter = self.waiter
        if waiter is not None:
            self.waiter = None
            if not waiter.done():
                waiter.set_result(None)
        return 0

    # Sending.

    def send(self, message):
        """send(message)

        Send a message; to be awaited.

        Messages leave in the order in which their `send` was first awaited.  It waits while an earlier
        message is sent in fragments, and until the peer has caught up.  A large message is compressed
        bit by bit, with time for the loop in between, and leaves uncompressed if a sample does not shrink.

        Args:
            message: str for text, bytes-like for binary; an iterable or asynchronous iterable of
                one of them is sent as fragments.

        Raises:
            ConnectionClosed: the connection is closing or closed.
            TypeError: the message is of another type, or its fragments are not all of one kind.
        """
        cdef _Sending sending = _Sending.__new__(_Sending)
        sending.stream = self
        sending.message = message
        return sending

    def send_nowait(self, message):
        """send_nowait(message)

        Send a message without waiting.

        A peer that does not read gets no more than `max_unsent` bytes queued (see `serve`).

        Args:
            message: str for text, bytes-like for binary.

        Raises:
            ConnectionClosed: the connection is closing or closed.
            RuntimeError: a message is being sent in fragments.
            TypeError: the message is of another type.
        """
        if self.senders:
            self.finish_sends()
        if not self.congested or self.may_queue(message):
            self.send_message(message)

    cdef int send_message(self, object message) except -1:
        cdef bytes frame
        if not self.plain:
            frame = self.frame_of(message)
        elif PyUnicode_Check(message):
            frame = text_message(message, self.masked)
        else:
            frame = binary_message(message, self.masked)
        return self.put_frame(frame)

    def write(self, bytes frame not None):
        """Send a frame, now or with others at the end of this iteration of the loop."""
        self.put_frame(frame)

    cdef int put_frame(self, bytes frame) except -1:
        cdef int when = FIRST_NOW
        if self.receiving:
            when = FIRST_NOW if self.single else LATER
        elif self.count():
            when = LATER  # the replies to all messages at hand leave with the last
        elif self.fresh:
            self.fresh = False
            when = NOW
        return self.put(frame, when)


cdef bint is_whole(object message):
    """Tell a message from fragments of one."""
    return (
        PyUnicode_Check(message)
        or PyBytes_Check(message)
        or PyByteArray_Check(message)
        or PyMemoryView_Check(message)
    )

"""What every message of a connection runs through: the way in, the queue it waits in, and the way out."""

cimport cython
from cpython.buffer cimport (
    PyBUF_READ,
    PyBUF_SIMPLE,
    PyBUF_WRITABLE,
    Py_buffer,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.bytearray cimport PyByteArray_Check
from cpython.bytes cimport PyBytes_Check
from cpython.list cimport PyList_GET_SIZE
from cpython.memoryview cimport PyMemoryView_Check
from cpython.unicode cimport PyUnicode_Check
from libc.stdint cimport uint8_t

from collections.abc import Coroutine

from wsframe._c.coalescer cimport FIRST_NOW, LATER, LONG_AGO, NOW, Coalescer
from wsframe._c.decoder cimport NO_BUDGET, messages_in
from wsframe._c.encoder cimport binary_message, text_message


cdef extern from "Python.h":
    object PyMemoryView_FromMemory(char *data, Py_ssize_t size, int flags)

cdef extern from "socket.h":
    Py_ssize_t wsf_recv(int fd, void *data, size_t size)


@cython.final
cdef class Done:
    """What was done when it was asked for: awaiting it does nothing, and a task accepts it."""

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        raise StopIteration

    def send(self, value):
        raise StopIteration

    def throw(self, kind, value=None, traceback=None):
        raise kind

    def close(self):
        pass


Coroutine.register(Done)

cdef Done DONE = Done.__new__(Done)


cdef class Stream(Coalescer):
    """The quick paths of a connection; its owner takes the slow ones.

    Received messages go to the listener, or wait here until they are popped.  What is sent in reply to
    the only message at hand leaves at once; what is sent in reply to many leaves in one write.
    """

    # In.
    cdef public object decoder  # a MessageDecoder; None while there is nothing to decode
    cdef public object listener
    cdef object buffer
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
    # Out.
    cdef public bint masked
    cdef public bint plain
    cdef public bint congested
    cdef public bint fresh
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

    def send_later(self, message):
        """Send what is no plain message, or wait for the peer to catch up first."""
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
        PyObject_GetBuffer(buffer, &view, PyBUF_WRITABLE)
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
        self.take(self.start, nbytes)
        if self.reads and self.fd >= 0 and self.decoder is not None and self._transport.is_reading():
            self._transport._add_reader(self.fd, self.readable)  # instead of its own, until it pauses

    def readable(self):
        """Read from the socket."""
        cdef Py_ssize_t size = -1
        if self.fd >= 0:
            size = wsf_recv(self.fd, self.start, self.room)
        if size <= 0:
            self._transport._read_ready()  # it knows what to do at the end of the stream
            return
        try:
            self.take(self.start, size)
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

    cdef int take(self, void *data, Py_ssize_t size) except -1:
        cdef bint plain = False
        cdef list messages
        if self.decoder is None:
            self.take_other(PyMemoryView_FromMemory(<char *>data, size, PyBUF_READ))
            return 0
        messages = messages_in(self.decoder, <const uint8_t *>data, size, NO_BUDGET, &plain)
        if not plain:
            self.take_events(messages, size)
        elif self.listener is None:
            self.enqueue(messages, size)
        else:
            self.deliver(messages)
        return 0

    def deliver(self, list messages):
        """Give messages to the listener; what it sends in reply to many leaves in one write."""
        self.single = PyList_GET_SIZE(messages) == 1 and not self.receiving
        if self.single:
            self.written = LONG_AGO  # another iteration of the loop
        self.receiving = True
        try:
            on_message = self.listener.on_message
            for message in messages:
                on_message(self, message)
        except Exception:
            self.listener_failed()
        finally:
            self.receiving = self.single = False
            self.flush_pending()

    def enqueue(self, list messages, Py_ssize_t size):
        """Queue the messages of a read of so many bytes; stop reading when there are too many."""
        self.backlog = self.backlog + size if self.count() else size
        self.put_in(messages)
        self.fresh = True
        if self.backlog > self.high and self.reading and self.count() > 1:
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

        Send a message.

        Args:
            message: str for text, bytes-like for binary; an iterable or asynchronous iterable of
                one of them is sent as fragments.

        Returns:
            What is to be awaited; it waits only when the peer does not keep up.

        Raises:
            ConnectionClosed: the connection is closing or closed.
            TypeError: the message is of another type.
        """
        if self.congested or not is_whole(message):
            return self.send_later(message)
        self.send_message(message)
        return DONE

    def send_nowait(self, message):
        """send_nowait(message)

        Send a message without waiting, however far behind the peer is (see `congested`).

        Args:
            message: str for text, bytes-like for binary.

        Raises:
            ConnectionClosed: the connection is closing or closed.
            TypeError: the message is of another type.
        """
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

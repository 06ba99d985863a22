"""What every message of a connection runs through: the queue it waits in, and the way out."""

cimport cython
from cpython.bytearray cimport PyByteArray_Check
from cpython.bytes cimport PyBytes_Check, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_SIZE
from cpython.memoryview cimport PyMemoryView_Check
from cpython.unicode cimport PyUnicode_Check

from collections.abc import Coroutine

from wsframe._c.encoder cimport binary_message, text_message


# Bytes that wait for the end of the loop's turn at most before they are written.
cdef enum:
    CORK_SIZE = 65536


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


cdef class Stream:
    """The quick paths of a connection; its owner takes the slow ones.

    Received messages wait here until they are popped.  What is sent in answer to the only message
    at hand goes straight to the transport; all else of a turn of the loop leaves in one write.
    """

    cdef list queue
    cdef Py_ssize_t head  # of the queue: how many of it are popped
    cdef list cork
    cdef Py_ssize_t corked
    cdef public object call_soon
    cdef public object transport_write
    cdef public bint masked
    cdef public bint plain
    cdef public bint congested
    cdef public bint fresh
    cdef public bint receiving
    cdef public Py_ssize_t low

    def __cinit__(self, *args, **kwargs):
        self.queue = []
        self.cork = []
        self.low = -1

    # What the owner has to do.

    def send_later(self, message):
        """Send what is no plain message, or wait for the peer to catch up first."""
        raise NotImplementedError

    def frame_of(self, message):
        """Write a message as the state of the connection demands, or refuse it."""
        raise NotImplementedError

    def caught_up(self):
        """No more than `low` messages are queued."""
        raise NotImplementedError

    # Receiving.

    cdef Py_ssize_t count(self):
        return PyList_GET_SIZE(self.queue) - self.head

    @property
    def queued(self):
        """How many messages wait to be received."""
        return self.count()

    def push(self, messages):
        """Queue messages."""
        with cython.critical_section(self):
            if self.count():
                del self.queue[: self.head]
                self.queue.extend(messages)
            else:
                self.queue = list(messages)
            self.head = 0

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
        self.put(frame)
        return 0

    def write(self, bytes frame not None):
        """Send a frame, now or with others at the end of this turn of the loop."""
        self.put(frame)

    cdef int put(self, bytes frame) except -1:
        cdef bint last = self.fresh and not self.receiving and self.count() == 0
        if not self.cork:
            if last:
                self.fresh = False
                self.transport_write(frame)
                return 0
            if not self.receiving:
                self.call_soon(self.flush)
        self.cork.append(frame)
        self.corked += PyBytes_GET_SIZE(frame)
        if last or self.corked > CORK_SIZE:
            self.fresh = False
            self.uncork()
        return 0

    def flush(self):
        """Write what waits."""
        self.uncork()

    cdef int uncork(self) except -1:
        if self.cork:
            data = b"".join(self.cork)
            self.cork.clear()
            self.corked = 0
            self.transport_write(data)
        return 0

    def discard(self):
        """Forget what waits to be written."""
        self.cork.clear()
        self.corked = 0


cdef bint is_whole(object message):
    """Tell a message from fragments of one."""
    return (
        PyUnicode_Check(message)
        or PyBytes_Check(message)
        or PyByteArray_Check(message)
        or PyMemoryView_Check(message)
    )

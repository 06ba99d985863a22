# cython: binding=False
"""The fast paths of an endpoint: receiving, which a Receiver does, and sending."""

# Rules of a Stream, besides those of a Receiver.
#
# 1. `_encodes_directly` is true only while the connection is open, without an extension, and not between the
#    fragments of a message. Then messages are encoded without a call of `_encode_message`.
# 2. `_pending_sends` counts the calls of `_send_slow_path` that have not written their last frame. While it
#    is not 0, every `send` takes the slow path, so that no message overtakes another; `send_nowait` first
#    calls `_finish_pending_sends`.
# 3. `send` does nothing before it is awaited. It has written its message when `drain` is called, and a
#    cancelled `send` that waits in `drain` has sent it.
# 4. A frame is written whole or not at all, in the order of the calls of `_write`.

cimport cython
from cpython.bytearray cimport PyByteArray_Check
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_Check, PyBytes_GET_SIZE
from cpython.memoryview cimport PyMemoryView_Check
from cpython.unicode cimport PyUnicode_Check

from collections.abc import Coroutine

from wsframe._c.coalescer cimport AT_END, FIRST_NOW, LATER, NOW
from wsframe._c.encoder cimport binary_message, text_message
from wsframe._c.header cimport CONTROL, FIN
from wsframe._c.receiver cimport Receiver


cdef extern from *:
    """
    static void wsf_warn_never_awaited(void) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        if (PyErr_WarnEx(PyExc_RuntimeWarning, "send() was never awaited: nothing was sent", 1))
            PyErr_WriteUnraisable(NULL);
        PyErr_Restore(type, value, traceback);
    }

    /* On CPython 3.10, functions of Cython have a read-only attribute `_is_coroutine`; this sets it. */
    #if PY_VERSION_HEX < 0x030B0000
    #define wsf_mark_coroutine(function) \\
        ((void)(((__pyx_CyFunctionObject *)(function))->flags |= __Pyx_CYFUNCTION_COROUTINE))
    #else
    #define wsf_mark_coroutine(function) ((void)(function))
    #endif
    """
    void wsf_warn_never_awaited()
    void wsf_mark_coroutine(object function)


@cython.final
@cython.freelist(64)
cdef class _Sending:
    """A call of `send`, which does nothing until it is awaited; tasks accept it as a coroutine."""

    cdef Stream stream  # None once it has started
    cdef object message
    cdef object coroutine  # of the slow path, or of `drain`

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
            return self.running().send(None)
        if self.begin():
            raise StopIteration
        return self.coroutine.send(None)

    def send(self, value):
        if self.stream is None:
            return self.running().send(value)
        if value is not None:
            raise TypeError("can't send non-None value to a just-started coroutine")
        return self.__next__()

    def throw(self, *exc):
        if self.stream is not None:
            self.make_coroutine()
        return self.running().throw(*exc)

    def close(self):
        self.stream = None
        self.message = None
        if self.coroutine is not None:
            self.coroutine.close()

    def __dealloc__(self):
        if self.stream is not None:
            wsf_warn_never_awaited()

    cdef object running(self):
        if self.coroutine is None:
            raise RuntimeError("cannot reuse an already awaited send()")
        return self.coroutine

    cdef int make_coroutine(self) except -1:
        """Make the coroutine that sends the message."""
        cdef Stream stream = self.stream
        message = self.message
        self.stream = None
        self.message = None
        self.coroutine = stream._send_slow_path(message)
        return 0

    cdef bint begin(self) except -1:
        """Send at once if possible; return whether nothing is left to do."""
        cdef Stream stream = self.stream
        message = self.message
        if (
            stream._pending_sends
            or not is_message(message)
            or (not stream._encodes_directly and len(message) >= LARGE_MESSAGE)
        ):
            self.make_coroutine()
            return False
        self.stream = None
        self.message = None
        try:
            stream.send_message(message)
        except Exception as exc:
            self.coroutine = stream._send_failed(exc)
            return False
        if not stream.congested:
            return True
        self.coroutine = stream.drain()
        return False


Coroutine.register(_Sending)


cdef class Stream(Receiver):
    """The fast paths of a connection; a subclass has the slow paths.

    The reply to a single message is written at once; replies to several are coalesced.
    """

    # What a subclass has to do.

    def _send_slow_path(self, message):
        """Return a coroutine that sends a message after those of pending sends, or in fragments or steps."""
        raise NotImplementedError

    def _send_failed(self, exc):
        """Return a coroutine that raises what `send` failed with, when a closing connection is closed."""
        raise NotImplementedError

    def _send_as(self, message, text):
        """Return a coroutine that sends a message as text or binary, for str and bytes alike."""
        raise NotImplementedError

    def drain(self):
        """Return a coroutine that waits until the transport takes more."""
        raise NotImplementedError

    def _finish_pending_sends(self):
        """Write the messages of pending sends at once, or raise RuntimeError."""
        raise NotImplementedError

    def _may_queue(self, message):
        """Tell whether `send_nowait` may write a message although the peer is behind."""
        raise NotImplementedError

    def _encode_message(self, message):
        """Make the frame of a message, as the state of the connection requires, or raise."""
        raise NotImplementedError

    # Sending.

    @cython.binding(True)  # so that it can be marked as a coroutine function
    def send(self, message, *, text=None):
        """send(message, *, text=None)

        Send a message; to be awaited.

        Messages are sent in the order in which their `send` was first awaited.  It waits while an earlier
        message is sent in fragments, and until the peer has caught up.  A large message is compressed in
        steps, between which the loop runs, or sent uncompressed if a sample of it does not shrink.

        Args:
            message: str for text, bytes-like for binary; an iterable or asynchronous iterable of
                one of them is sent as fragments.
            text: True to send bytes-like as text, which must be UTF-8, False to send str as binary.

        Raises:
            ConnectionClosed: the connection is closing or closed.
            TypeError: the message is of another type, or its fragments are not all of one kind.
        """
        cdef _Sending sending
        if not isinstance(<object>self, Stream):  # which a bound function does not check
            raise TypeError("send needs a connection")
        if text is not None:
            return self._send_as(message, text)
        sending = _Sending.__new__(_Sending)
        sending.stream = self
        sending.message = message
        return sending

    def send_nowait(self, message):
        """send_nowait($self, message)\n--\n
        Send a message without waiting.

        A peer that does not read gets no more than `max_unsent` bytes queued (see `serve`).  A large message
        is compressed at once, not in steps as by `send`.

        Args:
            message: str for text, bytes-like for binary.

        Raises:
            ConnectionClosed: the connection is closing or closed.
            RuntimeError: a message is being sent in fragments.
            TypeError: the message is of another type.
        """
        if self._pending_sends:
            self._finish_pending_sends()
        if not self.congested or self._may_queue(message):
            self.send_message(message)

    cdef int send_message(self, object message) except -1:
        cdef bytes frame
        if not self._encodes_directly:
            frame = <bytes?>self._encode_message(message)  # not None either
        elif PyUnicode_Check(message):
            frame = text_message(message, self._masked)
        else:
            frame = binary_message(message, self._masked)
        return self.write_frame(frame)

    def _write(self, bytes frame not None):
        """Write a frame, at once or coalesced with others at the end of this loop iteration."""
        self.write_frame(frame)

    def _write_at_end(self, bytes data not None):
        """_write_at_end(data)

        Write a frame at the end of this loop iteration.

        The flusher thread does not send it earlier if code blocks the loop.
        """
        count(self, data)
        self.write_at(data, AT_END)

    cdef int write_frame(self, bytes frame) except -1:
        cdef int when = FIRST_NOW
        count(self, frame)
        if self._receiving:
            when = FIRST_NOW if self.single_message else LATER
        elif self.queue_size():
            when = LATER  # coalesce the replies to all queued messages
        elif self._next_is_reply:
            self._next_is_reply = False
            when = NOW
        return self.write_at(frame, when)


wsf_mark_coroutine(Stream.send)


def write_to_all(set streams not None, bytes frame not None):
    """write_to_all(streams, frame)

    Write a frame to the streams that send it unchanged, at the end of this loop iteration.

    Args:
        streams: of servers or clients.
        frame: an unmasked frame.

    Returns:
        The streams that it was not written to: they compress, mask, are congested, are sending or closing.
    """
    cdef Stream stream
    cdef list rest = []
    for one in streams:
        stream = <Stream?>one  # not None either
        if (
            stream._encodes_directly
            and not stream._masked
            and not stream.congested
            and not stream._pending_sends
        ):
            count(stream, frame)
            stream.write_at(frame, AT_END)
        else:
            rest.append(stream)
    return rest


cdef inline void count(Stream stream, bytes frame) noexcept:
    """Count a frame that is written, and the message if it ends one."""
    stream._bytes_sent += PyBytes_GET_SIZE(frame)
    stream._messages_sent += (PyBytes_AS_STRING(frame)[0] & (FIN | CONTROL)) == FIN


cdef bint is_message(object message):
    """Tell a message from an iterable of fragments."""
    return (
        PyUnicode_Check(message)
        or PyBytes_Check(message)
        or PyByteArray_Check(message)
        or PyMemoryView_Check(message)
    )

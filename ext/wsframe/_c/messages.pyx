# cython: binding=False
"""The messages of a connection, one after the other: what `async for` uses."""

cimport cython

from wsframe._c.receiver cimport Receiver
from wsframe._c.waiter cimport Waiter


cdef extern from "Python.h":
    ctypedef struct PyObject
    ctypedef PyObject *(*iternextfunc)(PyObject *)
    ctypedef struct PyTypeObject:
        iternextfunc tp_iternext

    void Py_INCREF(object one)


cdef extern from *:
    """
    /* A message is no tuple and no exception, of which the interpreter would make something else. */
    static void wsf_return_message(PyObject *value) {
        PyErr_SetObject(PyExc_StopIteration, value);
    }
    """
    void wsf_return_message(object value)


@cython.final
cdef class Messages:
    """An asynchronous iterator over the messages of a connection.

    Args:
        receiver: the connection.
        end: the type of the exception that ends the iteration.
    """

    cdef Receiver receiver  # None when the iteration has ended
    cdef object end

    def __init__(self, Receiver receiver not None, end):
        self.receiver = receiver
        self.end = end

    def __aiter__(self):
        return self

    def __anext__(self):
        cdef _Next call = _Next.__new__(_Next)
        call.messages = self
        return call

    async def aclose(self):
        """End the iteration, as that of an asynchronous generator."""
        self.receiver = None


@cython.final
@cython.freelist(64)
cdef class _Next:
    """A call of `__anext__`."""

    cdef Messages messages
    cdef Waiter waiter
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

    def send(self, value):
        return self.__next__()

    def throw(self, kind, value=None, traceback=None):
        self.close()
        if value is None:
            value = kind() if isinstance(kind, type) else kind
        raise value if traceback is None else value.with_traceback(traceback)

    def close(self):
        cdef Waiter waiter = self.waiter
        self.ended = True
        if waiter is not None:
            self.waiter = None
            waiter.close()
            if self.messages is not None:
                self.messages.receiver = None

    cdef object step(self):
        """Return the future to wait for, or set `ended` and return the message."""
        cdef Receiver receiver
        cdef Waiter waiter
        if self.ended or self.messages is None:
            raise RuntimeError("cannot reuse already awaited __anext__()")
        receiver = self.messages.receiver
        if receiver is None:
            self.ended = True
            raise StopAsyncIteration
        try:
            waiter = self.waiter
            self.waiter = None
            while waiter is not None or receiver.queue_size() == 0:
                if waiter is None:
                    waiter = receiver.message_waiter()
                    if waiter is None:
                        raise RuntimeError("no waiter")
                future = waiter.awaited_future()
                if future is not None:
                    self.waiter = waiter
                    return future
                waiter = None
            self.ended = True
            return receiver.pop()
        except BaseException as exc:
            self.ended = True
            self.messages.receiver = None
            if isinstance(exc, self.messages.end):
                raise StopAsyncIteration from None
            raise


cdef PyObject *next_of(_Next call) except? NULL:
    """`__next__`, for the interpreter: it returns a message without making an exception and its traceback."""
    value = call.step()
    if call.ended:
        wsf_return_message(value)
        return NULL
    Py_INCREF(value)
    return <PyObject *>value


(<PyTypeObject *>_Next).tp_iternext = <iternextfunc>next_of

# cython: binding=False
"""The fast paths of `receive` and `send` of ASGI."""

# Rules of an awaitable, which replaces the coroutine of the connection of the same name.
#
# 1. It does nothing before it is awaited.
# 2. It does by itself what an open connection usually does: return a message, wait for one, or write one.
#    For everything else, and to raise, it runs the coroutine `asgi_receive` or `asgi_send`.
# 3. `_decoder` is not None only from the opening handshake up to a violation or the end of the stream.

cimport cython
from cpython.dict cimport PyDict_Copy

from collections.abc import Coroutine

from wsframe._c.encoder cimport binary_message, text_message
from wsframe._c.stream cimport LARGE_MESSAGE, Stream
from wsframe._c.waiter cimport Waiter


cdef extern from "Python.h":
    ctypedef struct PyObject
    ctypedef PyObject *(*iternextfunc)(PyObject *)
    ctypedef PyObject *(*ternaryfunc)(PyObject *, PyObject *, PyObject *)
    ctypedef struct PyTypeObject:
        iternextfunc tp_iternext
        ternaryfunc tp_call
        Py_ssize_t tp_vectorcall_offset
        unsigned long tp_flags

    unsigned long Py_TPFLAGS_HAVE_VECTORCALL
    ctypedef PyObject *(*vectorcallfunc)(PyObject *, PyObject *const *, size_t, PyObject *)
    PyObject *PyVectorcall_Call(PyObject *, PyObject *, PyObject *)
    Py_ssize_t PyVectorcall_NARGS(size_t nargsf)
    PyObject *PyObject_Vectorcall(PyObject *, PyObject *const *, size_t, PyObject *) except NULL
    void Py_INCREF(object one)


cdef extern from *:
    """
    static void wsf_warn_never_awaited(const char *name) {
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        if (PyErr_WarnFormat(PyExc_RuntimeWarning, 1, "coroutine '%s' was never awaited", name))
            PyErr_WriteUnraisable(NULL);
        PyErr_Restore(type, value, traceback);
    }

    /* The value must be no tuple and no exception. */
    static void wsf_stop_iteration(PyObject *value) {
        PyErr_SetObject(PyExc_StopIteration, value);
    }
    """
    void wsf_warn_never_awaited(const char *name)
    void wsf_stop_iteration(object value)


# Copied: this takes fewer instructions than making a dict.
cdef dict TEXT_EVENT = {"type": "websocket.receive", "text": None}
cdef dict BINARY_EVENT = {"type": "websocket.receive", "bytes": None}


@cython.freelist(64)
cdef class _Call:
    """A call of `receive` or `send`; tasks accept it as a coroutine."""

    cdef Stream stream  # None once it has ended, or runs the coroutine
    cdef object event  # to be sent
    cdef object inner  # the waiter that it waits for, or the coroutine
    cdef bint started
    cdef bint ended  # it has returned

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        value = self.next()
        if self.ended:
            raise StopIteration(value)
        return value

    def send(self, value):
        if self.stream is None:
            return self.running().send(value)
        if value is not None:
            raise TypeError("can't send non-None value to a just-started coroutine")
        return self.__next__()

    def throw(self, *exc):
        self.started = True
        if self.inner is None and self.stream is not None:
            self.make_coroutine()
        inner = self.running()
        if self.stream is None:
            return inner.throw(*exc)
        self.stream = None  # it ends here
        self.inner = None
        return inner.throw(*exc)

    def close(self):
        self.started = True
        self.stream = None
        self.event = None
        inner = self.inner
        self.inner = None
        if inner is not None:
            inner.close()

    cdef object running(self):
        if self.inner is None:
            raise RuntimeError("cannot reuse already awaited coroutine")
        return self.inner

    cdef object next(self):
        self.started = True
        if self.stream is None:
            return self.running().send(None)
        return self.step()

    cdef object step(self):
        """Return the future to wait for, or set `ended` and return the result."""
        raise NotImplementedError

    cdef int make_coroutine(self) except -1:
        raise NotImplementedError


@cython.final
cdef class _Receiving(_Call):
    """A call of `receive`."""

    @property
    def __name__(self):
        return "receive"

    @property
    def __qualname__(self):
        return "WebSocketProtocol.receive"

    def __dealloc__(self):
        if not self.started:
            wsf_warn_never_awaited("WebSocketProtocol.receive")

    cdef object step(self):
        cdef Stream stream = self.stream
        cdef dict event
        cdef Waiter waiter = self.inner
        self.inner = None
        while waiter is not None or stream.queue_size() == 0:
            if waiter is None:
                if stream._decoder is None:
                    return self.run_coroutine()
                waiter = stream.message_waiter()
                if waiter is None:
                    raise RuntimeError("no waiter")
            future = waiter.awaited_future()
            if future is not None:
                self.inner = waiter
                return future
            waiter = None
        kind = type(stream.queue[stream.queue_head])
        if kind is str:
            event = PyDict_Copy(TEXT_EVENT)
            event["text"] = stream.pop()
        elif kind is bytes:
            event = PyDict_Copy(BINARY_EVENT)
            event["bytes"] = stream.pop()
        else:
            return self.run_coroutine()
        self.stream = None
        self.ended = True
        return event

    cdef object run_coroutine(self):
        self.make_coroutine()
        return self.inner.send(None)

    cdef int make_coroutine(self) except -1:
        stream = self.stream
        self.stream = None
        self.inner = stream.asgi_receive()
        return 0


@cython.final
cdef class _Sending(_Call):
    """A call of `send`."""

    @property
    def __name__(self):
        return "send"

    @property
    def __qualname__(self):
        return "WebSocketProtocol.send"

    def __dealloc__(self):
        if not self.started:
            wsf_warn_never_awaited("WebSocketProtocol.send")

    cdef object step(self):
        if not self.write_event():
            self.make_coroutine()
            return self.inner.send(None)
        self.stream = None
        self.event = None
        self.ended = True

    cdef bint write_event(self) except -1:
        """Write the message of the event, if this needs no wait; return whether it is written."""
        cdef Stream stream = self.stream
        cdef bytes frame
        cdef bint is_text = False
        if stream._pending_sends or stream.congested or stream._decoder is None:
            return False
        if type(self.event) is not dict:
            return False
        event = <dict>self.event
        if event.get("type") != "websocket.send":
            return False
        data = event.get("bytes")
        if data is None:
            data = event.get("text")
            is_text = True
            if type(data) is not str:
                return False
        elif type(data) is not bytes:
            return False
        if stream._encodes_directly:
            frame = text_message(data, False) if is_text else binary_message(data, False)
        elif len(data) >= LARGE_MESSAGE:
            return False
        else:
            try:
                frame = <bytes?>stream._encode_message(data)
            except Exception:  # no frame: the coroutine raises what ASGI wants
                return False
        stream.write_frame(frame)
        return True

    cdef int make_coroutine(self) except -1:
        stream, event = self.stream, self.event
        self.stream = self.event = None
        self.inner = stream.asgi_send(event)
        return 0


cdef PyObject *next_of(_Call call) except? NULL:
    """`__next__`, for the interpreter: it returns a value without making an exception and its traceback."""
    value = call.next()
    if call.ended:
        if value is not None:
            wsf_stop_iteration(value)
        return NULL
    Py_INCREF(value)
    return <PyObject *>value


(<PyTypeObject *>_Receiving).tp_iternext = <iternextfunc>next_of
(<PyTypeObject *>_Sending).tp_iternext = <iternextfunc>next_of
Coroutine.register(_Call)


cdef class _Method:
    """`receive` or `send` of a connection: the method that it replaces, but for how it is called."""

    cdef vectorcallfunc vectorcall
    cdef Stream stream
    cdef object __weakref__

    def __cinit__(self, Stream stream not None):
        self.stream = stream

    def __getattribute__(self, name):
        return getattr(self.method(), name)

    def __repr__(self):
        return repr(self.method())

    cdef object method(self):
        """Return the bound coroutine function."""
        raise NotImplementedError

    cdef PyObject *call_method(self, PyObject *const *args, size_t nargsf, PyObject *names) except NULL:
        """Call the coroutine function, which also says what is wrong with the arguments."""
        method = self.method()
        return PyObject_Vectorcall(<PyObject *>method, args, PyVectorcall_NARGS(nargsf), names)


@cython.final
cdef class _Receive(_Method):
    def __cinit__(self, Stream stream not None):
        self.vectorcall = <vectorcallfunc>receive

    cdef object method(self):
        return self.stream.asgi_receive


@cython.final
cdef class _Send(_Method):
    def __cinit__(self, Stream stream not None):
        self.vectorcall = <vectorcallfunc>send

    cdef object method(self):
        return self.stream.asgi_send


cdef PyObject *receive(
    _Receive method, PyObject *const *args, size_t nargsf, PyObject *names
) except NULL:
    cdef _Receiving call
    if names is not NULL or PyVectorcall_NARGS(nargsf) != 0:
        return method.call_method(args, nargsf, names)
    call = _Receiving.__new__(_Receiving)
    call.stream = method.stream
    Py_INCREF(call)
    return <PyObject *>call


cdef PyObject *send(
    _Send method, PyObject *const *args, size_t nargsf, PyObject *names
) except NULL:
    cdef _Sending call
    if names is not NULL or PyVectorcall_NARGS(nargsf) != 1:
        return method.call_method(args, nargsf, names)
    call = _Sending.__new__(_Sending)
    call.stream = method.stream
    call.event = <object>args[0]
    Py_INCREF(call)
    return <PyObject *>call


cdef void use_vectorcall(_Method method, type kind):
    """Let the interpreter call the objects of a type by `vectorcall`, which makes no tuple."""
    cdef PyTypeObject *slots = <PyTypeObject *>kind
    slots.tp_vectorcall_offset = <char *>&method.vectorcall - <char *><PyObject *>method
    slots.tp_call = <ternaryfunc>PyVectorcall_Call
    slots.tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL


use_vectorcall(_Receive.__new__(_Receive, Stream()), _Receive)
use_vectorcall(_Send.__new__(_Send, Stream()), _Send)


def asgi_calls(Stream stream not None):
    """asgi_calls(stream)

    Make `receive` and `send` of a connection, which look like its `asgi_receive` and `asgi_send`.

    Args:
        stream: of a server, with these two coroutine methods.

    Returns:
        Two functions; what they return is to be awaited.
    """
    return _Receive(stream), _Send(stream)

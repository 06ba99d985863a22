# cython: binding=False
"""What a task awaits until something has happened, and is run at once when it has."""

# Rules of a Waiter.
#
# 1. One task awaits it. What the task gets to see is a future of asyncio.
# 2. `set_result` has the loop run the task in its next iteration, as a future does.
# 3. `resume` runs the task. It must be the last thing that a callback of the loop does: then it is as if the
#    task were the next callback, and an iteration of the loop is saved. In a task, for a task that is not
#    the compiled one of asyncio, and in debug mode, where the log is to name a task that takes long, it does
#    what `set_result` does.
# 4. After `resume` the future is still pending, but nobody waits for it: the waiter can be used again when
#    its end was seen. If it was not, the task awaits the future itself, which then gets a result.

import sys

cimport cython
from cpython.list cimport PyList_GET_SIZE


cdef extern from "Python.h":
    ctypedef struct PyObject
    ctypedef PyObject *(*iternextfunc)(PyObject *)
    ctypedef struct PyTypeObject:
        iternextfunc tp_iternext

    int PyContext_Enter(object context) except -1
    int PyContext_Exit(object context) except -1
    bint PyCFunction_Check(object function)
    void Py_INCREF(object one)


cdef class _NoLoop:
    """The loop of a future that is always done."""

    def get_debug(self):
        return False


# Of asyncio, which the codec alone does not import.
cdef object Task = None
cdef object done_future = None  # what tasks are told is done: they only look whether it was cancelled
cdef object current_task = None
cdef dict current_tasks = None  # up to CPython 3.11, where `current_task` is not compiled


cdef int use_asyncio() except -1:
    global Task, done_future, current_task, current_tasks
    import asyncio

    if sys.version_info < (3, 12):
        current_tasks = asyncio.tasks._current_tasks
    current_task = asyncio.current_task
    Task = asyncio.Task
    done_future = asyncio.Future(loop=_NoLoop())
    done_future.set_result(None)
    return 0


@cython.final
cdef class Waiter:
    """Waits for an event of a connection.

    Args:
        loop: the event loop.
    """

    def __init__(self, loop):
        self.loop = loop

    def done(self):
        """Tell whether nobody waits any more."""
        return self.ended or (self.future is not None and self.future.done())

    def set_result(self, result):
        """Run the task that waits in the next iteration of the loop."""
        self.ended = True
        self.keeps_future = False
        future = self.future
        if future is not None and not future.done():
            future.set_result(result)

    cpdef int resume(self) except -1:
        """Run the task that waits."""
        cdef tuple wakeup
        self.ended = True
        if self.future is None:
            return 0
        wakeup = self.task_wakeup()
        if wakeup is not None:
            self.run_task(wakeup)
            if self.end_seen:
                return 0
        self.set_result(None)
        return 0

    cdef tuple task_wakeup(self):
        """Return what runs the task that waits, and its context; None if it cannot be run now."""
        found = self.future._callbacks
        if type(found) is list and PyList_GET_SIZE(found) == 1 and not self.is_debugged:
            if is_task_wakeup(found[0][0]) and not task_runs(self.loop):
                return found[0]
        return None

    cdef int run_task(self, tuple wakeup) except -1:
        """Run the task that waits; `wakeup` is what `task_wakeup` has returned."""
        callback, context = wakeup
        self.ended = True
        self.keeps_future = True
        self.end_seen = False
        self.future.remove_done_callback(callback)
        PyContext_Enter(context)
        try:
            callback(done_future)
        except (SystemExit, KeyboardInterrupt) as exc:
            self.loop.call_soon(_raise_from_loop, exc)  # uvloop would not let it through
        finally:
            PyContext_Exit(context)
        return 0

    cdef bint use_again(self):
        """Make the waiter as new, if this can be."""
        if not (self.ended and self.end_seen and self.keeps_future):
            return False
        self.ended = False
        return True

    # Awaiting.

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        future = self.awaited_future()
        if future is None:
            raise StopIteration
        return future

    def throw(self, kind, value=None, traceback=None):
        self.close()
        if value is None:
            value = kind() if isinstance(kind, type) else kind
        raise value if traceback is None else value.with_traceback(traceback)

    cpdef close(self):
        self.ended = True
        self.keeps_future = False

    cdef object awaited_future(self):
        """Return the future to wait for; None if there is nothing to wait for."""
        if self.ended:
            self.end_seen = True
            return None
        future = self.future
        if future is None:
            if done_future is None:
                use_asyncio()
            self.is_debugged = self.loop.get_debug()
            self.future = future = self.loop.create_future()
        elif future.done():
            return future.result()
        future._asyncio_future_blocking = True
        return future


cdef Waiter new_waiter(object loop):
    cdef Waiter waiter = Waiter.__new__(Waiter)
    waiter.loop = loop
    return waiter


def _raise_from_loop(exc):
    """End the loop with what a task has raised."""
    raise exc


cdef bint is_task_wakeup(object callback) except -1:
    """Tell whether a callback of a future is that of a compiled task."""
    if PyCFunction_Check(callback):
        return type(callback.__self__) is Task
    return type(callback).__name__ == "TaskWakeupMethWrapper"  # of CPython 3.10


cdef bint task_runs(object loop) except -1:
    """Tell whether a task runs, and not a callback of the loop."""
    if current_tasks is None:
        return current_task(loop) is not None
    return current_tasks.get(loop) is not None


cdef PyObject *next_of(Waiter waiter) except? NULL:
    """`__next__`, for the interpreter: the end is no exception."""
    future = waiter.awaited_future()
    if future is None:
        return NULL
    Py_INCREF(future)
    return <PyObject *>future


(<PyTypeObject *>Waiter).tp_iternext = <iternextfunc>next_of

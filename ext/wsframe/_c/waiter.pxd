cdef class Waiter:
    cdef object loop
    cdef object future  # that the task waits for; it exists when it is awaited
    cdef bint ended
    cdef bint is_debugged  # the loop was in debug mode when the future was made
    cdef bint end_seen  # by the awaiting code
    cdef bint keeps_future  # see rule 4
    cpdef int resume(self) except -1
    cdef tuple task_wakeup(self)
    cdef int run_task(self, tuple wakeup) except -1
    cpdef close(self)
    cdef bint use_again(self)
    cdef object awaited_future(self)


cdef Waiter new_waiter(object loop)

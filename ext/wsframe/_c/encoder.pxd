cdef bytes text_message(object text, bint masked)
cdef bytes binary_message(object data, bint masked)

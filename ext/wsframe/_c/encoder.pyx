"""Frames and messages to bytes (RFC 6455, 5)."""

from cpython.buffer cimport Py_buffer, PyBuffer_Release, PyObject_CheckBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8String, PyUnicode_Check
from libc.stdint cimport uint8_t
from libc.string cimport memcmp, memcpy

from wsframe import _errors, _spec

from wsframe._c.header cimport FIN, RSV1, first_byte, header_size, opcode_of, write_header
from wsframe._c.kernel cimport active, utf8_size, utf8_write
from wsframe._c.mask cimport data_of, key_of, random_bytes, view_of
from wsframe._c.utf8 cimport (
    PyUnicode_DATA,
    PyUnicode_GET_LENGTH,
    PyUnicode_IS_ASCII,
    PyUnicode_KIND,
    PyUnicode_READY,
)


cdef extern from "key_pool.h":
    enum:
        WSF_KEY_POOL
    int wsf_watch_forks()
    bint wsf_take_key(uint8_t *key)
    void wsf_fill_pool(const uint8_t *entropy)


if WSF_KEY_POOL != _spec.KEY_POOL:
    raise ImportError("the key pool is not of the size _spec says")
if wsf_watch_forks() != 0:
    raise MemoryError

cdef enum:
    # A text of so many units is written to the stack, with room for whole vectors behind it.
    SHORT_CHARS = 64
    SHORT_ROOM = 4 * SHORT_CHARS + 64
    # Up to 16 KiB of UTF-8.
    MASKED_CHARS = 4096
    DEFLATE_TAIL = 4  # bytes of it

cdef uint8_t TEXT = FIN | <int>_spec.Opcode.TEXT
cdef uint8_t BINARY = FIN | <int>_spec.Opcode.BINARY
cdef bytes TAIL = _spec.DEFLATE_TAIL


cdef int random_key(uint8_t *key) except -1:
    """Make a masking key that nobody can predict (RFC 6455, 5.3)."""
    while not wsf_take_key(key):
        wsf_fill_pool(<const uint8_t *>PyBytes_AS_STRING(random_bytes(WSF_KEY_POOL)))
    return 0


def new_mask_key():
    """new_mask_key()

    Make a masking key that nobody can predict (RFC 6455, 5.3).

    Returns:
        4 bytes.

    Raises:
        TypeError, RuntimeError: os.urandom was replaced, and did not return that many bytes.
    """
    cdef uint8_t key[4]
    random_key(key)
    return PyBytes_FromStringAndSize(<char *>key, 4)


cdef bytes frame_of(uint8_t first, const void *data, Py_ssize_t size, const uint8_t *key):
    cdef bytes out = PyBytes_FromStringAndSize(NULL, header_size(size, key != NULL) + size)
    cdef uint8_t *dst = <uint8_t *>PyBytes_AS_STRING(out)
    dst += write_header(dst, first, size, key)
    if key != NULL:
        active.xor_(dst, <const uint8_t *>data, size, key)
    else:
        memcpy(dst, data, size)
    return out


cdef size_t write_masked(
    uint8_t *dst, size_t size, const uint8_t *units, size_t chars, int width, const uint8_t *key
) noexcept nogil:
    """Write UTF-8 and mask it, in parts that fit into the fastest cache."""
    cdef uint8_t rotated[4]
    cdef size_t some, wrote, done = 0
    cdef int i
    while chars > 0:
        some = min(chars, <size_t>MASKED_CHARS)
        wrote = utf8_write(dst + done, size - done, units, some, width)
        if wrote == <size_t>-1:
            return wrote
        for i in range(4):
            rotated[i] = key[(done + i) & 3]
        active.xor_(dst + done, dst + done, wrote, rotated)
        done += wrote
        units += some * width
        chars -= some
    return done


cdef int refuse_surrogate(object text) except -1:
    PyUnicode_AsUTF8String(text)  # raises with its position
    raise ValueError("text contains a lone surrogate")


cdef bytes text_message(object text, bint masked):
    """The frame of a str, its UTF-8 written where it leaves from."""
    cdef uint8_t short_text[SHORT_ROOM]
    cdef uint8_t random[4]
    cdef uint8_t *key = random if masked else NULL
    cdef const uint8_t *units
    cdef Py_ssize_t chars
    cdef size_t size, wrote
    cdef int width
    cdef bytes out
    cdef uint8_t *dst
    PyUnicode_READY(text)
    units = <const uint8_t *>PyUnicode_DATA(text)
    chars = PyUnicode_GET_LENGTH(text)
    if PyUnicode_IS_ASCII(text):
        if masked:
            random_key(key)
        return frame_of(TEXT, units, chars, key)
    width = PyUnicode_KIND(text)
    if chars <= SHORT_CHARS:  # to copy it costs less than to count it
        size = utf8_write(short_text, SHORT_ROOM, units, chars, width)
        if size == <size_t>-1:
            refuse_surrogate(text)
        if masked:  # only now: what was written a moment ago is slow to read
            random_key(key)
        return frame_of(TEXT, short_text, size, key)
    size = utf8_size(units, chars, width)
    out = PyBytes_FromStringAndSize(NULL, header_size(size, key != NULL) + <Py_ssize_t>size)
    dst = <uint8_t *>PyBytes_AS_STRING(out)
    if masked:
        random_key(key)
    dst += write_header(dst, TEXT, size, key)
    if masked:
        wrote = write_masked(dst, size, units, chars, width, key)
    else:
        wrote = utf8_write(dst, size, units, chars, width)
    if wrote == <size_t>-1:
        refuse_surrogate(text)
    return out


def encode_frame(opcode, payload, *, bint fin=True, rsv=0, mask_key=None):
    """encode_frame(opcode, payload, *, fin=True, rsv=0, mask_key=None)

    Write a whole frame (RFC 6455, 5.2).

    Args:
        opcode: what the frame carries.
        payload: str, which leaves as UTF-8, or any contiguous buffer.
        fin: whether the frame ends its message.
        rsv: the three reserved bits as a number from 0 to 7, RSV1 = 4.
        mask_key: the masking key, 4 bytes, of a frame that a client sends.

    Returns:
        Header and payload, masked if there is a key.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument is out of range, payload contains a lone surrogate, or a control
            frame is fragmented or too long.
        BufferError: payload is not contiguous, or has more than one dimension.
    """
    cdef Py_buffer view
    cdef uint8_t key[4]
    cdef uint8_t *k = NULL
    cdef uint8_t first
    if PyUnicode_Check(payload):
        payload = PyUnicode_AsUTF8String(payload)
    elif not PyObject_CheckBuffer(payload):
        raise _errors.not_str_or_bytes("payload", payload)
    view_of("payload", payload, &view)
    try:
        first = first_byte(opcode_of(opcode), view.len, fin, rsv)
        if mask_key is not None:
            key_of("mask_key", mask_key, key)
            k = key
        return frame_of(first, data_of(&view), view.len, k)
    finally:
        PyBuffer_Release(&view)


cdef bytes binary_message(object data, bint masked):
    cdef Py_buffer view
    cdef uint8_t key[4]
    cdef uint8_t *k = NULL
    if masked:
        random_key(key)
        k = key
    if PyBytes_CheckExact(data):
        return frame_of(BINARY, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), k)
    view_of("data", data, &view)
    try:
        return frame_of(BINARY, data_of(&view), view.len, k)
    finally:
        PyBuffer_Release(&view)


def encode_text(text, *, bint masked=False):
    """encode_text(text, *, masked=False)

    Write a text message as one frame (RFC 6455, 5.6).

    Args:
        text: what to send.
        masked: whether to mask it with a new random key, as a client must.

    Returns:
        Header and payload.

    Raises:
        TypeError: text is not a str.
        ValueError: text contains a lone surrogate.
    """
    if not PyUnicode_Check(text):
        raise _errors.not_str("text", text)
    return text_message(text, masked)


def encode_binary(data, *, bint masked=False):
    """encode_binary(data, *, masked=False)

    Write a binary message as one frame (RFC 6455, 5.6).

    Args:
        data: any contiguous buffer.
        masked: whether to mask it with a new random key, as a client must.

    Returns:
        Header and payload.

    Raises:
        TypeError: data is not a bytes-like object.
        BufferError: data is not contiguous, or has more than one dimension.
    """
    return binary_message(data, masked)


def encode_deflated(opcode, payload, deflater, flush, *, mask_key=None):
    """encode_deflated(opcode, payload, deflater, flush, *, mask_key=None)

    Compress a whole message and write it as one frame (RFC 7692, 7.2.1).

    Args:
        opcode: TEXT or BINARY.
        payload: str, which is compressed as UTF-8, or any contiguous buffer.
        deflater: a compressor of zlib, or an object with the same methods `compress` and `flush`.
        flush: zlib.Z_SYNC_FLUSH or zlib.Z_FULL_FLUSH, how the message ends.
        mask_key: the masking key, 4 bytes, of a frame that a client sends.

    Returns:
        Header, with RSV1 set, and payload, masked if there is a key. The payload is empty if the compressor
        returned nothing: nothing went in since the last flush.

    Raises:
        TypeError, ValueError, BufferError: see encode_frame. The compressor has seen no lone surrogate.
    """
    cdef uint8_t key[4]
    cdef uint8_t *k = NULL
    cdef uint8_t first
    cdef Py_ssize_t head_size, tail_size
    if PyUnicode_Check(payload):
        payload = PyUnicode_AsUTF8String(payload)
    cdef bytes head = <bytes?>deflater.compress(payload)  # not None either
    cdef bytes tail = <bytes?>deflater.flush(flush)
    head_size, tail_size = PyBytes_GET_SIZE(head), PyBytes_GET_SIZE(tail)
    if head_size and tail_size < DEFLATE_TAIL:  # the end may be in either
        tail = head + tail
        head, head_size, tail_size = b"", 0, head_size + tail_size
    if tail_size >= DEFLATE_TAIL and not memcmp(
        PyBytes_AS_STRING(tail) + tail_size - DEFLATE_TAIL, PyBytes_AS_STRING(TAIL), DEFLATE_TAIL
    ):
        tail_size -= DEFLATE_TAIL
    first = first_byte(opcode_of(opcode), head_size + tail_size, True, RSV1 >> 4)
    if mask_key is not None:
        key_of("mask_key", mask_key, key)
        k = key
    return frame_of_two(first, PyBytes_AS_STRING(head), head_size, PyBytes_AS_STRING(tail), tail_size, k)


cdef bytes frame_of_two(
    uint8_t first,
    const void *head,
    Py_ssize_t head_size,
    const void *tail,
    Py_ssize_t tail_size,
    const uint8_t *key,
):
    """The frame of a payload in two parts."""
    cdef Py_ssize_t size = head_size + tail_size
    cdef bytes out = PyBytes_FromStringAndSize(NULL, header_size(size, key != NULL) + size)
    cdef uint8_t *dst = <uint8_t *>PyBytes_AS_STRING(out)
    dst += write_header(dst, first, size, key)
    memcpy(dst, head, head_size)
    memcpy(dst + head_size, tail, tail_size)
    if key != NULL:
        active.xor_(dst, dst, size, key)
    return out

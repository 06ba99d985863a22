"""The key of the opening handshake (RFC 6455, 4.1 and 4.2.2)."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_Check
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

from wsframe import _errors, _spec

from wsframe._c.kernel cimport active
from wsframe._c.mask cimport random_bytes
from wsframe._c.utf8 cimport (
    PyUnicode_1BYTE_DATA,
    PyUnicode_GET_LENGTH,
    PyUnicode_IS_ASCII,
    PyUnicode_New,
    PyUnicode_READY,
)


cdef bytes GUID = _spec.GUID
cdef int NONCE_SIZE = _spec.NONCE_SIZE

# A key is 24 bytes; longer ones, which no client should send, take the heap.
cdef enum:
    STACK = 128

cdef const uint8_t *ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


cdef str base64(const uint8_t *src, Py_ssize_t n):
    """Encode with padding (RFC 4648, 4)."""
    cdef str out = PyUnicode_New((n + 2) // 3 * 4, 127)
    cdef uint8_t *dst = PyUnicode_1BYTE_DATA(out)
    cdef const uint8_t *digits = ALPHABET  # no store through dst makes the compiler load it again
    cdef uint32_t group
    cdef Py_ssize_t i, whole = n - n % 3
    for i in range(0, whole, 3):
        group = src[i] << 16 | src[i + 1] << 8 | src[i + 2]
        dst[0] = digits[group >> 18]
        dst[1] = digits[group >> 12 & 63]
        dst[2] = digits[group >> 6 & 63]
        dst[3] = digits[group & 63]
        dst += 4
    if whole < n:
        group = src[whole] << 16
        if whole + 1 < n:
            group |= src[whole + 1] << 8
        dst[0] = digits[group >> 18]
        dst[1] = digits[group >> 12 & 63]
        dst[2] = digits[group >> 6 & 63] if whole + 1 < n else b"="
        dst[3] = b"="
    return out


def accept_key(key):
    """accept_key(key)

    Compute Sec-WebSocket-Accept from Sec-WebSocket-Key (RFC 6455, 4.2.2).

    Args:
        key: the value of the header as it was sent; that it is the base64 of 16 bytes is for
            the handshake to check.

    Returns:
        28 characters.

    Raises:
        TypeError: key is neither str nor bytes.
        ValueError: key is a str with a character that is not ASCII.
    """
    cdef uint8_t digest[20]
    cdef uint8_t text[STACK]
    cdef const uint8_t *data
    cdef Py_ssize_t size
    if PyUnicode_Check(key):
        PyUnicode_READY(key)
        if not PyUnicode_IS_ASCII(key):
            raise _errors.not_ascii("key")
        data = PyUnicode_1BYTE_DATA(key)
        size = PyUnicode_GET_LENGTH(key)
    elif isinstance(key, bytes):
        data = <uint8_t *>PyBytes_AS_STRING(key)
        size = PyBytes_GET_SIZE(key)
    else:
        raise _errors.not_str_or_bytes_exactly("key", key)
    if size + PyBytes_GET_SIZE(GUID) <= STACK:
        memcpy(text, data, size)
        memcpy(text + size, PyBytes_AS_STRING(GUID), PyBytes_GET_SIZE(GUID))
        active.sha1(digest, text, size + PyBytes_GET_SIZE(GUID))
    else:
        joined = (<char *>data)[:size] + GUID
        active.sha1(digest, <uint8_t *>PyBytes_AS_STRING(joined), PyBytes_GET_SIZE(joined))
    return base64(digest, 20)


def new_key():
    """new_key()

    Make a Sec-WebSocket-Key: 16 random bytes in base64 (RFC 6455, 4.1).

    Returns:
        24 characters.

    Raises:
        TypeError, RuntimeError: os.urandom was replaced, and did not return that many bytes.
    """
    nonce = random_bytes(NONCE_SIZE)
    return base64(<uint8_t *>PyBytes_AS_STRING(nonce), NONCE_SIZE)

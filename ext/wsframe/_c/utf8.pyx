"""Text (RFC 6455, 8.1; RFC 3629)."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from wsframe._c.kernel cimport WSF_SHORT, active, may_continue, wsf_utf8_stats


cdef extern from *:
    """
    /* Whether a masked text of up to WSF_MEDIUM bytes has one that is not ASCII among its first and last
     * 16, or fewer.  A hint: it leaves some bytes out, so that the key need not be rotated. */
    enum { WSF_MEDIUM = 256 };
    static inline int wsf_looks_wide(const uint8_t *src, Py_ssize_t n, const uint8_t *key)
    {
        uint64_t mask, words[4];
        if (n > WSF_MEDIUM) {
            return 0;
        }
        if (n < 8) {
            return n && ((src[0] ^ key[0]) & 0x80);
        }
        memcpy(&mask, key, 4);
        memcpy((uint8_t *)&mask + 4, key, 4);
        if (n < 16) {
            memcpy(words, src, 8);
            memcpy(words + 1, src + ((n - 8) & ~3), 8);
            return (((words[0] ^ mask) | (words[1] ^ mask)) & 0x8080808080808080u) != 0;
        }
        memcpy(words, src, 16);
        memcpy(words + 2, src + ((n - 16) & ~3), 16);
        mask = (words[0] ^ mask) | (words[1] ^ mask) | (words[2] ^ mask) | (words[3] ^ mask);
        return (mask & 0x8080808080808080u) != 0;
    }
    """
    enum:
        WSF_MEDIUM
    bint wsf_looks_wide(const uint8_t *, Py_ssize_t, const uint8_t *) noexcept nogil


cdef object text_of(const uint8_t *src, Py_ssize_t n, const uint8_t *key):
    """Unmask and decode a whole text; None when it is not valid UTF-8.

    The bytes are read once: what is checked is what was stored, whoever writes to src meanwhile.
    """
    cdef uint8_t medium_text[WSF_MEDIUM]
    cdef wsf_utf8_stats stats
    cdef str text
    cdef uint8_t *data
    if wsf_looks_wide(src, n, key):
        if n <= WSF_SHORT:
            return short_text_of(src, n, key)
        data = medium_text  # a str with the bytes as they are would be discarded
        active.xor_(data, src, n, key)
    else:
        text = PyUnicode_New(n, 127)
        data = PyUnicode_1BYTE_DATA(text)
        if active.xor_or(data, src, n, key) < 0x80:
            return text
    stats.chars = 0
    stats.max = 0
    if active.utf8_scan(data, n, &stats) != <size_t>n:
        return None
    return transcode(data, n, &stats)


cdef object short_text_of(const uint8_t *src, Py_ssize_t n, const uint8_t *key):
    """The same, of at most WSF_SHORT bytes."""
    cdef uint32_t units[WSF_SHORT]
    cdef size_t chars
    cdef str text
    cdef uint32_t most = active.utf8_short(units, &chars, src, n, key)
    if most == 0:
        return None
    text = PyUnicode_New(chars, most)
    memcpy(PyUnicode_DATA(text), units, chars << (<int>(most > 0xFF) + <int>(most > 0xFFFF)))
    return text


cdef str transcode(const uint8_t *src, Py_ssize_t n, const wsf_utf8_stats *stats):
    """Decode bytes that a scan found valid."""
    cdef str text
    cdef size_t chars = stats.chars
    if stats.max < 0x80:
        text = PyUnicode_New(n, 127)
        memcpy(PyUnicode_DATA(text), src, n)
    elif stats.max < 0xC4:
        text = PyUnicode_New(chars, 0xFF)
        active.utf8_ucs1(<uint8_t *>PyUnicode_DATA(text), chars, src, n)
    elif stats.max < 0xF0:
        text = PyUnicode_New(chars, 0xFFFF)
        active.utf8_ucs2(<uint16_t *>PyUnicode_DATA(text), chars, src, n)
    else:
        text = PyUnicode_New(chars, 0x10FFFF)
        active.utf8_ucs4(<uint32_t *>PyUnicode_DATA(text), chars, src, n)
    return text


cdef Py_ssize_t valid_prefix(const uint8_t *src, Py_ssize_t n, wsf_utf8_stats *stats) noexcept nogil:
    """Scan the next bytes of a text: how many are whole code points, -1 when it cannot be valid."""
    cdef size_t valid = active.utf8_scan(src, n, stats)
    cdef size_t rest = n - valid
    if rest and (rest > 3 or not may_continue(src + valid, rest)):
        return -1
    return valid

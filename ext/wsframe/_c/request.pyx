# cython: binding=False
"""The usual request of an opening handshake, read without the rules that it cannot break (RFC 6455, 4.2.1).

A request that is not usual may be wrong or not: `_http.reader` and `handshake` find that out.
"""

cimport cython
from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_CheckExact,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.list cimport PyList_CheckExact
from cpython.tuple cimport PyTuple_CheckExact, PyTuple_GET_SIZE
from libc.string cimport memchr, memcmp


cdef enum:
    GET_SIZE = 4  # of "GET "
    VERSION_SIZE = 11  # of " HTTP/1.1" and the line end
    KEY_CHARS = 22  # of 16 bytes in base64, without the padding

cdef enum:
    HOST
    UPGRADE
    CONNECTION
    VERSION
    KEY
    ORIGIN
    PROTOCOLS
    EXTENSIONS
    CONTENT_LENGTH
    TRANSFER_ENCODING
    FIELDS
    NO_FIELD = FIELDS


def usual_head(bytes data not None, Py_ssize_t max_head):
    """usual_head(data, max_head)

    Return the size of the head that bytes begin with; 0 if it is not whole, or no GET of HTTP/1.1.

    Args:
        data: what was received.
        max_head: bytes that the head may have.
    """
    cdef const char *p = PyBytes_AS_STRING(data)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
    cdef const char *end = p + size
    cdef const char *line = <const char *>memchr(p, b"\n", size)
    cdef Py_ssize_t path
    if line == NULL:
        return 0
    line += 1
    path = line - p - VERSION_SIZE
    if path <= GET_SIZE or memcmp(p, b"GET /", GET_SIZE + 1) != 0:
        return 0
    if memcmp(p + path, b" HTTP/1.1\r\n", VERSION_SIZE) != 0:
        return 0
    while line < end and line[0] != c"\n":
        if line[0] == c"\r" and end - line >= 2 and line[1] == c"\n":
            size = line + 2 - p
            return size if size <= max_head else 0
        line = <const char *>memchr(line, b"\n", end - line)
        if line == NULL:
            return 0
        line += 1
    return 0


@cython.final
cdef class RequestParts:
    """Collects the parts of a request from the callbacks of httptools.

    Attributes:
        url: path and query.
        headers: (name, value) pairs.
        whole: whether the head is whole.
    """

    cdef readonly bytes url
    cdef readonly list headers
    cdef readonly bint whole

    def __cinit__(self):
        self.url = b""
        self.headers = []

    def on_url(self, bytes url not None):
        self.url = self.url + url if self.url else url

    def on_header(self, bytes name not None, bytes value not None):
        self.headers.append((name, value))

    def on_headers_complete(self):
        self.whole = True

    def usual_host(self, bytes head not None):
        """Return the Host of a GET of HTTP/1.1 for a path, with one Host and without a body; None for others.

        Args:
            head: of the request.
        """
        cdef bytes url = self.url
        cdef const char *p = PyBytes_AS_STRING(head)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(url)
        cdef tuple pair
        cdef bytes host = None
        cdef Py_ssize_t i
        cdef char letter
        cdef int field
        if not self.whole or PyBytes_GET_SIZE(head) < GET_SIZE + size + VERSION_SIZE:
            return None
        if (
            memcmp(p, b"GET ", GET_SIZE) != 0
            or memcmp(p + GET_SIZE, PyBytes_AS_STRING(url), size) != 0
            or memcmp(p + GET_SIZE + size, b" HTTP/1.1\r\n", VERSION_SIZE) != 0
        ):
            return None
        p += GET_SIZE
        if p[0] != c"/":
            return None
        for i in range(size):
            letter = p[i]
            # A char above 0x7F is negative, or it has no sign.
            if letter <= 0x20 or letter >= 0x7F or letter == c"#":
                return None
        for pair in self.headers:
            field = field_of(<bytes>pair[0])
            if field == HOST:
                if host is not None:
                    return None
                host = <bytes>pair[1]
            elif field == CONTENT_LENGTH or field == TRANSFER_ENCODING:
                return None
        return None if host is None else stripped(host)


def upgrade_of(headers):
    """upgrade_of(headers)

    Return what the usual request for a WebSocket has; None for any other.

    Args:
        headers: the (name, value) pairs of a GET of HTTP/1.1, in bytes.

    Returns:
        The values of Sec-WebSocket-Key, Host, Origin, Sec-WebSocket-Protocol and Sec-WebSocket-Extensions;
        None for one of the last three that is missing.  Whether the Host is valid is not checked.
    """
    cdef list found = [None] * FIELDS
    cdef tuple pair
    cdef int field
    if not PyList_CheckExact(headers):
        return None
    for item in <list>headers:
        if not PyTuple_CheckExact(item) or PyTuple_GET_SIZE(item) != 2:
            return None
        pair = <tuple>item
        if not PyBytes_CheckExact(pair[0]) or not PyBytes_CheckExact(pair[1]):
            return None
        field = field_of(<bytes>pair[0])
        if field < CONTENT_LENGTH:
            if found[field] is not None:
                return None
            found[field] = stripped(<bytes>pair[1])
    if (
        found[HOST] is None
        or not equals(found[UPGRADE], b"websocket", 9)
        or not has_upgrade(found[CONNECTION])
        or not equals(found[VERSION], b"13", 2)
        or not is_key(found[KEY])
    ):
        return None
    return found[KEY], found[HOST], found[ORIGIN], found[PROTOCOLS], found[EXTENSIONS]


cdef inline bint is_lowered(const char *text, const char *lowered, Py_ssize_t size) noexcept nogil:
    """Tell whether a text is another, which is in lower case."""
    cdef Py_ssize_t i
    cdef char letter
    for i in range(size):
        letter = text[i]
        if c"A" <= letter <= c"Z":
            letter += 32
        if letter != lowered[i]:
            return False
    return True


cdef int field_of(bytes name) noexcept:
    """Return which of the header fields that matter this is the name of."""
    cdef const char *text = PyBytes_AS_STRING(name)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(name)
    if size == 4:
        return HOST if is_lowered(text, b"host", 4) else NO_FIELD
    if size == 6:
        return ORIGIN if is_lowered(text, b"origin", 6) else NO_FIELD
    if size == 7:
        return UPGRADE if is_lowered(text, b"upgrade", 7) else NO_FIELD
    if size == 10:
        return CONNECTION if is_lowered(text, b"connection", 10) else NO_FIELD
    if size == 14:
        return CONTENT_LENGTH if is_lowered(text, b"content-length", 14) else NO_FIELD
    if size == 17:
        if is_lowered(text, b"sec-websocket-key", 17):
            return KEY
        return TRANSFER_ENCODING if is_lowered(text, b"transfer-encoding", 17) else NO_FIELD
    if size == 21:
        return VERSION if is_lowered(text, b"sec-websocket-version", 21) else NO_FIELD
    if size == 22:
        return PROTOCOLS if is_lowered(text, b"sec-websocket-protocol", 22) else NO_FIELD
    if size == 24:
        return EXTENSIONS if is_lowered(text, b"sec-websocket-extensions", 24) else NO_FIELD
    return NO_FIELD


cdef inline bint is_blank(char letter) noexcept nogil:
    return letter == c" " or letter == c"\t"


cdef bytes stripped(bytes value):
    """Return a value without the blanks around it."""
    cdef const char *start = PyBytes_AS_STRING(value)
    cdef const char *end = start + PyBytes_GET_SIZE(value)
    if start == end or not (is_blank(start[0]) or is_blank((end - 1)[0])):
        return value
    while start < end and is_blank(start[0]):
        start += 1
    while start < end and is_blank((end - 1)[0]):
        end -= 1
    return PyBytes_FromStringAndSize(start, end - start)


cdef bint equals(bytes value, const char *lowered, Py_ssize_t size) noexcept:
    """Tell whether a value, if there is one, is a text, which is in lower case."""
    if value is None or PyBytes_GET_SIZE(value) != size:
        return False
    return is_lowered(PyBytes_AS_STRING(value), lowered, size)


cdef bint has_upgrade(bytes value) noexcept:
    """Tell whether "upgrade" is in a list."""
    cdef const char *start
    cdef const char *end
    cdef const char *last
    cdef const char *comma
    if value is None:
        return False
    start = PyBytes_AS_STRING(value)
    end = start + PyBytes_GET_SIZE(value)
    while True:
        comma = <const char *>memchr(start, b",", end - start)
        last = end if comma == NULL else comma
        while start < last and is_blank(start[0]):
            start += 1
        while start < last and is_blank((last - 1)[0]):
            last -= 1
        if last - start == 7 and is_lowered(start, b"upgrade", 7):
            return True
        if comma == NULL:
            return False
        start = comma + 1


cdef bint is_key(bytes value) noexcept:
    """Tell whether a value is that of 16 bytes in base64."""
    cdef const char *text
    cdef char letter
    cdef Py_ssize_t i
    if value is None or PyBytes_GET_SIZE(value) != KEY_CHARS + 2:
        return False
    text = PyBytes_AS_STRING(value)
    for i in range(KEY_CHARS):
        letter = text[i]
        if not (
            c"a" <= letter <= c"z"
            or c"A" <= letter <= c"Z"
            or c"0" <= letter <= c"9"
            or letter == c"+"
            or letter == c"/"
        ):
            return False
    return text[KEY_CHARS] == c"=" and text[KEY_CHARS + 1] == c"="

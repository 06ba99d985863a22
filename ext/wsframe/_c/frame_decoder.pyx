# cython: binding=False
"""Bytes to frames (RFC 6455, 5.2)."""

from libc.stdint cimport uint8_t, uint64_t

from wsframe import _errors
from wsframe._spec import DEFAULT_MAX_MESSAGE, Frame

from wsframe._c.decoder cimport NO_BUDGET, NO_LIMIT, _Decoder, limit_of, server_of
from wsframe._c.header cimport CONTROL, FIN, OPCODE, OPCODES, RSV
from wsframe._c.mask cimport int_in, unmasked


cdef class FrameDecoder(_Decoder):
    """FrameDecoder(role, *, max_frame=1048576, rsv=0)\n--\n
    Cut a stream of bytes into frames (RFC 6455, 5.2).

    It checks the rules that one frame can break alone, and neither the order of frames nor UTF-8 nor
    the body of Close frames.

    Args:
        role: which side we are; a server requires masked frames and a client refuses them (5.1).
        max_frame: bytes of payload a frame may carry; None for no limit.
        rsv: the reserved bits that extensions define for data frames, from 0 to 7, RSV1 = 4.

    Attributes:
        error: the ProtocolError that ended the stream, or None.
        buffered: bytes of payload that have arrived of a frame that is not whole.

    Raises:
        TypeError, ValueError: an argument is of the wrong type or out of range.
    """

    cdef uint64_t max_frame
    cdef uint8_t refused_bits

    def __cinit__(self, role=..., *excess, max_frame=DEFAULT_MAX_MESSAGE, rsv=0, **unknown):
        if role is ... or excess or unknown:
            raise _errors.wrong_call("FrameDecoder", len(excess), unknown)
        self.masked = server_of(role)
        self.max_piece = NO_LIMIT
        self.max_frame = limit_of("max_frame", max_frame, 0)
        self.refused_bits = RSV & ~(<int>int_in("rsv", rsv, 0, 7) << 4)

    @property
    def buffered(self):
        return self.buffer_size

    def feed(self, data):
        """feed($self, data)\n--\n
        Decode the next bytes of the stream.

        Args:
            data: any contiguous buffer; no reference to it is kept.

        Returns:
            The frames that are now complete, including those before a violation, which is then in `error`.

        Raises:
            ProtocolError: an earlier call met a violation.
            TypeError: data is not a bytes-like object.
            BufferError: data is not contiguous, or has more than one dimension.
            RuntimeError: another call of feed is running.
        """
        return self.feed_object(data, NO_BUDGET)

    cdef int check_sequence(self, uint8_t first) except -1:
        if first & (RSV if first & CONTROL else self.refused_bits):
            raise _errors.reserved_bits()
        return 0

    cdef int check_size(self, uint8_t first, uint64_t length) except -1:
        if length > self.max_frame:
            raise _errors.frame_too_big(self.max_frame)
        return 0

    cdef bint receive_payload(self, const uint8_t *p, Py_ssize_t n, list out) except -1:
        cdef bytes payload
        if self.in_payload or self.buffer_size:
            self.append(p, n, self.key, self.remaining)
            if self.in_payload:
                return False
            payload = self.detach_buffer()
        else:
            payload = unmasked(p, n, self.key)
        out.append(
            Frame(OPCODES[self.first & OPCODE], payload, self.first & FIN != 0, (self.first & RSV) >> 4)
        )
        return False

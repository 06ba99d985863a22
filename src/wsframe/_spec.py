"""The vocabulary of the protocol: names, numbers and limits, each with its RFC 6455 section."""

from __future__ import annotations

from collections import namedtuple
from enum import Enum, IntEnum

# Importing typing would take half of the time that importing wsframe may take.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple, Protocol
else:
    Protocol = object

# 1.3, 4.2.2: what a server appends to Sec-WebSocket-Key before hashing it.
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

# RFC 4648, 4: what Sec-WebSocket-Key consists of, besides its padding.
BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

# 5.2: the first two bytes of a frame.
FIN = 0x80
RSV1 = 0x40
RSV2 = 0x20
RSV3 = 0x10
RSV = RSV1 | RSV2 | RSV3
OPCODE = 0x0F
CONTROL = 0x08
MASKED = 0x80
LENGTH = 0x7F

# 5.2: the length field; its two markers mean that 16 or 64 bits follow.
LENGTH_16 = 126
LENGTH_64 = 127
MAX_LENGTH_7 = 125
MAX_LENGTH_16 = 2**16 - 1
MAX_LENGTH = 2**63 - 1

KEY_SIZE = 4  # 5.3: bytes of a masking key
MAX_HEADER = 14  # 5.2: 2 + 8 + KEY_SIZE
MAX_CONTROL_PAYLOAD = 125  # 5.5
DEFLATE_TAIL = b"\x00\x00\xff\xff"  # RFC 7692, 7.2.1: what a sender strips and a receiver adds
NONCE_SIZE = 16  # 4.1: bytes of Sec-WebSocket-Key before base64

# 10.4: limits an implementation sets for itself.
DEFAULT_MAX_MESSAGE = 2**20  # bytes of a message, over all its fragments
DEFAULT_MAX_FRAGMENTS = 2**17  # frames of a message, empty ones included

KEY_POOL = 4096  # 5.3: bytes of entropy read at a time, KEY_SIZE spent a frame


class Role(Enum):
    """Which side of the connection *we* are (RFC 6455, 5.1): a server requires masked frames."""

    CLIENT = "client"
    SERVER = "server"


class Opcode(IntEnum):
    """What a frame carries (RFC 6455, 5.2 and 11.8)."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


class CloseCode(IntEnum):
    """Why a connection ended (RFC 6455, 7.4.1, and the IANA registry it founded)."""

    NORMAL_CLOSURE = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    NO_STATUS_RCVD = 1005
    ABNORMAL_CLOSURE = 1006
    INVALID_DATA = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    MANDATORY_EXTENSION = 1010
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_GATEWAY = 1014
    TLS_HANDSHAKE = 1015

    def __str__(self) -> str:
        """Return the number, as CPython 3.11 and newer do."""
        return int.__repr__(self)


# 7.4.1 and the registry of close codes.
CLOSE_MEANINGS: dict[int, str] = {
    CloseCode.NORMAL_CLOSURE: "OK",
    CloseCode.GOING_AWAY: "going away",
    CloseCode.PROTOCOL_ERROR: "protocol error",
    CloseCode.UNSUPPORTED_DATA: "unsupported data",
    CloseCode.NO_STATUS_RCVD: "no status received [internal]",
    CloseCode.ABNORMAL_CLOSURE: "abnormal closure [internal]",
    CloseCode.INVALID_DATA: "invalid frame payload data",
    CloseCode.POLICY_VIOLATION: "policy violation",
    CloseCode.MESSAGE_TOO_BIG: "message too big",
    CloseCode.MANDATORY_EXTENSION: "mandatory extension",
    CloseCode.INTERNAL_ERROR: "internal error",
    CloseCode.SERVICE_RESTART: "service restart",
    CloseCode.TRY_AGAIN_LATER: "try again later",
    CloseCode.BAD_GATEWAY: "bad gateway",
    CloseCode.TLS_HANDSHAKE: "TLS handshake failure [internal]",
}

# 7.4.1: said to the application, never sent.
LOCAL_CLOSE_CODES = frozenset({1005, 1006, 1015})


def may_be_sent(code: int) -> bool:
    """Tell whether a Close frame may carry this status code (RFC 6455, 7.4)."""
    if code < 3000:
        return code in _DEFINED and code not in LOCAL_CLOSE_CODES
    return code < 5000


_DEFINED = {int(code): code for code in CloseCode}


if TYPE_CHECKING:

    class Header(NamedTuple):
        """A frame header (RFC 6455, 5.2)."""

        fin: bool
        rsv: int  # the three bits as a number, RSV1 = 4, RSV2 = 2, RSV3 = 1
        opcode: Opcode
        mask_key: bytes | None
        length: int  # bytes of payload that follow
        size: int  # bytes the header itself took

    class Frame(NamedTuple):
        """A whole frame, its payload unmasked (RFC 6455, 5.2)."""

        opcode: Opcode
        payload: bytes
        fin: bool = True
        rsv: int = 0

else:
    Header = namedtuple("Header", "fin rsv opcode mask_key length size")  # noqa: PYI024
    Header.__doc__ = """A frame header (RFC 6455, 5.2).

    Attributes:
        fin: whether the frame is the last one of its message.
        rsv: the three reserved bits as a number: RSV1 is 4, RSV2 is 2, RSV3 is 1.
        opcode: the kind of the frame.
        mask_key: the four bytes of the masking key; None if the payload is not masked.
        length: bytes of payload that follow.
        size: bytes that the header itself takes.
    """
    Frame = namedtuple("Frame", "opcode payload fin rsv", defaults=(True, 0))  # noqa: PYI024
    Frame.__doc__ = """A whole frame, its payload unmasked (RFC 6455, 5.2).

    Attributes:
        opcode: the kind of the frame.
        payload: its bytes.
        fin: whether the frame is the last one of its message.
        rsv: the three reserved bits as a number: RSV1 is 4, RSV2 is 2, RSV3 is 1.
    """


class _Control:
    """The base of the three control messages: values, compared by type and content."""

    __slots__ = ()
    __match_args__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__match_args__)

    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, name) for name in self.__match_args__)))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
        return f"{type(self).__name__}({fields})"


class Ping(_Control):
    """A Ping frame (RFC 6455, 5.5.2).

    Args:
        data: at most 125 bytes, which the Pong repeats.
    """

    __slots__ = ("data",)
    __match_args__: tuple[str, ...] = ("data",)

    def __init__(self, data: bytes = b"") -> None:
        self.data: bytes = data


class Pong(_Control):
    """A Pong frame (RFC 6455, 5.5.3).

    Args:
        data: the bytes of the Ping it responds to, at most 125.
    """

    __slots__ = ("data",)
    __match_args__: tuple[str, ...] = ("data",)

    def __init__(self, data: bytes = b"") -> None:
        self.data: bytes = data


class Close(_Control):
    """A Close frame (RFC 6455, 5.5.1).

    Args:
        code: the status code, which becomes a CloseCode where there is one; 1005 means a frame without
            one (7.1.5).
        reason: at most 123 bytes of UTF-8.
    """

    __slots__ = ("code", "reason")
    __match_args__: tuple[str, ...] = ("code", "reason")

    def __init__(self, code: int = CloseCode.NO_STATUS_RCVD, reason: str = "") -> None:
        self.code: CloseCode | int = _DEFINED.get(code, code)
        self.reason: str = reason

    def __repr__(self) -> str:
        return f"Close(code={int(self.code)}, reason={self.reason!r})"

    def __str__(self) -> str:
        """Describe it for people: "1001 (going away) maintenance"."""
        code = int(self.code)
        kind = "registered" if 3000 <= code < 4000 else "private use" if 4000 <= code < 5000 else "unknown"
        reason = f" {self.reason}" if self.reason else ""
        return f"{code} ({CLOSE_MEANINGS.get(code, kind)}){reason}"


class Fragment(_Control):
    """A part of a message, as much as has arrived (RFC 6455, 5.4): a fragment, or a piece of one.

    Args:
        data: str of a text message, cut between characters, or bytes of a binary one.
        final: whether it ends the message.
    """

    __slots__ = ("data", "final")
    __match_args__: tuple[str, ...] = ("data", "final")

    def __init__(self, data: str | bytes, final: bool) -> None:
        self.data: str | bytes = data
        self.final: bool = final


# What decoding costs (`inflated`, `budget`), counted in inflated bytes that take as long.
FRAME_COST = 256  # of each frame, except frames that hold a whole message uncompressed
DEFLATED_COST = 4  # of each compressed byte: some inflate to nothing
STREAM_COST = 1024  # of each DEFLATE stream that is not the first of its message
DEFLATED_PIECE = 2**14  # bytes that are inflated at once
STREAMED_PIECE = 2**8  # the same, of messages that are returned in fragments
STREAMED_SIZE = 2**16  # inflated bytes from which a part of a frame is returned as a fragment
MAX_MESSAGES = 2**12  # that a call with a budget returns

# What `MessageDecoder.streaming` may be, besides 0: whose messages are returned in fragments.
ONE_MESSAGE = 1  # the one that arrives, or else the next
ALL_MESSAGES = 2

# Bytes of a message, or characters, from which it is compressed in steps.
LARGE_MESSAGE = 2**18
NO_BUDGET = 2**64 - 1


class Inflater(Protocol):
    """The part of permessage-deflate that a MessageDecoder calls (RFC 7692, 7.2.2).

    It may have an attribute `extra_streams`: how many DEFLATE streams it has begun so far that were
    not the first of their message, to be counted by `MessageDecoder.inflated`.
    """

    def inflate(self, data: bytes, final: bool, max_length: int) -> bytes:
        """Inflate the next piece of a message.

        Args:
            data: unmasked payload bytes, in order; a piece may end anywhere, and may be empty.
            final: this piece ends the message.
            max_length: bytes this piece may yield at most.

        Returns:
            What the piece yields; one byte more than max_length says that it would yield too much.

        Raises:
            ProtocolError: the piece is no valid DEFLATE data.
        """

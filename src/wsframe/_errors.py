"""One constructor for each error, so that both twins raise the same."""

from __future__ import annotations

from ._spec import MAX_CONTROL_PAYLOAD, CloseCode

TYPE_CHECKING = False  # importing typing would take as long as importing wsframe may take
if TYPE_CHECKING:
    from collections.abc import Collection


class WebSocketException(Exception):
    """Base class of the exceptions of wsframe about a connection."""


class ConcurrencyError(WebSocketException, RuntimeError):
    """Two tasks or threads have called what only one of them may call at a time."""


class ProtocolError(WebSocketException):
    """The peer broke a rule of the protocol, or a limit set for it.

    Args:
        close_code: the status code for the Close frame that is sent in return (RFC 6455, 7.4.1); may be left
            out, for 1002.
        reason: which rule, in a few words; short enough for the reason of that Close frame.
    """

    def __init__(self, close_code: int | str = CloseCode.PROTOCOL_ERROR, reason: str = "") -> None:
        if isinstance(close_code, str):
            super().__init__(close_code)
            self.close_code: CloseCode = CloseCode.PROTOCOL_ERROR
            self.reason: str = close_code
        else:
            super().__init__(close_code, reason)
            self.close_code = CloseCode(close_code)
            self.reason = reason

    def __str__(self) -> str:
        return self.reason


class PayloadTooBig(ProtocolError):
    """A message or a frame is larger than a limit set for it (RFC 6455, 10.4).

    Args:
        size: bytes of the frame, None where that is unknown; or the text of the error, alone.
        max_size: bytes it may have.
        current_size: bytes of the message before this frame.
    """

    def __init__(
        self, size: int | str | None, max_size: int | None = None, current_size: int | None = None
    ) -> None:
        limit = max_size if max_size is None or current_size is None else max_size + current_size
        if isinstance(size, str):
            reason = size
        elif limit is None:
            raise TypeError("PayloadTooBig needs a max_size, or a text alone")
        else:
            frame = "frame" if size is None else f"frame with {size} bytes"
            after = "" if current_size is None else f" after reading {current_size} bytes"
            reason = f"{frame}{after} exceeds limit of {limit} bytes"
        super().__init__(CloseCode.MESSAGE_TOO_BIG, reason)
        self.args: tuple[object, ...] = (size, max_size, current_size)  # for pickle and copy
        self.size: int | None = None if isinstance(size, str) else size
        self.max_size: int | None = limit
        self.current_size: int | None = current_size


class TooManyFragments(ProtocolError):
    """A message has more fragments than a limit set for it (RFC 6455, 10.4).

    Args:
        max_fragments: how many it may have.
    """

    def __init__(self, max_fragments: int) -> None:
        super().__init__(CloseCode.POLICY_VIOLATION, f"message of more than {max_fragments} fragments")
        self.args: tuple[object, ...] = (max_fragments,)  # for pickle and copy


# Violations by the peer.


def _broken(reason: str) -> ProtocolError:
    return ProtocolError(CloseCode.PROTOCOL_ERROR, reason)


def reserved_opcode(opcode: int) -> ProtocolError:
    """RFC 6455, 5.2: opcodes 3-7 and 11-15 are reserved."""
    return _broken(f"reserved opcode {opcode:#x}")


def reserved_bits() -> ProtocolError:
    """RFC 6455, 5.2: RSV bits are 0 unless an extension defines them."""
    return _broken("reserved bits must be 0")


def fragmented_control() -> ProtocolError:
    """RFC 6455, 5.5: control frames are not fragmented."""
    return _broken("fragmented control frame")


def long_control() -> ProtocolError:
    """RFC 6455, 5.5: control frames carry at most 125 bytes."""
    return _broken(f"control frame longer than {MAX_CONTROL_PAYLOAD} bytes")


def unmasked_frame() -> ProtocolError:
    """RFC 6455, 5.1: a server fails on a frame that is not masked."""
    return _broken("frame from a client must be masked")


def masked_frame() -> ProtocolError:
    """RFC 6455, 5.1: a client fails on a frame that is masked."""
    return _broken("frame from a server must not be masked")


def length_not_minimal() -> ProtocolError:
    """RFC 6455, 5.2: the length is encoded in as few bytes as possible."""
    return _broken("length not in its shortest form")


def length_overflow() -> ProtocolError:
    """RFC 6455, 5.2: the most significant bit of a 64-bit length is 0."""
    return _broken("length above 2**63 - 1")


def unexpected_continuation() -> ProtocolError:
    """RFC 6455, 5.4: a continuation frame continues a message."""
    return _broken("continuation frame without a message to continue")


def unfinished_message() -> ProtocolError:
    """RFC 6455, 5.4: no message begins inside another."""
    return _broken("new message before the last one ended")


def short_close() -> ProtocolError:
    """RFC 6455, 5.5.1: the body of a Close frame begins with a 2-byte status code."""
    return _broken("close frame with a body of 1 byte")


def close_code(code: int) -> ProtocolError:
    """RFC 6455, 7.4: which status codes may be sent."""
    return _broken(f"close code {code} must not be sent")


def invalid_text() -> ProtocolError:
    """RFC 6455, 8.1: text messages are valid UTF-8."""
    return ProtocolError(CloseCode.INVALID_DATA, "text message is not valid utf-8")


def invalid_reason() -> ProtocolError:
    """RFC 6455, 5.5.1 and 8.1: the reason of a Close frame is valid UTF-8."""
    return ProtocolError(CloseCode.INVALID_DATA, "close reason is not valid utf-8")


def message_too_big(limit: int) -> ProtocolError:
    """RFC 6455, 10.4: a limit on the size of a message, over all its fragments."""
    return PayloadTooBig(f"message larger than {limit} bytes")


def frame_too_big(limit: int) -> ProtocolError:
    """RFC 6455, 10.4: a limit on the size of a frame."""
    return PayloadTooBig(f"frame larger than {limit} bytes")


def too_many_fragments(limit: int) -> ProtocolError:
    """RFC 6455, 10.4: a limit on the number of fragments of a message."""
    return TooManyFragments(limit)


def invalid_deflate() -> ProtocolError:
    """RFC 7692, 7.2.2: the payload of a compressed message is DEFLATE data."""
    return ProtocolError(CloseCode.INVALID_DATA, "compressed message is not valid deflate data")


def too_many_streams(limit: int) -> ProtocolError:
    """RFC 6455, 10.4: a limit on the number of DEFLATE streams of a message."""
    return ProtocolError(CloseCode.POLICY_VIOLATION, f"compressed message of more than {limit} streams")


def inflate_failed() -> ProtocolError:
    """An extension raised another exception than ProtocolError, which is the cause."""
    return ProtocolError(CloseCode.INTERNAL_ERROR, "cannot inflate the message")


def interrupted() -> ProtocolError:
    """Another exception has left `feed`: the position in the stream is lost."""
    return ProtocolError(CloseCode.INTERNAL_ERROR, "decoding was interrupted")


# Errors of the caller.


def not_bytes_like(name: str, value: object) -> TypeError:
    return TypeError(f"{name} must be a bytes-like object, not {type(value).__name__}")


def not_bytearray(name: str, value: object) -> TypeError:
    return TypeError(f"{name} must be a bytearray, not {type(value).__name__}")


def not_str_or_bytes(name: str, value: object) -> TypeError:
    return TypeError(f"{name} must be str or a bytes-like object, not {type(value).__name__}")


def not_str_or_bytes_exactly(name: str, value: object) -> TypeError:
    return TypeError(f"{name} must be str or bytes, not {type(value).__name__}")


def not_str(name: str, value: object) -> TypeError:
    return TypeError(f"{name} must be str, not {type(value).__name__}")


def not_int(name: str, value: object) -> TypeError:
    return TypeError(f"{name} must be int, not {type(value).__name__}")


def not_random(size: int, value: object) -> Exception:
    """os.urandom was replaced, and did not return the bytes of a key."""
    if type(value) is not bytes:
        return TypeError(f"os.urandom must return bytes, not {type(value).__name__}")
    return RuntimeError(f"os.urandom must return {size} bytes, not {len(value)}")


def not_role(value: object) -> TypeError:
    return TypeError(f"role must be a Role, not {type(value).__name__}")


def wrong_call(name: str, excess: int, unknown: Collection[str]) -> TypeError:
    call = f"{name}.__init__()"  # the texts of CPython for the pure twin
    if unknown:
        return TypeError(f"{call} got an unexpected keyword argument {next(iter(unknown))!r}")
    if excess:
        return TypeError(f"{call} takes 2 positional arguments but {2 + excess} were given")
    return TypeError(f"{call} missing 1 required positional argument: 'role'")


def not_contiguous(name: str) -> BufferError:
    return BufferError(f"{name} must be a contiguous one-dimensional buffer")


def not_writable(name: str) -> BufferError:
    return BufferError(f"{name} must be a writable buffer")


def key_size(name: str, size: int) -> ValueError:
    return ValueError(f"{name} must be 4 bytes, not {size}")


def out_of_range(name: str, low: int, high: int) -> ValueError:
    return ValueError(f"{name} must be from {low} to {high}")


def negative(name: str) -> ValueError:
    return ValueError(f"{name} must not be negative")


def offset_past_end() -> ValueError:
    return ValueError("offset must not be past the end of buffer")


def not_ascii(name: str) -> ValueError:
    return ValueError(f"{name} must be ASCII")


def not_an_opcode(value: object) -> ValueError:
    return ValueError(f"opcode must be an Opcode, not {value!r}")


def control_frame(reason: str) -> ValueError:
    return ValueError(f"a control frame {reason} (RFC 6455, 5.5)")


def busy() -> RuntimeError:
    return RuntimeError("feed is already running")

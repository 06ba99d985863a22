"""Messages and fragments to send: their kinds, and their payloads (RFC 6455, 5.6)."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from .. import _errors

if TYPE_CHECKING:
    from typing_extensions import Buffer

MIXED_FRAGMENTS = "fragments must be all str or all bytes-like"


def check_fragment(fragment: object, before: object) -> None:
    """Check the kind of a fragment.

    Args:
        fragment: the next one.
        before: the fragment before it, or None.

    Raises:
        TypeError: it is neither str nor bytes-like, or not of the kind of `before`.
    """
    text = isinstance(fragment, str)
    if not text:
        try:
            memoryview(fragment)  # type: ignore[arg-type]
        except TypeError:
            raise TypeError(f"a fragment must be str or bytes-like, not {type(fragment).__name__}") from None
    if before is not None and text is not isinstance(before, str):
        raise TypeError(MIXED_FRAGMENTS)


def as_kind(message: str | Buffer, text: bool | None) -> str | Buffer:
    """Return a message as text or binary.

    Args:
        message: str or bytes-like.
        text: True for text, False for binary, None to leave it unchanged.

    Raises:
        UnicodeDecodeError: the bytes of a text are not UTF-8.
        TypeError, BufferError: as encode_binary.
    """
    if text is None or isinstance(message, str) is text:
        return message
    return bytes_of(message).decode() if text else bytes_of(message)


class FragmentsAs:
    """Turns the fragments of a message into text or binary ones; characters may be cut between them.

    Args:
        text: whether the message is to be text.
    """

    def __init__(self, text: bool) -> None:
        self._text = text
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def convert(self, fragment: str | Buffer) -> str | bytes | Buffer:
        """Return the next fragment; of bytes-like text, as much as are whole characters.

        Raises:
            UnicodeDecodeError: bytes that are to be text are not UTF-8.
            TypeError, BufferError: as encode_binary.
        """
        if self._text and not isinstance(fragment, str):
            return self._decoder.decode(bytes_of(fragment))
        self.end()
        return as_kind(fragment, self._text)

    def end(self) -> None:
        """Check that no character is cut off.

        Raises:
            UnicodeDecodeError: one is.
        """
        self._decoder.decode(b"", True)


def bytes_of(message: str | Buffer) -> bytes:
    """Return the payload of a message.

    Raises:
        TypeError, BufferError: as encode_binary.
    """
    if isinstance(message, str):
        return message.encode("utf-8")
    try:
        view = memoryview(message)
    except TypeError:
        raise _errors.not_bytes_like("data", message) from None
    with view:
        if view.ndim != 1 or not view.c_contiguous:
            raise _errors.not_contiguous("data")
        return view.tobytes()

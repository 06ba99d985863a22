"""wsaccel, for libraries that look for it: the same classes, over the kernels of wsframe.

    import wsframe.compat.wsaccel
    wsframe.compat.wsaccel.install()  # before the library that asks for wsaccel is imported

The validator keeps the state of an automaton between calls: how the current code point may continue.  State 0
is between code points and 1 is an error, which stays; the others are the keys of FOLLOWING.
"""

from __future__ import annotations

import sys
from codecs import utf_8_decode
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .. import _errors
from .._backend import mask as xor
from .._spec import KEY_SIZE

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "Utf8Validator",
    "XorMaskerNull",
    "XorMaskerSimple",
    "createXorMasker",
    "create_xor_masker",
    "install",
]

ACCEPT, REJECT = 0, 1

# RFC 3629, 4: which bytes may begin a code point, the state each leads to, and the bits it gives.
LEADING = (
    (range(0x80), ACCEPT, 0x7F),
    (range(0xC2, 0xE0), 2, 0x1F),
    (range(0xE0, 0xE1), 4, 0x0F),
    (range(0xED, 0xEE), 5, 0x0F),
    (range(0xE1, 0xF0), 3, 0x0F),
    (range(0xF0, 0xF1), 6, 0x07),
    (range(0xF1, 0xF4), 7, 0x07),
    (range(0xF4, 0xF5), 8, 0x07),
)
# Which bytes may come in each state, and the state they lead to.
FOLLOWING = {
    2: (range(0x80, 0xC0), ACCEPT),
    3: (range(0x80, 0xC0), 2),
    4: (range(0xA0, 0xC0), 2),
    5: (range(0x80, 0xA0), 2),
    6: (range(0x90, 0xC0), 3),
    7: (range(0x80, 0xC0), 3),
    8: (range(0x80, 0x90), 3),
    REJECT: (range(0), REJECT),
}


class XorMaskerNull:
    """Counts the bytes that pass, and leaves them as they are."""

    __slots__ = ("_passed",)

    def __init__(self, mask: object = None) -> None:
        self._passed = 0

    def pointer(self) -> int:
        """Tell how many bytes have passed."""
        return self._passed

    def reset(self) -> None:
        """Count from 0 again."""
        self._passed = 0

    def process(self, data: Any) -> Any:
        """Return the data itself."""
        self._passed += len(data)
        return data


class XorMaskerSimple(XorMaskerNull):
    """Masks the pieces of a payload, one after the other (RFC 6455, 5.3).

    Args:
        mask: the masking key, 4 bytes.

    Raises:
        ValueError: mask is not 4 bytes.
    """

    __slots__ = ("_key",)

    def __init__(self, mask: Buffer) -> None:
        self._key = bytes(memoryview(mask))
        if len(self._key) != KEY_SIZE:
            raise _errors.key_size("mask", len(self._key))
        self._passed = 0

    def process(self, data: Buffer) -> bytes:
        """Mask or unmask the next bytes."""
        masked = xor(data, self._key, self._passed)
        self._passed += len(masked)
        return masked


def create_xor_masker(mask: Buffer, length: int | None = None) -> XorMaskerSimple:
    """Make a masker; the name that autobahn has for it. The length is of no use here."""
    return XorMaskerSimple(mask)


def createXorMasker(mask: Buffer, len: int | None = None) -> XorMaskerSimple:  # noqa: A002
    """Make a masker; the name that wsaccel has for it. The length is of no use here."""
    return XorMaskerSimple(mask)


class Utf8Validator:
    """Checks the pieces of a text, one after the other (RFC 6455, 8.1; RFC 3629).

    Attributes:
        state: of the automaton: 0 between code points, 1 after an error, else inside a code point.
        codepoint: what `decode` made of the bytes so far.
        i: bytes of the text that were valid.
    """

    __slots__ = ("codepoint", "i", "state")

    UTF8_ACCEPT = ACCEPT
    UTF8_REJECT = REJECT

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin a new text."""
        self.state: int = ACCEPT
        self.codepoint: int = 0
        self.i: int = 0

    def decode(self, b: int) -> int:
        """Take the next byte, and return the state it leads to; `codepoint` is whole when that is 0."""
        if self.state == ACCEPT:
            bits = next((bits for leading, _, bits in LEADING if b in leading), 0)
            self.codepoint = b & bits
        else:
            self.codepoint = self.codepoint << 6 | b & 0x3F
        self.state = _next(self.state, b)
        return self.state

    def validate(self, ba: Buffer) -> tuple[bool, bool, int, int]:
        """Check the next bytes.

        Returns:
            Whether the text is valid so far; whether it ends with a whole code point; how many of these bytes
            are valid; and how many of all since the last reset.
        """
        data = ba if type(ba) is bytes else bytes(memoryview(ba))
        size = len(data)
        if self.state != ACCEPT or not data.isascii():
            at = self._go_through(data)
            if self.state == REJECT and at < size:
                self.i += at
                return False, False, at, self.i
        self.i += size
        return True, self.state == ACCEPT, size, self.i

    def _go_through(self, data: bytes) -> int:
        """Set the state after these bytes; return how many came before the state REJECT, or all."""
        at, size = 0, len(data)
        while at < size:
            if self.state == ACCEPT:
                # A code point cut off or wrong is left to the automaton, which knows at which byte.
                at += _whole(data[at:])
                if at == size:
                    break
            self.state = _next(self.state, data[at])
            if self.state == REJECT:
                break
            at += 1
        return at


def _whole(data: bytes) -> int:
    """Count the bytes before the first code point that is cut off or wrong."""
    try:
        valid: int = utf_8_decode(data, "strict", False)[1]
    except UnicodeDecodeError as exc:
        return exc.start
    return valid


def _next(state: int, b: int) -> int:
    """The state that a byte leads to."""
    if state == ACCEPT:
        return next((then for leading, then, _ in LEADING if b in leading), REJECT)
    following, then = FOLLOWING[state]
    return then if b in following else REJECT


def install() -> None:
    """Have every later `import wsaccel`, also of its modules, import this one; for this process."""
    module = sys.modules[__name__]
    for name in ("wsaccel", "wsaccel.xormask", "wsaccel.utf8validator"):
        sys.modules[name] = module


# So that `import wsaccel.xormask` can be followed by `wsaccel.xormask.XorMaskerSimple`.
xormask: ModuleType = sys.modules[__name__]
utf8validator: ModuleType = xormask

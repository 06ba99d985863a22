"""isal or zlib-ng instead of zlib, for the messages that a host compresses.

1. A host gets a module that looks like zlib. Raw DEFLATE with a window of 512 bytes or more, which is what
   permessage-deflate uses, comes from the other module; all else, wrong arguments too, goes to zlib.
2. What is inflated is bounded as zlib bounds it, and errors are `zlib.error`.
3. "auto" is the best module installed, as `deflate.modules` uses it: within the bound of what may be kept,
   and for inflating where the first message is not a small one.
"""

from __future__ import annotations

import sys
import zlib
from functools import cache
from types import ModuleType
from typing import Any

from .host import Deflating, Host, Part

__all__ = ["CHOICES", "INSTALL_FASTER", "check", "resolved_zlib", "substitute", "zlib_patch"]

# By their names on PyPI; zlib-ng may be written with an underscore, too, as it is imported.
CHOICES = ("auto", "zlib", "isal", "zlib-ng")

INSTALL_FASTER = "pip install 'wsframe[fast]'"  # the advice where only zlib is installed

WINDOWS = range(-zlib.MAX_WBITS, -8)
MEM_LEVELS = range(1, 10)

KNOWN = b"The quick brown fox jumps over the lazy dog. " * 9


class Inflater:
    """What `decompressobj` makes.

    isal may consume input whose output exceeds `max_length`, and keep the rest of the output: there is no
    `unconsumed_tail` then, and the message would look complete. So this asks isal for one byte more
    than `max_length`. If it gets that byte, it keeps it in `_early` and sets an `unconsumed_tail`.
    """

    __slots__ = ("_early", "_ended", "_error", "_inner", "_consumed", "unconsumed_tail")

    def __init__(self, inner: Any, error: type[Exception]) -> None:
        self._inner = inner
        self._error = error
        self._early = b""  # the byte beyond `max_length`, for the next call
        self._consumed = 0  # bytes of the tail that the module has consumed already
        self._ended = False  # flushed at the end of the stream: zlib is of no use then
        self.unconsumed_tail: bytes = b""

    def decompress(self, data: Any, /, max_length: int = 0) -> bytes:
        if self._ended:
            raise zlib.error("Error -2 while decompressing data: inconsistent stream state")
        early, new = self._early, data
        if early:
            new = memoryview(data)[self._consumed :]
            self._early = b""
        bounded = 0 < max_length < sys.maxsize
        try:
            out: bytes = self._inner.decompress(new, max_length + 1 - len(early) if bounded else max_length)
        except self._error as exc:
            raise zlib.error(*exc.args) from None
        if early:
            out = early + out
        if bounded and len(out) > max_length:
            tail = b"" if self._inner.eof else self._inner.unconsumed_tail
            self._consumed = 0 if tail else 1
            self.unconsumed_tail = tail or bytes(data[-1:])
            self._early = out[max_length:]
            return out[:max_length]
        self.unconsumed_tail = b""
        return out

    def flush(self, *length: int) -> bytes:
        early, self._early, self.unconsumed_tail = self._early, b"", b""
        try:
            out: bytes = early + self._inner.flush(*length)
        except self._error as exc:
            raise zlib.error(*exc.args) from None
        self._ended = self._inner.eof
        return out

    @property
    def eof(self) -> bool:
        return not self._early and self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return b"" if self._early else self._inner.unused_data


class AutoInflater:
    """What `decompressobj` makes with "auto": the first message decides what inflates."""

    __slots__ = ("_bits", "_inner", "_place", "decompress")

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._inner: Any = None
        self.decompress: Any

    def __getattr__(self, name: str) -> Any:
        if name == "decompress":  # not yet that of the one chosen
            return self._begin
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _begin(self, data: Any, /, max_length: int = 0) -> bytes:
        from ..deflate.modules import inflating_module

        module, self._place = inflating_module("auto", len(data), kept=True)
        inner = module.decompressobj(self._bits)
        self._inner = inner if module is zlib else Inflater(inner, module.error)
        self.decompress = self._inner.decompress
        out: bytes = self.decompress(data, max_length)
        return out

    def flush(self, *length: int) -> bytes:
        if self._inner is None:
            return b""
        out: bytes = self._inner.flush(*length)
        return out

    @property
    def eof(self) -> bool:
        return self._inner is not None and self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return b"" if self._inner is None else self._inner.unused_data

    @property
    def unconsumed_tail(self) -> bytes:
        return b"" if self._inner is None else self._inner.unconsumed_tail


def check(name: str) -> None:
    """Check that a module can be used instead of zlib.

    Args:
        name: of the module; "zlib" and "auto" can always.

    Raises:
        ValueError: it is not one of CHOICES.
        ImportError: the package is not installed, or does not load.
    """
    if name not in ("auto", "zlib"):
        substitute(name)


def resolved_zlib(name: str) -> str:
    """Return the module that compresses when `name` is chosen; "auto" is resolved to the best installed."""
    if name == "auto":
        from ..deflate.modules import best

        return best()
    return name.replace("_", "-") or "zlib"


@cache
def substitute(name: str) -> ModuleType:
    """Return the module that replaces zlib in a host; raises as `check` does."""
    from ..deflate.modules import (
        LEVELS,
        MOST_MEMORY,
        compressor,
        module_of,
    )  # not needed unless zlib is replaced

    if name.replace("_", "-") not in CHOICES or name == "zlib":
        raise ValueError(f"unknown zlib {name!r}, only {', '.join(CHOICES)}")
    auto, best = name == "auto", resolved_zlib(name)
    try:
        module = module_of(best)
    except ImportError as exc:
        raise ImportError(f"{exc}: pip install {best}") from exc
    levels, most_memory = LEVELS[best], MOST_MEMORY[best]

    def compressobj(
        level: int = zlib.Z_DEFAULT_COMPRESSION,
        method: int = zlib.DEFLATED,
        wbits: int = zlib.MAX_WBITS,
        memLevel: int = zlib.DEF_MEM_LEVEL,
        strategy: int = zlib.Z_DEFAULT_STRATEGY,
        **zdict: Any,
    ) -> Any:
        if (
            level in levels
            and method == zlib.DEFLATED
            and wbits in WINDOWS
            and memLevel in MEM_LEVELS
            and strategy == zlib.Z_DEFAULT_STRATEGY
            and not zdict
        ):
            if auto:
                return compressor("auto", -wbits, level, memLevel, kept=True)
            return module.compressobj(levels[level], method, wbits, min(memLevel, most_memory))
        return zlib.compressobj(level, method, wbits, memLevel, strategy, **zdict)

    def decompressobj(wbits: int = zlib.MAX_WBITS, **zdict: Any) -> Any:
        if wbits in WINDOWS and not zdict:
            return AutoInflater(wbits) if auto else Inflater(module.decompressobj(wbits), module.error)
        return zlib.decompressobj(wbits, **zdict)

    made = ModuleType(name)
    public = {key: value for key, value in vars(zlib).items() if not key.startswith("_")}
    vars(made).update(public, compressobj=compressobj, decompressobj=decompressobj)
    return made


def zlib_patch(host: Host, deflating: Deflating, name: str) -> Part:
    """Return the part that replaces zlib in a host."""

    def replaced(original: Any, _: Host) -> ModuleType:
        new = substitute(name)
        if original not in (zlib, new):
            raise RuntimeError(f"{deflating.owner.replace(':', '.')}.{deflating.attribute} is not zlib")
        return new

    def prove() -> None:
        compressor, inflater, result = host.load(deflating.round_trip)(KNOWN)
        # With "auto" zlib compresses when all places are taken.
        stock = name != "auto" and type(compressor) is type(zlib.compressobj())
        if stock or type(inflater) not in (Inflater, AutoInflater):
            raise RuntimeError("the message was compressed by zlib")
        if result != KNOWN:
            raise RuntimeError("the known message came out wrong")

    return Part(
        modules=(deflating.module, *deflating.modules),
        seams={deflating.owner: {deflating.attribute: replaced}},
        prove=prove,
    )

"""Replacements of the functions that mask and that check UTF-8, under the names of autobahn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....compat import wsaccel
from ...host import Host


def create_xor_masker(_original: Any, _: Host) -> Callable[..., Any]:
    def create_xor_masker(mask: Any, length: Any = None) -> Any:
        return wsaccel.XorMaskerSimple(mask)

    return create_xor_masker


def utf8_validator(original: type, _: Host) -> type:
    return Utf8Validator if "nvx" in original.__module__ else wsaccel.Utf8Validator


class Utf8Validator(wsaccel.Utf8Validator):
    """As the native validator of autobahn, which finds nothing wrong after a failure."""

    i: int

    __slots__ = ()

    def validate(self, ba: Any) -> tuple[bool, bool, int, int]:
        if self.state != self.UTF8_REJECT:
            return super().validate(ba)
        self.i += len(ba)
        return True, False, len(ba), self.i

"""What frames and messages are made of: a read or a write of a socket, the mask, the check of UTF-8."""

from __future__ import annotations

from codecs import utf_8_decode
from collections.abc import Callable
from functools import wraps
from socket import socket
from types import SimpleNamespace
from typing import Any

from ...._backend import mask
from ...._spec import KEY_SIZE


def on_socket(original: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Make `recv` or `send`, for a plain socket; how one failed is told by the code that was there."""

    @wraps(original)
    def on_plain_socket(sock: Any, value: Any) -> Any:
        if type(sock) is not socket or type(value) is str:
            return original(sock, value)
        try:
            result = getattr(sock, name)(value)
        except BlockingIOError:
            result = None
        except OSError as exc:
            return original(failed(sock, exc), value)
        return result or original(sock, value)

    return on_plain_socket


def failed(sock: socket, exc: OSError) -> Any:
    """Make a stand-in for a socket that fails."""

    def again(_: Any) -> None:
        raise exc

    return SimpleNamespace(gettimeout=sock.gettimeout, recv=again, send=again)


def validate_utf8(original: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Make `_validate_utf8`, which says nothing against a character cut off at the end."""

    @wraps(original)
    def _validate_utf8(utfbytes: Any) -> bool:
        if type(utfbytes) is not bytes:
            return original(utfbytes)
        try:
            _, done = utf_8_decode(utfbytes, "strict", False)
        except UnicodeDecodeError:
            return False
        return done == len(utfbytes) or original(utfbytes[done:])

    return _validate_utf8


def mask_arrays(original: Callable[[Any, Any], bytes]) -> Callable[[Any, Any], bytes]:
    """Make `_mask`, which is given arrays."""

    @wraps(original)
    def _mask(mask_value: Any, data_value: Any) -> bytes:
        if len(mask_value) != KEY_SIZE:
            return original(mask_value, data_value)
        return mask(data_value, bytes(mask_value))

    return _mask

"""websocket-client: a frame that comes unmasked, and one that leaves under a key of the system.

All else is left to its own code, which goes on where the new code stops: a frame that is masked, long, or in
pieces, a key of the program's own. As ever no byte is read that is not part of the frame at hand.
"""

from __future__ import annotations

import os
import sys
from codecs import utf_8_decode
from collections.abc import Callable, Iterable
from functools import wraps
from importlib import import_module
from socket import socket
from types import SimpleNamespace
from typing import Any

from .._backend import encode_frame, fresh_key, mask
from .._spec import CONTROL, FIN, KEY_SIZE, LENGTH, LENGTH_16, LENGTH_64, OPCODE, Opcode
from ._host import Host, Replacement
from ._known import HELLO
from ._own import require_own

__all__ = ["HOST"]

MODULES = "websocket._abnf", "websocket._core", "websocket._utils"
# Who replaces it wants masking keys of their own.
URANDOM = os.urandom
DATA = Opcode.CONTINUATION, Opcode.TEXT, Opcode.BINARY
PIECE = 2**14  # bytes the library asks of a socket at most


def _replacements() -> Iterable[Replacement]:
    abnf, core, utils = map(import_module, MODULES)
    require_own(utils, "_validate_utf8")
    require_own(abnf, "_mask")
    require_own(abnf.ABNF, "format", "mask", "validate", "_get_masked")
    require_own(abnf.frame_buffer, "recv_frame", "recv_header", "recv_length", "recv_mask", "recv_strict")
    require_own(core, "recv", "send")
    yield utils, "_validate_utf8", _validate_utf8(utils._validate_utf8)
    yield abnf, "_mask", _mask(abnf._mask)
    yield abnf.ABNF, "format", _format(abnf.ABNF)
    yield abnf.frame_buffer, "recv_frame", _recv_frame(abnf.ABNF, abnf.frame_buffer)
    for name in ("recv", "send"):
        original = getattr(core, name)
        new = _on_socket(original, name)
        for path, module in list(sys.modules.items()):
            if path.partition(".")[0] == "websocket" and getattr(module, name, None) is original:
                yield module, name, new


def _on_socket(original: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Make `recv` or `send`, for a plain socket; how one failed is told by the code that was there."""

    @wraps(original)
    def on_socket(sock: Any, value: Any) -> Any:
        if type(sock) is not socket or type(value) is str:
            return original(sock, value)
        try:
            result = getattr(sock, name)(value)
        except BlockingIOError:
            result = None
        except OSError as exc:
            return original(_failed(sock, exc), value)
        return result or original(sock, value)

    return on_socket


def _failed(sock: socket, exc: OSError) -> Any:
    def again(_: Any) -> None:
        raise exc

    return SimpleNamespace(gettimeout=sock.gettimeout, recv=again, send=again)


def _validate_utf8(original: Callable[[Any], bool]) -> Callable[[Any], bool]:
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


def _mask(original: Callable[[Any, Any], bytes]) -> Callable[[Any, Any], bytes]:
    """Make `_mask`, which is given arrays."""

    @wraps(original)
    def _mask(mask_value: Any, data_value: Any) -> bytes:
        if len(mask_value) != KEY_SIZE:
            return original(mask_value, data_value)
        return mask(data_value, bytes(mask_value))

    return _mask


def _format(ABNF: Any) -> Callable[[Any], bytes]:
    """Make `ABNF.format`."""
    original = ABNF.format

    @wraps(original)
    def format_(self: Any) -> bytes:
        if (
            self.get_mask_key is URANDOM
            and type(self) is ABNF
            and type(self.data) is bytes
            and type(self.opcode) is int
            and self.opcode in DATA
            and self.mask_value == 1
            and self.fin in (0, 1)
            and self.rsv1 == self.rsv2 == self.rsv3 == 0
        ):
            return encode_frame(self.opcode, self.data, fin=self.fin == 1, mask_key=fresh_key())
        return original(self)  # type: ignore[no-any-return]

    return format_


def _recv_frame(ABNF: Any, frame_buffer: Any) -> Callable[[Any], Any]:
    """Make `frame_buffer.recv_frame`."""
    original, validate = frame_buffer.recv_frame, ABNF.validate
    starts = {fin | opcode: (fin >> 7, 0, 0, 0, int(opcode), 0) for fin in (0, FIN) for opcode in Opcode}

    @wraps(original)
    def recv_frame(self: Any) -> Any:
        if type(self) is frame_buffer:
            with self.lock:
                if self.header is None and not self.recv_buffer:
                    frame = take(self)
                    if frame is not None:
                        return frame
        return original(self)

    def take(self: Any) -> Any:
        """Take a frame, or so much of it as the other code can go on from."""
        recv = self.recv
        head = recv(2)
        if type(head) is not bytes or len(head) != 2:
            return put_back(self, head)
        first, length = head
        start = starts.get(first)
        if start is None or length >= LENGTH_64:  # as a masked one is, too
            bits = (first >> bit & 1 for bit in (7, 6, 5, 4))
            self.header = (*bits, first & OPCODE, length >> 7, length & LENGTH)
            return None
        self.header = (*start, length)
        if length == LENGTH_16:
            size = recv(2)
            if type(size) is not bytes or len(size) != 2:
                return put_back(self, size)
            length = int.from_bytes(size, "big")
        self.length, self.mask_value = length, ""
        if length > PIECE:
            return None
        data = recv(length) if length else b""
        if type(data) is not bytes or len(data) != length:
            return put_back(self, data)
        self.clear()
        frame = ABNF(*start, data)
        if first & CONTROL or ABNF.validate is not validate:
            frame.validate(self.skip_utf8_validation)
        return frame

    return recv_frame


def put_back(self: Any, data: Any) -> None:
    """Have the next read answered with what the last one brought."""
    recv = self.recv

    def once(size: int) -> Any:
        self.recv = recv
        return data

    self.recv = once


def _prove() -> None:
    abnf, core, utils = map(import_module, MODULES)
    sent: list[bytes] = []
    arrived = bytearray(HELLO)

    def recv(size: int) -> bytes:
        data = bytes(arrived[:size])
        del arrived[:size]
        return data

    def send(data: bytes) -> int:
        sent.append(data)
        return len(data)

    ws = core.WebSocket()
    ws.sock = SimpleNamespace(gettimeout=lambda: 0, recv=recv, send=send)
    ws.frame_buffer.recv_strict = _long_way
    frame = abnf.ABNF.create_frame("Hello", int(Opcode.TEXT))
    frame._get_masked = _long_way
    received = ws.recv()
    ws.send_frame(frame)
    (answer,) = sent
    if (
        not hasattr(utils._validate_utf8, "__wrapped__")
        or not hasattr(abnf._mask, "__wrapped__")
        or [received, abnf.validate_utf8("é".encode()), abnf.validate_utf8(b"\xff")] != ["Hello", True, False]
        or (answer[:2], abnf.ABNF.mask(answer[2:6], answer[6:])) != (b"\x81\x85", b"Hello")
    ):
        raise RuntimeError("a wrong answer")


def _long_way(*_: object) -> Any:
    raise RuntimeError("the code of websocket-client answered")


HOST = Host(
    name="websocket_client",
    first=(1, 8),
    below=(1, 10),
    modules=MODULES,
    replacements=_replacements,
    prove=_prove,
)

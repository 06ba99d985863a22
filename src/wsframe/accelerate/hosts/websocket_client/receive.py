"""Receiving: from the bytes of a frame to a message.

A message in one frame bypasses the code that joins fragments. `recv`, which returns only the data, reads them
straight from the socket and makes no object of a frame.
"""

from __future__ import annotations

from codecs import utf_8_decode
from collections.abc import Callable
from importlib import import_module
from socket import socket
from typing import Any

from ...._spec import CONTROL, FIN, LENGTH, LENGTH_16, LENGTH_64, MAX_LENGTH_7, OPCODE, Opcode
from ...host import Host
from .bypassed import ABNF, CORE, JOINING, PARSING, RECEIVING, SOCKET_CLASS
from .kinds import mask_attribute, pairs_are_lists
from .plain_socket import failed

RECV_LIMIT = 2**14  # bytes the library asks of a socket at most
TEXT, BINARY = int(Opcode.TEXT), int(Opcode.BINARY)

Start = tuple[int, int, int, int, int, int]  # the arguments of ABNF before the payload
# Those of a frame with neither a mask nor reserved bits, by its first byte.
STARTS: dict[int, Start] = {
    fin | opcode: (fin >> 7, 0, 0, 0, int(opcode), 0) for fin in (0, FIN) for opcode in Opcode
}
# Those of a short message that is not empty, by its first two bytes.
SHORT_STARTS = {
    bytes([FIN | opcode, size]): STARTS[FIN | opcode]
    for opcode in (TEXT, BINARY)
    for size in range(1, MAX_LENGTH_7 + 1)
}


def recv_frame(original: Callable[[Any], Any], host: Host) -> Callable[[Any], Any]:
    abnf: Any = import_module(ABNF)
    frame_buffer, frame_of = abnf.frame_buffer, frame_maker(abnf.ABNF)
    watched, mask = host.watch(PARSING), mask_attribute()

    def recv_frame(self: Any) -> Any:
        if type(self) is frame_buffer and watched.holds():
            with self.lock:
                taken = take(self, mask)
                if taken is not None:
                    return frame_of(self, *taken)
        return original(self)

    return recv_frame


def frame_maker(ABNF: Any) -> Callable[[Any, Start, bytes], Any]:
    """Return a function that makes a frame as the buffer of the library does."""

    def frame_of(buffer: Any, start: Start, data: bytes) -> Any:
        frame = ABNF(*start, data)
        if start[4] & CONTROL:
            frame.validate(buffer.skip_utf8_validation)
        return frame

    return frame_of


def between_messages() -> Callable[[Any], bool]:
    """Return a function that tells whether the next frame begins a message, and tracing is off."""
    core: Any = import_module(CORE)
    Fragments = import_module(ABNF).continuous_frame

    def between_messages(fragments: Any) -> bool:
        return (
            type(fragments) is Fragments
            and not fragments.cont_data
            and not fragments.recving_frames
            and not core.isEnabledForTrace()
        )

    return between_messages


def recv_data_frame(original: Callable[..., Any], host: Host) -> Callable[..., Any]:
    abnf: Any = import_module(ABNF)
    is_between, watched, is_list = between_messages(), host.watch(JOINING), pairs_are_lists()

    def recv_data_frame(self: Any, control_frame: Any = False) -> Any:
        fragments = self.cont_frame
        if is_between(fragments) and watched.holds():
            frame = self.recv_frame()
            if frame.fin and (
                frame.opcode == BINARY
                or (
                    frame.opcode == TEXT
                    and (
                        fragments.fire_cont_frame
                        or fragments.skip_utf8_validation
                        or abnf.validate_utf8(frame.data)
                    )
                )
            ):
                return [frame.opcode, frame] if is_list else (frame.opcode, frame)
            resume(self, frame)
        return original(self, control_frame)

    return recv_data_frame


def recv(original: Callable[..., Any], host: Host) -> Callable[..., Any]:
    core, abnf = import_module(CORE), import_module(ABNF)
    frame_buffer, frame_of = abnf.frame_buffer, frame_maker(abnf.ABNF)
    is_between, watched = between_messages(), host.watch(RECEIVING, SOCKET_CLASS)
    mask = mask_attribute()

    def recv(self: Any) -> Any:
        own, buffer, sock = vars(self), self.frame_buffer, self.sock
        if (
            type(sock) is socket
            and watched.holds(self)
            and not ("recv_data" in own or "recv_data_frame" in own or "recv_frame" in own)
            and type(buffer) is frame_buffer
            and buffer.recv == self._recv
            and is_between(self.cont_frame)
        ):
            with self.readlock, buffer.lock:
                try:
                    taken = take_short(buffer, sock.recv, mask)
                except BlockingIOError:
                    taken = None
                except OSError as exc:
                    core.recv(failed(sock, exc), 1)  # raises the error of the library for it
                    raise
                if taken is not None:
                    start, data = taken
                    if start[4] == BINARY:
                        return data
                    try:
                        return data.decode()
                    except UnicodeDecodeError:  # the original code raises it
                        resume(self, frame_of(buffer, start, data))
        return original(self)

    return recv


def resume(self: Any, frame: Any) -> None:
    """Let the original code continue with a frame."""
    before = vars(self).get("recv_frame")

    def once() -> Any:
        del self.recv_frame
        if before is not None:
            self.recv_frame = before
        return frame

    self.recv_frame = once


def take(self: Any, mask: str) -> tuple[Start, bytes] | None:
    """Read a frame, or a part of it from which the buffer of the library can continue.

    Args:
        self: the buffer.
        mask: the attribute for the mask of the frame; without one it is "", which the buffer then has read.
    """
    if self.header is not None or self.recv_buffer:
        return None
    head = self.recv(2)
    if type(head) is not bytes or len(head) != 2:
        put_back(self, head)
        return None
    first, length = head
    start = STARTS.get(first)
    if start is None or length >= LENGTH_64:  # as a masked one is, too
        bits = (first >> bit & 1 for bit in (7, 6, 5, 4))
        self.header = (*bits, first & OPCODE, length >> 7, length & LENGTH)
        return None
    self.header = (*start, length)
    if length == LENGTH_16:
        size = self.recv(2)
        if type(size) is not bytes or len(size) != 2:
            put_back(self, size)
            return None
        length = int.from_bytes(size, "big")
    self.length = length
    setattr(self, mask, "")
    if length > RECV_LIMIT:
        return None
    data = self.recv(length) if length else b""
    if type(data) is not bytes or len(data) != length:
        put_back(self, data)
        return None
    self.clear()
    return start, data


def take_short(self: Any, recv: Callable[[int], bytes], mask: str) -> tuple[Start, bytes] | None:
    """Read a short message, or a part of it from which the buffer of the library can continue."""
    if self.header is not None or self.recv_buffer:
        return None
    head = recv(2)
    start = SHORT_STARTS.get(head)
    if start is None:
        put_back(self, head)
        return None
    length, data = head[1], b""
    try:
        data = recv(length)
    finally:
        if len(data) != length:
            self.header, self.length = (*start, length), length
            setattr(self, mask, "")
            if data:
                self.recv_buffer.append(data)
    return (start, data) if len(data) == length else None


def put_back(self: Any, data: Any) -> None:
    """Make the next read return the bytes of the last one again."""
    recv = self.recv

    def once(size: int) -> Any:
        self.recv = recv
        return data

    self.recv = once


def validate_utf8(original: Callable[[Any], bool], _: Host) -> Callable[[Any], bool]:
    def _validate_utf8(utfbytes: Any) -> bool:
        if type(utfbytes) is not bytes:
            return original(utfbytes)
        try:
            _, done = utf_8_decode(utfbytes, "strict", False)
        except UnicodeDecodeError:
            return False
        return done == len(utfbytes) or original(utfbytes[done:])  # its rule for a character that is cut off

    return _validate_utf8

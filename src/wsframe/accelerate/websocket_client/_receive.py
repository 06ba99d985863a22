"""Receiving: from the bytes of a frame to a message."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ..._spec import CONTROL, FIN, LENGTH, LENGTH_16, LENGTH_64, OPCODE, Opcode

PIECE = 2**14  # bytes the library asks of a socket at most


def recv_data_frame(core: Any, abnf: Any) -> Callable[..., Any]:
    """Make `WebSocket.recv_data_frame`: a message in one frame passes by what puts fragments together."""
    original, kind = core.WebSocket.recv_data_frame, abnf.continuous_frame
    TEXT, BINARY = int(Opcode.TEXT), int(Opcode.BINARY)

    @wraps(original)
    def recv_data_frame(self: Any, control_frame: Any = False) -> Any:
        parts = self.cont_frame
        if type(parts) is not kind or parts.cont_data or parts.recving_frames or core.isEnabledForTrace():
            return original(self, control_frame)
        frame = self.recv_frame()
        if frame.fin and (
            frame.opcode == BINARY
            or (
                frame.opcode == TEXT
                and (parts.fire_cont_frame or parts.skip_utf8_validation or abnf.validate_utf8(frame.data))
            )
        ):
            return frame.opcode, frame
        return resumed(self, frame, control_frame)

    def resumed(self: Any, frame: Any, control_frame: Any) -> Any:
        """Let the other code go on from a frame."""
        before = vars(self).get("recv_frame")

        def once() -> Any:
            del self.recv_frame
            if before is not None:
                self.recv_frame = before
            return frame

        self.recv_frame = once
        return original(self, control_frame)

    return recv_data_frame


def recv_frame(ABNF: Any, frame_buffer: Any) -> Callable[[Any], Any]:
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

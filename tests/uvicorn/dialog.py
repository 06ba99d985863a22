"""One dialog between a raw client and an ASGI application, and what both sides and the log saw of it."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import uvicorn

Event = dict[str, Any]
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
KEY = b"\x01\x02\x03\x04"
STUCK = 1.5  # seconds after which a receive of the application counts as waiting for ever


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bool = True) -> bytes:
    size = len(payload)
    bit = 0x80 if mask else 0
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    if size < 126:
        head += bytes([bit | size])
    elif size < 65536:
        head += bytes([bit | 126]) + struct.pack("!H", size)
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", size)
    if not mask:
        return head + payload
    return head + KEY + bytes(byte ^ KEY[n % 4] for n, byte in enumerate(payload))


def text(message: str) -> bytes:
    return frame(TEXT, message.encode())


def close(code: int | None = 1000, reason: str = "") -> bytes:
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason.encode())


class Client:
    """A client on a socket, which notes what it gets."""

    def __init__(
        self, port: int, path: str = "/", extra: str = "", drop: str = "", version: str = "13"
    ) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        head = (
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: {version}\r\n{extra}"
        )
        if drop:
            head = re.sub(rf"(?m)^{drop}:.*\r\n", "", head)
        self.saw: list[Any] = []
        self.rest = b""
        self.send(head.encode("latin-1") + b"\r\n")

    def send(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except OSError as exc:
            self.saw.append(type(exc).__name__)

    def _more(self) -> bool:
        try:
            data = self.socket.recv(2**18)
        except OSError as exc:
            self.saw.append(type(exc).__name__)
            data = b""
        self.rest += data
        return bool(data)

    def head(self) -> int:
        """Receive the head of the response."""
        while b"\r\n\r\n" not in self.rest:
            if not self._more():
                self.saw.append(["no response", self.rest.decode("latin-1")])
                return 0
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        fields = sorted(
            line.partition(": ")[0].lower() + ": " + line.partition(": ")[2] for line in lines[1:]
        )
        self.saw.append([lines[0], [line for line in fields if not line.startswith(("date:", "server:"))]])
        return int(lines[0].split()[1])

    def frames(self, count: int = 10**9) -> None:
        """Receive frames, so many or up to the end of the stream."""
        while count:
            got = self._frame()
            if got is None:
                if not self._more():
                    if self.rest:
                        self.saw.append(["rest", self.rest.decode("latin-1")])
                    self.saw.append("eof")
                    return
                continue
            self.saw.append(got)
            count -= 1

    def _frame(self) -> Any:
        data = self.rest
        if len(data) < 2:
            return None
        size, start = data[1] & 127, 2
        if size == 126:
            if len(data) < 4:
                return None
            size, start = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            if len(data) < 10:
                return None
            size, start = int.from_bytes(data[2:10], "big"), 10
        if len(data) < start + size:
            return None
        body, self.rest = data[start : start + size], data[start + size :]
        if data[0] & 15 == CLOSE:
            return [
                "close",
                int.from_bytes(body[:2], "big") if body else None,
                body[2:].decode("utf-8", "replace"),
            ]
        if data[0] & 15 == PING:
            return "ping"
        return [data[0], body.decode("latin-1") if size < 200 else size]

    def body(self) -> None:
        """Receive up to the end of the stream: the body of a refusal."""
        while self._more():
            pass
        self.saw.append(["body", self.rest.decode("latin-1")])

    def end(self) -> None:
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Side:
    """What an application does, and what came of it."""

    def __init__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope, self._receive, self._send = scope, receive, send
        self.saw: list[Any] = []
        self.go = threading.Event()

    async def wait(self) -> None:
        while not self.go.is_set():
            await asyncio.sleep(0.005)

    async def receive(self) -> Event:
        try:
            event: Event = await asyncio.wait_for(self._receive(), STUCK)
        except asyncio.TimeoutError:
            self.saw.append("waits")
            return {"type": "nothing"}
        except Exception as exc:
            self.saw.append(["receive raises", type(exc).__name__])
            return {"type": "nothing"}
        self.saw.append(shown(event))
        return event

    async def send(self, kind: str, **content: Any) -> bool:
        try:
            await asyncio.wait_for(self._send({"type": f"websocket.{kind}", **content}), STUCK)
        except asyncio.TimeoutError:
            self.saw.append(["waits", kind])
        except Exception as exc:
            self.saw.append(["raises", kind, type(exc).__name__])
        else:
            self.saw.append(["ok", kind])
            return True
        return False

    async def accept(self, **content: Any) -> None:
        await self.receive()
        await self.send("accept", **content)


def shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shown(value[key]) for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [shown(item) for item in value]
    if isinstance(value, (bytes, bytearray)):
        return repr(bytes(value)) if len(value) < 200 else ["bytes", len(value)]
    if isinstance(value, str) and len(value) >= 200:
        return ["str", len(value)]
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value


App = Callable[[Side], Awaitable[Any]]
Conversation = Callable[[Client, Side], None]
Dialog = tuple[App, Conversation, dict[str, Any]]  # the settings: see `case` in dialogs.py


COMMON = {"loop": "asyncio", "http": "httptools", "lifespan": "off", "log_config": None}


def play(dialog: Dialog, ws: Any, instead: Any = None, **more: Any) -> dict[str, Any]:
    """Play a dialog; return what both sides saw, and the log.

    Args:
        dialog: what both sides do.
        ws: uvicorn's setting.
        instead: the class to put in the place of the one of that setting, or None.
        more: more settings.
    """
    do, converse, settings = dialog
    sides: list[Side] = []
    done = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> Any:
        side = Side(scope, receive, send)
        side.server = server  # type: ignore[attr-defined]
        sides.append(side)
        try:
            return await do(side)
        finally:
            done.set()

    logger = logging.getLogger("uvicorn.error")
    logger.setLevel(logging.INFO)
    if LOG not in logger.handlers:  # one for all: a list of handlers must not change while it is walked
        logger.addHandler(LOG)
    options = {key: value for key, value in settings.items() if not key.startswith("client_")}
    config = uvicorn.Config(
        app,
        **{**COMMON, "ws": ws, **options, **more},
    )
    if instead is not None:
        config.load()
        config.ws_protocol_class = instead
    server = uvicorn.Server(config)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    thread = threading.Thread(target=server.run, args=([listener],))
    LOG.lines[thread] = log = []
    thread.start()
    wishes = {key[7:]: value for key, value in settings.items() if key.startswith("client_")}
    client = Client(listener.getsockname()[1], **wishes)
    while not sides and thread.is_alive() and not client_gone(client):
        time.sleep(0.002)
    try:
        converse(client, sides[0] if sides else Side(None, None, None))
        if sides:
            done.wait(10)
        deadline = time.time() + 3
        while server.server_state.connections and time.time() < deadline:
            time.sleep(0.01)
        left = len(server.server_state.connections)
    finally:
        client.socket.close()
        server.should_exit = True
        thread.join(20)
        listener.close()
        del LOG.lines[thread]
    return {
        "scope": scope_of(sides[0].scope) if sides else None,
        "application": sides[0].saw if sides else None,
        "client": client.saw,
        "log": log,
        "left": left,
        "ends": not thread.is_alive(),
    }


def client_gone(client: Client) -> bool:
    """Tell whether a response, or the end of the stream, came although no application was asked."""
    try:
        client.socket.settimeout(0.01)
        client.socket.recv(1, socket.MSG_PEEK)
        return True
    except OSError:
        return False
    finally:
        if client.socket.fileno() >= 0:
            client.socket.settimeout(10)


OTHER_LINES = r"server process|Shutting down|Waiting for|Uvicorn running|Finished|Cancel \d+"


class Log(logging.Handler):
    """The lines of the log that tell of a connection, for each server, which has a thread of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[threading.Thread, list[str]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        lines = self.lines.get(threading.current_thread())
        if lines is None:
            return
        line = f"{record.levelname} {record.getMessage()}".strip()
        line = re.sub(r"127\.0\.0\.1:\d+", "ADDRESS:PORT", line)
        line = re.sub(r"\('127\.0\.0\.1', \d+\)", "(ADDRESS, PORT)", line)  # before uvicorn 0.34
        if not re.search(
            r"server process|Shutting down|Waiting for|Uvicorn running|Finished|Cancel \d+", line
        ):
            lines.append(line)


LOG = Log()


def scope_of(scope: Any) -> Any:
    out = {key: value for key, value in scope.items() if key not in ("client", "server", "app")}
    if "extensions" in scope:  # those of ours are in docs/how-to/uvicorn.md
        out["extensions"] = {
            name: value for name, value in scope["extensions"].items() if not name.startswith("wsframe.")
        }
    out["client"], out["server"] = (type(scope.get(key)).__name__ for key in ("client", "server"))
    return shown(out)

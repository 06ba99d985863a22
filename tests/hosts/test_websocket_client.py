"""websocket-client, accelerated: the same messages, bytes, exceptions; and not a byte read ahead."""

from __future__ import annotations

import importlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st
from support import frames
from support.conversations import conversations, parsed
from support.frames import BINARY, CLOSE, CONTINUATION, KEY, PING, PONG, TEXT, frame
from support.opening import response

from wsframe import accelerate
from wsframe.accelerate.hosts.websocket_client import HOST

pytest.importorskip("websocket._abnf")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a socket pair takes its time there")
NAMES = ["abnf", "core", "exceptions", "http", "socket", "utils"]


@pytest.fixture(scope="module", params=["alone", "wsaccel"])
def library(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The library imported anew, with wsaccel or without."""
    if request.param == "wsaccel":
        pytest.importorskip("wsaccel")
    of_theirs = [name for name in sys.modules if name.partition(".")[0] in ("websocket", "wsaccel")]
    kept = {name: sys.modules.pop(name) for name in of_theirs}
    if request.param == "alone":
        sys.modules["wsaccel"] = None  # type: ignore[assignment]
    try:
        importlib.import_module("websocket")
        yield SimpleNamespace(**{name: importlib.import_module(f"websocket._{name}") for name in NAMES})
    finally:
        accelerate.uninstall("websocket_client")
        for name in [name for name in sys.modules if name.partition(".")[0] in ("websocket", "wsaccel")]:
            del sys.modules[name]
        sys.modules.update(kept)


@contextmanager
def accelerated(library: Any, yes: bool = True) -> Iterator[None]:
    sites = [
        (library.abnf, "_mask"),
        (library.abnf.ABNF, "format"),
        (library.abnf.frame_buffer, "recv_frame"),
        (library.core, "recv"),
        (library.core, "send"),
        (library.http, "send"),
        (library.socket, "recv"),
        (library.utils, "_validate_utf8"),
    ]
    before = [vars(owner)[name] for owner, name in sites]
    try:
        if yes:
            accelerate.install("websocket_client")
            assert not any(vars(owner)[name] is old for (owner, name), old in zip(sites, before, strict=True))
            (host,) = (line for line in accelerate.status() if line.host == "websocket_client")
            assert (host.active, host.why_not, host.stale) == (True, "", ())
        yield
    finally:
        accelerate.uninstall("websocket_client")
    assert all(vars(owner)[name] is old for (owner, name), old in zip(sites, before, strict=True))


def mask_of(holder: Any) -> Any:
    """Return the mask of a buffer or of a frame, whose name is another one before 1.7."""
    own = vars(holder)
    return own["mask_value"] if "mask_value" in own else own["mask"]


class Conversation:
    """A client over a non-blocking socket, its peer, and everything that was returned."""

    def __init__(self, library: Any, **options: Any) -> None:
        self.library = library
        self.near, self.far = socket.socketpair()
        for end in (self.near, self.far):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            end.setblocking(False)
        self.ws = library.core.WebSocket(**options)
        self.ws.sock, self.ws.connected = self.near, True
        self.seen: list[Any] = []

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.near.close()
        self.far.close()

    def do(self, name: str, *args: Any, **kwargs: Any) -> bool:
        """Call a method; return whether it returned."""
        try:
            result = getattr(self.ws, name)(*args, **kwargs)
        except Exception as exc:
            cause = exc.__context__
            self.seen.append((type(exc).__name__, str(exc), type(cause).__name__))
            result = exc
        else:
            self.seen.append(self.plain(result))
        buffer = self.ws.frame_buffer
        held = buffer.header, buffer.length, mask_of(buffer), b"".join(buffer.recv_buffer)
        self.seen.append((held, self.unread(), self.ws.connected))
        return not isinstance(result, Exception)

    def plain(self, result: Any) -> Any:
        if isinstance(result, (tuple, list)):
            return type(result), [self.plain(value) for value in result]
        if isinstance(result, self.library.abnf.ABNF):
            return {name: value for name, value in vars(result).items() if name != "get_mask_key"}
        return type(result), result

    def unread(self) -> int:
        """How many bytes the client has left in the socket."""
        try:
            return len(self.near.recv(1 << 21, socket.MSG_PEEK))
        except OSError:
            return -1

    def sent(self) -> list[Any]:
        """What has arrived at the peer."""
        data = b""
        try:
            while more := self.far.recv(1 << 20):
                data += more
        except OSError:
            pass
        return parsed(data)


def receive(
    library: Any, pieces: list[bytes], calls: list[tuple[Any, ...]], options: dict[str, Any]
) -> list[Any]:
    """Feed the pieces one by one; after each, call until there is nothing more."""
    with Conversation(library, **options) as conversation:
        at = 0
        for piece in [*pieces, None]:
            if piece is None:
                conversation.far.shutdown(socket.SHUT_WR)
            else:
                conversation.far.sendall(piece)
            while at < 400:
                name, *args = calls[at % len(calls)]
                at += 1
                if not conversation.do(name, *args):
                    break
        return [conversation.seen, conversation.sent()]


def both(library: Any, play: Any, *args: Any) -> Any:
    """Return the observations, which must not depend on the acceleration."""
    with accelerated(library, False):
        before = play(library, *args)
    with accelerated(library):
        after = play(library, *args)
    assert after == before
    return after


HELLO = frame(TEXT, b"hello")
CALLS = [[("recv",)], [("recv_data", True), ("recv_frame",)], [("recv_data_frame",), ("recv_data",)]]
OPTIONS = [
    {},
    {"skip_utf8_validation": True},
    {"fire_cont_frame": True, "enable_multithread": False},
]


@given(conversations(None), st.sampled_from(CALLS), st.sampled_from(OPTIONS))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@example([HELLO * 100], CALLS[0], {})
@example([bytes([octet]) for octet in HELLO + frame(BINARY, b"x" * 200)], CALLS[0], {})
@example([HELLO, frame(TEXT, b"\xc3") + frame(TEXT, b"\xff") + HELLO], CALLS[0], {})
@example([HELLO, frame(TEXT, b"\xc3") + frame(TEXT, b"\xff") + HELLO], CALLS[0], OPTIONS[1])
@example([frame(BINARY, b"x" * 16384) + frame(BINARY, b"x" * 16385) + HELLO], CALLS[1], {})
@example([frame(BINARY, b"x" * 100_000)], CALLS[0], {})
@example([frame(TEXT, b"ab", fin=False), frame(CONTINUATION, b"cd") + HELLO], CALLS[2], OPTIONS[2])
@example([frame(TEXT) + frame(PING) + frame(PONG, b"p") + frame(CLOSE, b"\x03\xe8bye") + HELLO], CALLS[1], {})
@example([HELLO[:1], HELLO[1:4], HELLO[4:] + frame(BINARY, b"x" * 300)[:3], b"x"], CALLS[0], {})
@example([frame(TEXT, b"masked", key=KEY) + HELLO], CALLS[0], {})
def test_received_streams_give_the_same_results(
    library: Any, pieces: list[bytes], calls: list[Any], options: dict[str, Any]
) -> None:
    both(library, receive, pieces, calls, options)


def test_receive_conversation_really_takes_place(library: Any) -> None:
    seen, sent = both(library, receive, [HELLO + frame(BINARY, b"b") + frame(PING, b"p")], CALLS[0], {})
    empty = None, None, None, b""
    assert seen[:4] == [(str, "hello"), (empty, 6, True), (bytes, b"b"), (empty, 3, True)]
    assert sent == [(0x8A, True, b"p"), b""]


class Text(str):
    pass


payloads = st.one_of(
    st.text(max_size=200),
    st.binary(max_size=200),
    st.sampled_from(["x" * 126, "x" * 65536, b"x" * 65535, "é" * 70, "\udc80", Text("text"), None, 5, b""]),
    st.binary(max_size=9).map(bytearray),
)
sends = st.one_of(
    st.tuples(
        st.just("send"), payloads, st.sampled_from([TEXT, TEXT, BINARY, CONTINUATION, PING, CLOSE, 3, 1.0])
    ),
    st.tuples(st.sampled_from(["send_text", "send_bytes", "send_binary", "ping", "pong"]), payloads),
    st.tuples(st.just("send_close"), st.sampled_from([1000, 1, -1]), st.binary(max_size=9)),
)
fields = st.tuples(
    st.sampled_from([0, 1, 1, True, 2]),
    *[st.sampled_from([0, 0, 0, 1, 2])] * 3,
    st.sampled_from([TEXT, BINARY, CONTINUATION, PING, 3]),
    st.sampled_from([1, 1, 0, True]),
    payloads,
)


def send(library: Any, script: list[Any], key: Any) -> list[Any]:
    """Make the calls, and send the frames with these fields."""
    with Conversation(library, get_mask_key=key) as conversation:
        for name, *args in script:
            if name == "frame":
                try:
                    args = [library.abnf.ABNF(*args)]
                except Exception as exc:
                    conversation.seen.append(repr(exc))
                    continue
                conversation.do("send_frame", *args)
                conversation.seen.append(conversation.plain(args[0]))
            else:
                conversation.do(name, *args)
        return [conversation.seen, conversation.sent()]


def half_key(size: int) -> str:
    return "abcd"[:size]


def short_key(size: int) -> bytes:
    return b"ab"


@given(
    st.lists(sends | fields.map(lambda values: ("frame", *values)), max_size=6),
    st.sampled_from([None, None, bytes, half_key, short_key]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@example([("send", "x" * size) for size in (0, 125, 126, 65535, 65536)], None)
@example([("frame", 1, 0, 0, 0, TEXT, 1, b"text"), ("frame", 0, 0, 0, 0, TEXT, 1, "text")], None)
def test_random_sends_give_the_same_bytes(library: Any, script: list[Any], key: Any) -> None:
    both(library, send, script, key)


def test_every_frame_has_its_own_masking_key(library: Any) -> None:
    with accelerated(library):
        frame = library.abnf.ABNF.create_frame("the same text", TEXT)
        assert len({frame.format()[2:6] for _ in range(2000)}) > 1990


@pytest.mark.parametrize("where", ["os", "frame", "client"])
def test_given_masking_key_source_is_used(library: Any, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    with accelerated(library), Conversation(library) as conversation:
        if where == "os":
            monkeypatch.setattr(os, "urandom", lambda size: b"\1\2\3\4")
        if where == "client":
            conversation.ws.set_mask_key(lambda size: b"\1\2\3\4")
        frame = library.abnf.ABNF.create_frame("text", TEXT)
        if where == "frame":
            frame.get_mask_key = lambda size: b"\1\2\3\4"
        conversation.ws.send_frame(frame)
        assert conversation.far.recv(100) == frames.frame(TEXT, b"text", key=b"\1\2\3\4")


def test_mask_returns_the_same_results(library: Any) -> None:
    def play(library: Any) -> list[Any]:
        values = [b"", b"data", "text", bytearray(b"data"), b"x" * 1000, None]
        return [library.abnf.ABNF.mask(key, value) for key in (KEY, "abcd") for value in values]

    both(library, play)


def test_validate_utf8_returns_the_same_results(library: Any) -> None:
    lead = [0x00, 0x7F, 0x80, 0xBF, *range(0xC0, 0x100)]
    second = [0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF]
    few = [0x7F, 0x80, 0xBF, 0xC3]
    samples = [bytes(octets) for count in range(3) for octets in product(range(256), repeat=count)]
    samples += map(bytes, product(lead, second, few))
    samples += map(bytes, product(lead[-20:], second, few, few))
    samples += ["é日😀".encode() * 50 + tail for tail in (b"", b"\xc3", b"\xff", b"\xf0\x9f\x98")]

    def play(library: Any) -> list[bool]:
        return [library.abnf.validate_utf8(sample) for sample in samples]

    before = [library.abnf.validate_utf8(sample) for sample in samples]
    with accelerated(library):
        assert play(library) == before


@pytest.mark.parametrize("blocking", [True, False])
def test_failing_sockets_raise_the_same_exceptions(library: Any, blocking: bool) -> None:
    def play(library: Any) -> list[Any]:
        with Conversation(library) as conversation:
            conversation.near.settimeout(0.01 if blocking else 0)
            conversation.do("recv")  # nothing has arrived
            conversation.far.sendall(b"\x81")
            conversation.do("recv")
            conversation.near.settimeout(0.01 if blocking else 0)
            message = b"x" * (1 << 20)
            while conversation.do("send_binary", message):  # nobody reads
                pass
            conversation.far.close()
            conversation.do("recv")
            conversation.ws.sock = conversation.near
            conversation.do("send", "to nobody")
            conversation.near.close()
            conversation.ws.sock = conversation.near
            conversation.do("send", "on a closed socket")
            conversation.do("recv")
            conversation.ws.sock = None
            conversation.do("send", "without one")
            conversation.do("recv")
            return conversation.seen

    seen = both(library, play)
    names = {entry[0] for entry in seen if isinstance(entry[0], str)}
    assert names >= {"WebSocketConnectionClosedException", "BrokenPipeError"}
    assert names & {"WebSocketTimeoutException", "BlockingIOError"}


def test_frame_buffer_over_a_function_gives_the_same_frames(library: Any) -> None:
    """As used by programs without a socket: whatever the function returns."""

    def play(library: Any) -> list[Any]:
        seen: list[Any] = []
        for results in (
            [b"\x81\x03", b"abc"],
            [b"\x81", b"\x03", b"a", b"bc"],
            [b"\x81\x7e", b"\x01", b"\x00", b"x" * 256],
            [b"\x81\x7f", bytes(7), b"\x03", b"abc"],
            [b"\x81\x00"],
            [b"\x81\x03", b"ab", TimeoutError("late"), b"c"],
            [b"\x81\x03", TimeoutError("late"), b"abc"],
            [b"\x81\x7e", TimeoutError("late"), b"\x00\x7e", b"x" * 126],
            [TimeoutError("late"), b"\x81\x00"],
            [b"\xf1\x00", b"\x8b\x00", b"\x08\x01", b"x", b"\x09\x00"],
        ):
            left = list(results)

            def recv(size: int, left: list[Any] = left) -> Any:
                result = left.pop(0)
                if isinstance(result, Exception):
                    raise result
                return result

            buffer = library.abnf.frame_buffer(recv, False)
            while left:
                try:
                    frame = buffer.recv_frame()
                    seen.append((frame.fin, frame.opcode, frame.data, frame.rsv1, mask_of(frame)))
                except Exception as exc:
                    seen.append((type(exc).__name__, str(exc)))
                seen.append((buffer.header, buffer.length, mask_of(buffer), b"".join(buffer.recv_buffer)))
            assert buffer.recv is recv
        return seen

    both(library, play)


def test_an_app_gets_every_message_of_a_burst(library: Any) -> None:
    """Its dispatcher waits for the socket: what had been read ahead would lie there for ever."""

    def serve(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer, peer.makefile("rb") as lines:
            peer.sendall(response(b"".join(iter(lines.readline, b"\r\n"))))
            peer.sendall(HELLO * 20 + frame(PING, b"p") + frame(BINARY, b"b") + frame(CLOSE, b"\x03\xe8bye"))
            received.append(parsed(lines.read(7 + 8)))

    def play(library: Any) -> Any:
        seen: list[Any] = []
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=serve, args=(listener,))
            thread.start()
            app = sys.modules["websocket"].WebSocketApp(
                f"ws://127.0.0.1:{listener.getsockname()[1]}",
                on_open=lambda app: sockets.append(app.sock.sock),
                on_message=lambda app, message: seen.append(message),
                on_ping=lambda app, data: seen.append(("ping", data)),
                on_close=lambda app, code, reason: seen.append((code, reason)),
            )
            app.run_forever()
            sockets.pop().close()  # it does not
            thread.join()
        return seen

    sockets: list[Any] = []
    received: list[Any] = []
    assert both(library, play) == [*["hello"] * 20, ("ping", b"p"), b"b", (1000, "bye")]
    assert received == [[(0x8A, True, b"p"), (0x88, True, b"\x03\xe8"), b""]] * 2


def test_methods_of_subclasses_are_called(library: Any) -> None:
    def play(library: Any) -> Any:
        class Buffer(library.abnf.frame_buffer):  # type: ignore[misc]
            def recv_strict(self, bufsize: int) -> Any:
                calls.append(bufsize)
                return super().recv_strict(bufsize)

        class Frame(library.abnf.ABNF):  # type: ignore[misc]
            def _get_masked(self, mask_key: Any) -> bytes:
                calls.append(len(mask_key))
                return bytes(super()._get_masked(mask_key))

        calls: list[int] = []
        with Conversation(library) as conversation:
            conversation.ws.frame_buffer = Buffer(conversation.ws._recv, False)
            conversation.far.sendall(HELLO)
            conversation.do("recv")
            conversation.do("send_frame", Frame(1, 0, 0, 0, TEXT, 1, b"data"))
            return calls, conversation.seen, conversation.sent()

    calls, *_ = both(library, play)
    assert calls == [2, 5, 4]


@pytest.mark.parametrize("name", ["recv_frame", "recv_strict"])
def test_method_wrapped_by_somebody_else_is_left_alone(
    library: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    method = getattr(library.abnf.frame_buffer, name)
    monkeypatch.setattr(library.abnf.frame_buffer, name, lambda *args: method(*args))
    accelerate.install("websocket_client")
    (host,) = (line for line in accelerate.status() if line.host == "websocket_client")
    assert host.why_not == f"RuntimeError: frame_buffer.{name} is not what websocket made it"
    accelerate.uninstall("websocket_client")


def test_install_and_uninstall_within_a_frame_lose_nothing(library: Any) -> None:
    with Conversation(library) as conversation:
        for change in (accelerate.install, accelerate.uninstall) * 2:
            conversation.far.sendall(HELLO[:4])
            assert not conversation.do("recv")
            change("websocket_client")
            conversation.far.sendall(HELLO[4:] + HELLO)
            assert [conversation.ws.recv() for _ in range(2)] == ["hello"] * 2


def test_the_proof_fails_without_the_patch(library: Any) -> None:
    with pytest.raises(RuntimeError, match=r"^the original code of websocket-client was called$"):
        HOST.load(HOST.prove)()


@pytest.mark.parametrize("first", ["import websocket", "import wsframe"])
def test_a_program_is_accelerated_whenever_it_imports_the_library(first: str) -> None:
    code = (
        f"{first}\nfrom wsframe import accelerate\naccelerate.install()\nimport websocket\n"
        "(host,) = [host for host in accelerate.status() if host.host == 'websocket_client']\n"
        "print(host.active, host.why_not, host.stale)\n"
        "accelerate.uninstall()\nprint(hasattr(websocket.send, '__wrapped__'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("True  ()\nFalse\n", "")


def test_wsframe_run_accelerates_websocket_client() -> None:
    code = "import websocket; raise SystemExit(7 if hasattr(websocket.send, '__wrapped__') else 1)"
    command = [sys.executable, "-m", "wsframe", "run", "--only", "websocket_client", "--", sys.executable]
    done = subprocess.run([*command, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 7
    assert done.stderr.startswith("wsframe: ready to accelerate websocket_client ")

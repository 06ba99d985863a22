"""A proof fails where the code would fail in a program, and touches nothing that other threads use."""

from __future__ import annotations

import importlib
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import pytest

from wsframe import accelerate
from wsframe.accelerate.host import load_host
from wsframe.accelerate.hosts._shared.proof import alter, privately, reduced

# What a class of the library sets in its constructor, and the fast path relies on.
RELIED_ON = [
    ("uvicorn", "uvicorn.protocols.websockets.wsproto_impl", "WSProtocol", "disconnected"),
    ("uvicorn", "uvicorn.protocols.websockets.wsproto_impl", "WSProtocol", "close_sent"),
    ("uvicorn", "uvicorn.protocols.websockets.wsproto_impl", "WSProtocol", "response_started"),
    ("uvicorn", "uvicorn.protocols.websockets.wsproto_impl", "WSProtocol", "writable"),
    (
        "uvicorn",
        "uvicorn.protocols.websockets.websockets_sansio_impl",
        "WebSocketsSansIOProtocol",
        "disconnected",
    ),
    (
        "uvicorn",
        "uvicorn.protocols.websockets.websockets_sansio_impl",
        "WebSocketsSansIOProtocol",
        "close_sent",
    ),
    ("aiohttp", "aiohttp.client_ws", "ClientWebSocketResponse", "_waiting"),
    ("tornado", "tornado.iostream", "IOStream", "_connecting"),
    ("tornado", "tornado.iostream", "IOStream", "_read_future"),
    ("tornado", "tornado.iostream", "IOStream", "_total_write_done_index"),
    ("tornado", "tornado.iostream", "IOStream", "_user_read_buffer"),
    ("tornado", "tornado.websocket", "WebSocketProtocol13", "_wire_bytes_in"),
    ("tornado", "tornado.websocket", "WebSocketProtocol13", "_fragmented_message_buffer"),
    ("hypercorn", "hypercorn.protocol.ws_stream", "WSStream", "buffer"),
    ("hypercorn", "hypercorn.protocol.ws_stream", "WSStream", "closed"),
    ("hypercorn", "hypercorn.protocol.ws_stream", "WSStream", "stream_id"),
]
# What autobahn sets when a connection is made, or has been accepted.
OF_AUTOBAHN = {
    "_connectionMade": ("autoPingTimeoutCall", "data", "send_queue", "trackedTimings", "trafficStats"),
    "succeedHandshake": ("current_frame", "inside_message"),
}


@pytest.fixture(autouse=True)
def uninstalled() -> Iterator[None]:
    yield
    accelerate.uninstall()


@pytest.mark.parametrize(("host", "module", "name", "attribute"), RELIED_ON)
def test_proof_fails_if_an_attribute_is_missing(
    host: str, module: str, name: str, attribute: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for needed in (module, *load_host(host).modules):
        pytest.importorskip(needed, exc_type=ImportError)
    kind = getattr(importlib.import_module(module), name)
    original = kind.__init__

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        vars(self).pop(attribute, None)

    monkeypatch.setattr(kind, "__init__", __init__)
    accelerate.install(host)
    (status,) = [line for line in accelerate.status() if line.host == host]
    assert attribute in status.why_not


@pytest.mark.parametrize(
    ("method", "attribute"), [(method, name) for method, names in OF_AUTOBAHN.items() for name in names]
)
def test_autobahn_proof_fails_if_an_attribute_is_missing(
    method: str, attribute: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = pytest.importorskip("autobahn.websocket.protocol").WebSocketServerProtocol
    original = privately(getattr(kind, method), txaio=SimpleNamespace(resolve=lambda *_: None))

    def changed(self: Any, *args: Any) -> None:
        original(self, *args)
        vars(self).pop(attribute, None)

    monkeypatch.setattr(kind, method, changed)
    accelerate.install("autobahn")
    (status,) = [line for line in accelerate.status() if line.host == "autobahn"]
    assert attribute in status.why_not


def run_alone(code: str) -> None:
    """Run a program of its own, in which warnings are errors."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def autobahn_without_a_framework() -> None:
    pytest.importorskip("autobahn")
    if tuple(map(int, version("autobahn").split(".")[:2])) < (22, 5):
        pytest.skip("this autobahn cannot be imported before a framework is chosen")


def test_autobahn_proof_chooses_no_framework_and_keeps_random_state() -> None:
    autobahn_without_a_framework()
    run_alone("""
        import random
        import txaio
        from autobahn.websocket import protocol
        from wsframe import accelerate
        random.seed(1)
        before = random.getstate()
        accelerate.install("autobahn")
        assert {line.host: line.active for line in accelerate.status()}["autobahn"]
        assert random.getstate() == before
        assert not txaio.using_asyncio and not txaio.using_twisted
    """)


def test_autobahn_modules_imported_after_the_proof_are_watched() -> None:
    autobahn_without_a_framework()
    run_alone("""
        from autobahn.websocket import protocol
        from wsframe import accelerate
        accelerate.install("autobahn")
        from autobahn.asyncio import websocket
        from wsframe.accelerate.hosts.autobahn.watches import receiving
        connection = websocket.WebSocketServerProtocol.__new__(websocket.WebSocketServerProtocol)
        assert receiving().holds(connection)
        original = websocket.yields
        websocket.yields = lambda value: original(value)
        assert not receiving().holds(connection)
    """)


def test_tornado_proof_uses_no_event_loop_of_the_program() -> None:
    pytest.importorskip("tornado")
    run_alone("""
        import asyncio
        import gc
        from tornado import ioloop, websocket
        from wsframe import accelerate

        def no(*_):
            raise AssertionError("a loop of the program")

        asyncio.new_event_loop = asyncio.set_event_loop = no
        accelerate.install("tornado")
        assert {line.host: line.active for line in accelerate.status()}["tornado"]
        assert not ioloop.IOLoop._ioloop_for_asyncio
        gc.collect()
    """)


def test_hypercorn_proof_creates_no_loggers() -> None:
    pytest.importorskip("hypercorn")
    run_alone("""
        import logging
        import hypercorn.asyncio.tcp_server, hypercorn.protocol.ws_stream
        from wsframe import accelerate
        before = set(logging.root.manager.loggerDict)
        accelerate.install("hypercorn", "wsproto")
        assert {line.host: line.active for line in accelerate.status()}["hypercorn"]
        assert set(logging.root.manager.loggerDict) - before <= {"wsframe"}
        assert not logging.getLogger("hypercorn.error").handlers
    """)


def test_proofs_close_their_resources() -> None:
    pytest.importorskip("websockets.sync.connection", exc_type=ImportError)
    run_alone("""
        import gc
        import websockets.asyncio.connection, websockets.sync.connection
        from wsframe import accelerate
        accelerate.install("websockets")
        assert {line.host: line.active for line in accelerate.status()}["websockets"]
        gc.collect()
    """)


def test_websocket_client_proof_does_not_disturb_other_threads() -> None:
    websocket = pytest.importorskip("websocket")
    near, far = socket.socketpair()
    errors: list[BaseException] = []
    over = threading.Event()

    def drain() -> None:
        while far.recv(2**16):
            pass

    def send() -> None:
        ws = websocket.WebSocket()
        ws.sock, ws.connected = near, True
        try:
            while not over.is_set():
                ws.send_binary(b"x")
                ws.send("x")
        except BaseException as exc:
            errors.append(exc)

    with near, far:
        threads = [threading.Thread(target=drain), threading.Thread(target=send)]
        for thread in threads:
            thread.start()
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        try:
            for _ in range(50):
                accelerate.install("websocket_client")
                accelerate.uninstall("websocket_client")
        finally:
            sys.setswitchinterval(before)
            over.set()
            threads[1].join(20)
            near.shutdown(socket.SHUT_RDWR)
            threads[0].join(20)
    assert not errors


def test_alter_changes_only_existing_attributes() -> None:
    class Thing:
        def __init__(self) -> None:
            self.one = 1
            self.two = 2

    thing = Thing()
    alter(thing, one=3)
    assert vars(thing) == {"one": 3, "two": 2}
    assert vars(reduced(thing, two=4)) == {"two": 4}
    for change in (alter, reduced):
        with pytest.raises(RuntimeError, match="Thing has no three"):
            change(thing, three=3)

"""A proof fails where the code would fail in a program, and touches nothing that other threads use."""

from __future__ import annotations

import importlib
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from wsframe import accelerate
from wsframe.accelerate._known import alter, reduced

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
]


@pytest.fixture(autouse=True)
def uninstalled() -> Iterator[None]:
    yield
    accelerate.uninstall()


@pytest.mark.parametrize(("host", "module", "name", "attribute"), RELIED_ON)
def test_an_attribute_that_another_version_does_not_have(
    host: str, module: str, name: str, attribute: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(module, exc_type=ImportError)
    kind = getattr(importlib.import_module(module), name)
    original = kind.__init__

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        vars(self).pop(attribute, None)

    monkeypatch.setattr(kind, "__init__", __init__)
    accelerate.install(host)
    (status,) = [line for line in accelerate.status() if line.host == host]
    assert attribute in status.why_not


def test_sends_of_other_threads_go_on_while_websocket_client_is_proved() -> None:
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


def test_only_what_a_constructor_made_is_altered() -> None:
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

"""websockets, the official way: a class of connections that is fast without a patch."""

from __future__ import annotations

import asyncio
import re
import threading
from typing import Any

import pytest
from support import frames
from support.frames import text
from support.raw_peer import DONE, Tapped, converse
from support.sansio_websockets import accelerated, since_14
from support.unhurried import unhurried
from websockets.asyncio import client, server
from websockets.frames import Frame
from websockets.protocol import Protocol
from websockets.sync import client as sync_client, server as sync_server

from wsframe.accelerate import fast_class, host

MESSAGES = ["", "héllo" * 50, b"", b"\0\xff" * 20_000, "x" * 60_000]
END = text(DONE.decode())
BURST = b"".join(text(f"message {n}") for n in range(64)) + END
PING = frames.frame(frames.PING, b"?", key=frames.KEY)
PIECES = frames.frame(frames.TEXT, b"in ", fin=False, key=frames.KEY)
PIECES += frames.frame(frames.CONTINUATION, b"pieces", key=frames.KEY)


@pytest.fixture
def out_of_order(monkeypatch: pytest.MonkeyPatch) -> Any:
    """websockets can neither read nor write a frame, until this function is called."""

    def fail(*_: object, **__: object) -> Any:
        raise RuntimeError("the original code of websockets was called")

    # Not another function in its place, which would be obeyed.
    for function in (Frame.parse.__func__, Frame.serialize):  # type: ignore[attr-defined]
        monkeypatch.setattr(function, "__code__", fail.__code__)
    return monkeypatch.undo


async def echo(ws: Any) -> None:
    async for message in ws:
        await ws.send(message)


@pytest.mark.parametrize("patched", [False, True])
@pytest.mark.parametrize(
    "last",
    [b"", text("x" * 1001), frames.frame(frames.TEXT, b"\xff", key=frames.KEY)],
    ids=["nothing", "too big", "not text"],
)
def test_bytes_on_the_wire_are_the_same(last: bytes, patched: bool) -> None:
    bursts = [BURST, text("y") + PING + PIECES + text("z" * 1000) + last + END]
    fast = fast_class(Tapped)
    before = converse(echo, *bursts, yes=False, max_size=1000)
    assert converse(echo, *bursts, yes=patched, max_size=1000, create_connection=fast) == before
    assert len(before) > 65


def test_replies_to_a_burst_are_coalesced(monkeypatch: pytest.MonkeyPatch) -> None:
    unhurried(monkeypatch)
    taps: list[Any] = []

    async def handler(ws: Any) -> None:
        taps.append(ws.tap)
        await echo(ws)

    for kind in (Tapped, fast_class(Tapped)):
        converse(handler, BURST, yes=False, create_connection=kind)
    unaccelerated, fast = ([call for call in tap.calls if type(call) is bytes] for tap in taps)
    frames_of = [
        b"".join(calls).partition(b"\r\n\r\n")[2] for calls in (fast, unaccelerated)
    ]  # after the Date
    assert frames_of[0] == frames_of[1]
    assert len(fast) < 10 < len(unaccelerated)


def test_fast_classes_exchange_messages_on_asyncio(out_of_order: Any) -> None:
    """Its own code does not run for a message."""

    async def main() -> list[Any]:
        kinds = [fast_class(kind) for kind in (server.ServerConnection, client.ClientConnection)]
        got = []
        async with server.serve(
            echo, "127.0.0.1", 0, compression=None, create_connection=kinds[0]
        ) as listening:
            port = listening.sockets[0].getsockname()[1]
            uri = f"ws://127.0.0.1:{port}"
            async with client.connect(uri, compression=None, create_connection=kinds[1]) as ws:
                for message in MESSAGES:
                    await ws.send(message)
                    got.append(await ws.recv())
                out_of_order()
                await ws.send(["in ", "pieces"])
                got.append(await ws.recv())
        assert ws.protocol.close_code == 1000
        return got

    assert asyncio.run(asyncio.wait_for(main(), 60)) == [*MESSAGES, "in pieces"]


def test_fast_classes_exchange_messages_in_threads(out_of_order: Any) -> None:
    def handler(ws: Any) -> None:
        for message in ws:
            ws.send(message)

    kinds = [fast_class(kind) for kind in (sync_server.ServerConnection, sync_client.ClientConnection)]
    with sync_server.serve(
        handler, "127.0.0.1", 0, compression=None, create_connection=kinds[0]
    ) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        uri = f"ws://127.0.0.1:{listening.socket.getsockname()[1]}"
        with sync_client.connect(uri, compression=None, create_connection=kinds[1]) as ws:
            for message in MESSAGES:
                ws.send(message)
                assert ws.recv(timeout=10) == message
            out_of_order()
        listening.shutdown()
        thread.join(10)
    assert ws.protocol.close_code == 1000


def test_fast_classes_exchange_messages_under_trio(out_of_order: Any) -> None:
    trio = pytest.importorskip("trio")
    trio_server = pytest.importorskip("websockets.trio.server")
    trio_client = pytest.importorskip("websockets.trio.client")

    async def main() -> list[Any]:
        got = []
        async with trio.open_nursery() as nursery:
            kind = fast_class(trio_server.ServerConnection)
            options = {"compression": None, "create_connection": kind, "host": "127.0.0.1"}
            listening = await nursery.start(lambda **more: trio_server.serve(echo, 0, **options, **more))
            uri = f"ws://127.0.0.1:{listening.listeners[0].socket.getsockname()[1]}"
            kind = fast_class(trio_client.ClientConnection)
            async with trio_client.connect(uri, compression=None, create_connection=kind) as ws:
                for message in MESSAGES:
                    await ws.send(message)
                    got.append(await ws.recv())
                out_of_order()
            nursery.cancel_scope.cancel()
        return got

    assert trio.run(main) == MESSAGES


def test_methods_of_a_subclass_are_called() -> None:
    class Shouting(Tapped):
        async def send(self, message: Any, *args: Any) -> None:
            await super().send(message.replace("hello", "HELLO"), *args)

    seen = converse(echo, text("hello") + END, yes=False, create_connection=fast_class(Shouting))
    assert seen[0] == (0x81, b"HELLO")


def test_fast_class_patches_nothing() -> None:
    before = {name: vars(Protocol)[name] for name in ("parse", "receive_data", "send_text")}
    fast = fast_class(server.ServerConnection)
    assert {name: vars(Protocol)[name] for name in before} == before
    assert issubclass(fast, server.ServerConnection)
    assert (fast.__name__, fast.__module__) == ("ServerConnection", "websockets.asyncio.server")


@pytest.mark.parametrize("version", ["10.3", "11.0.2"])
def test_a_version_older_than_the_class_is_refused(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "distribution_version", lambda name: version)
    reason = re.escape(f"websockets version {version} is older than 11.0.3, the oldest tested with this")
    with pytest.raises(RuntimeError, match=f"^{reason}$"):
        fast_class(server.ServerConnection)


@since_14  # a version that lacks functions of later ones has other code
def test_an_untested_version_with_tested_code_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "distribution_version", lambda name: "18.0")
    assert fast_class(server.ServerConnection).__name__ == "ServerConnection"


def test_fast_class_works_after_uninstall() -> None:
    with accelerated():
        fast = fast_class(Tapped)
    seen = converse(echo, text("hello") + END, yes=False, create_connection=fast)
    assert seen[0] == (0x81, b"hello")

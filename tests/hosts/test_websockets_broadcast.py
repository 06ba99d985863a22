"""`websockets.broadcast`: one frame for all, and every peer reads it, and what comes before and after."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from wsframe import accelerate
from wsframe.asyncio import connect
from wsframe.deflate import ClientPolicy

pytest.importorskip("websockets.asyncio.connection")

TEXT = "a message for everybody, " * 40
POLICIES: dict[str, ClientPolicy | None] = {
    "none": None,
    "default": ClientPolicy(),
    "window of 9": ClientPolicy(server_max_window_bits=9),
    "window of 15": ClientPolicy(server_max_window_bits=15, client_max_window_bits=None),
    "server keeps no context": ClientPolicy(server_no_context_takeover=True),
    "no context": ClientPolicy(server_no_context_takeover=True, client_no_context_takeover=True),
}


@pytest.fixture(params=["asyncio", "legacy"])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=["zlib", "auto"])
def accelerated(request: pytest.FixtureRequest, kind: str) -> Iterator[Any]:
    """The module that serves, accelerated."""
    modules(kind)
    accelerate.install("websockets", zlib=request.param)
    try:
        yield modules(kind)
    finally:
        accelerate.uninstall("websockets")


def modules(kind: str) -> Any:
    return pytest.importorskip(f"websockets.{kind}.server")


def connection_module(kind: str) -> Any:
    return pytest.importorskip(
        "websockets.legacy.protocol" if kind == "legacy" else "websockets.asyncio.connection"
    )


@contextlib.asynccontextmanager
async def served(module: Any, policies: list[ClientPolicy | None]) -> Any:
    """Connect a client with each policy; yield the connections of the server and of the clients, in order."""
    servers: list[Any] = []
    stop = asyncio.Event()

    async def handler(connection: Any, *_: Any) -> None:
        servers.append(connection)
        async for message in connection:
            await connection.send(message)
        await stop.wait()

    server = await module.serve(handler, "127.0.0.1", 0, ping_interval=None)
    port = next(iter(server.sockets)).getsockname()[1]
    clients = []
    try:
        for policy in policies:
            client = await connect(f"ws://127.0.0.1:{port}", compression=policy, proxy=None).__aenter__()
            await client.send("hello")
            assert await client.recv() == "hello"
            clients.append(client)
        yield servers, clients
    finally:
        stop.set()
        for client in clients:
            await client.close()
        server.close()
        await server.wait_closed()


def encoders(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Note the calls of `encode` that the original code makes."""
    from websockets.extensions import permessage_deflate

    made: list[Any] = []
    real = permessage_deflate.zlib

    class Noting:
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def compressobj(self, *args: Any, **kwargs: Any) -> Any:
            made.append(kwargs["wbits"])
            return real.compressobj(*args, **kwargs)

    monkeypatch.setattr(permessage_deflate, "zlib", Noting())
    return made


def test_every_peer_reads_what_is_sent(accelerated: Any) -> None:
    async def main() -> None:
        policies = [*POLICIES.values(), *POLICIES.values()]
        async with served(accelerated, policies) as (servers, clients):
            for number in range(4):
                for message in (f"{TEXT}{number}", f"{TEXT}{number}".encode(), "", b""):
                    accelerated.broadcast(servers, message)
                    accelerated.broadcast(set(servers), message)
                for one in servers[number:]:
                    await one.send(f"{TEXT} alone, and then some")
            for index, client in enumerate(clients):
                for number in range(4):
                    for message in (f"{TEXT}{number}", f"{TEXT}{number}".encode(), "", b""):
                        assert [await client.recv(), await client.recv()] == [message] * 2
                    if index >= number:
                        assert await client.recv() == f"{TEXT} alone, and then some"

    asyncio.run(main())


def test_a_message_is_compressed_once_for_each_window(
    accelerated: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        policies = [POLICIES[name] for name in ("default", "window of 9", "no context", "none") * 3]
        async with served(accelerated, policies) as (servers, clients):
            made = encoders(monkeypatch)
            accelerated.broadcast(servers, TEXT)
            assert sorted(made) == [-12, -9]
            accelerated.broadcast(servers, TEXT)  # what was not used is not made anew
            assert sorted(made) == [-12, -12, -9, -9]
            for client in clients:
                assert [await client.recv(), await client.recv()] == [TEXT, TEXT]
                await client.send(TEXT)
                assert await client.recv() == TEXT
            # A compressor for each that keeps a context, and one for each message of those that keep none.
            assert len(made) == 4 + 9

    asyncio.run(main())


def test_a_single_connection_keeps_the_context(accelerated: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with served(accelerated, [POLICIES["default"]]) as (servers, (client,)):
            made = encoders(monkeypatch)
            accelerated.broadcast(iter(servers), TEXT)
            assert (made, await client.recv()) == ([], TEXT)

    asyncio.run(main())


def test_connections_that_the_original_code_skips_are_skipped(
    kind: str, accelerated: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with served(accelerated, [ClientPolicy()] * 4) as (servers, clients):
            gate = asyncio.Event()

            async def fragments() -> Any:
                yield "one "
                await gate.wait()
                yield "two"

            sending = asyncio.create_task(servers[0].send(fragments()))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await clients[1].close()
            await servers[1].wait_closed()
            with caplog.at_level(logging.WARNING):
                accelerated.broadcast(servers, TEXT)
            assert [line.message for line in caplog.records] == [
                "skipped broadcast: sending a fragmented message"
            ]
            gate.set()
            await sending
            assert [await clients[0].recv(), await clients[2].recv()] == ["one two", TEXT]
            assert await clients[3].recv() == TEXT
            with pytest.raises(TypeError):
                accelerated.broadcast(servers, 1)
            with pytest.raises(UnicodeEncodeError):
                accelerated.broadcast(servers, "\ud800")
            accelerated.broadcast(servers, bytearray(b"x"), raise_exceptions=True)
            assert await clients[2].recv() == b"x"

    asyncio.run(main())


def test_a_write_that_fails_is_told_and_the_others_get_it(
    accelerated: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def __init__(self, connection: Any) -> None:
            self.target = connection.transport

        def write(self, frame: bytes) -> None:
            raise OSError("as asked")

    async def main() -> None:
        async with served(accelerated, [ClientPolicy()] * 3) as (servers, clients):
            output, servers[1]._wsframe_output = servers[1]._wsframe_output, Broken(servers[1])
            with caplog.at_level(logging.WARNING):
                accelerated.broadcast(servers, TEXT)
            servers[1]._wsframe_output = output
            assert [line.message for line in caplog.records] == [
                "skipped broadcast: failed to write message: OSError: as asked"
            ]
            assert [await clients[0].recv(), await clients[2].recv()] == [TEXT, TEXT]

    asyncio.run(main())


def test_other_connections_are_left_to_the_original_code(kind: str, accelerated: Any) -> None:
    async def main() -> None:
        async with served(accelerated, [ClientPolicy()] * 3) as (servers, clients):
            sent = []

            class Other:
                """What the code of websockets needs of a connection."""

                protocol = property(lambda self: self)
                send_text = send_frame = sent.append
                send_in_progress = fragmented_send_waiter = _fragmented_message_waiter = None
                state = servers[0].protocol.state if kind == "asyncio" else servers[0].state

                def send_data(self) -> None: ...

                def write_frame_sync(self, _fin: bool, _opcode: int, data: bytes) -> None:
                    sent.append(data)

            accelerated.broadcast([servers[0], Other(), *servers[1:]], TEXT)
            assert sent == [TEXT.encode()]
            assert [await client.recv() for client in clients] == [TEXT] * 3

    asyncio.run(main())


def test_a_connection_of_another_state_is_left_to_the_original_code(kind: str, accelerated: Any) -> None:
    left: list[Any] = []

    async def main() -> None:
        async with served(accelerated, [None] * 6) as (servers, clients):
            from wsframe.accelerate.hosts.websockets.broadcast import sharing

            module = import_module(f"wsframe.accelerate.hosts.websockets.{kind}_broadcast")
            broadcast: Any = sharing(lambda connections, _: left.extend(connections), module.broadcaster)
            protocols = [one.protocol if kind == "asyncio" else one for one in servers]
            protocols[0].debug = True
            protocols[1].extensions = [object()]
            protocols[2].extensions = [object(), object()]
            if kind == "asyncio":
                from websockets.protocol import CLIENT

                protocols[3].side = CLIENT
            else:
                protocols[3].is_client = True
            broadcast(servers, TEXT)
            assert left == servers[:4]
            assert [await client.recv() for client in clients[4:]] == [TEXT] * 2
            protocols[0].debug = False
            protocols[1].extensions = protocols[2].extensions = []
            if kind == "asyncio":
                protocols[3].side = protocols[4].side
            else:
                protocols[3].is_client = False

    asyncio.run(main())


def test_a_wrapper_of_a_bypassed_function_is_called(
    accelerated: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from websockets.extensions.permessage_deflate import PerMessageDeflate

    seen = []
    original = PerMessageDeflate.encode

    def encode(self: Any, frame: Any) -> Any:
        seen.append(bytes(frame.data))
        return original(self, frame)

    async def main() -> None:
        async with served(accelerated, [ClientPolicy()] * 2) as (servers, clients):
            monkeypatch.setattr(PerMessageDeflate, "encode", encode)
            accelerated.broadcast(servers, TEXT)
            assert [await client.recv() for client in clients] == [TEXT, TEXT]
            assert seen == [TEXT.encode()] * 2

    asyncio.run(main())


def test_broadcast_is_replaced_and_restored(kind: str) -> None:
    module = modules(kind)
    before = module.broadcast
    accelerate.install("websockets")
    try:
        assert module.broadcast is connection_module(kind).broadcast is not before
        assert module.broadcast.__doc__ == before.__doc__
        if kind == "asyncio":
            import websockets.asyncio.server

            assert websockets.asyncio.server.broadcast is module.broadcast
    finally:
        accelerate.uninstall("websockets")
    assert module.broadcast is before

"""aiohttp, accelerated, writes what it writes without: bytes, sizes, waits and errors."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
from hypothesis import example, given, strategies as st
from support import frames
from support.frames import BINARY, CLOSE, PING, PONG, TEXT

pytest.importorskip("aiohttp")

from aiohttp import ClientSession, WSMsgType, web
from aiohttp.http_websocket import WebSocketWriter

from wsframe import accelerate, parse_header
from wsframe.accelerate.hosts.aiohttp import HOST


class Original:
    write = getattr(WebSocketWriter, "_write_websocket_frame", None)


@pytest.fixture(scope="module")
def patched() -> Iterator[Any]:
    """The method that makes a frame, accelerated."""
    if Original.write is None:
        pytest.skip("a frame is made and sent in one method, which is not replaced")
    accelerate.install("aiohttp")
    (status,) = [host for host in accelerate.status() if host.host == "aiohttp"]
    assert (status.active, status.why_not, status.stale) == (True, "", ())
    yield WebSocketWriter._write_websocket_frame
    accelerate.uninstall("aiohttp")
    assert WebSocketWriter._write_websocket_frame is Original.write


class Transport(asyncio.Transport):
    def __init__(self) -> None:
        self.written: list[Any] = []
        self.closing = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closing


class Protocol:
    """What a writer asks whether to wait; every other time it must."""

    def __init__(self) -> None:
        self._paused = False
        self.waits = 0

    async def _drain_helper(self) -> None:
        self.waits += 1


class Generator(random.Random):
    def getrandbits(self, bits: int) -> int:
        return 0x01020304


def unmasked(pieces: list[bytes]) -> list[Any]:
    """Take the frames of all writes apart, and tell where the writes ended."""
    data, out = b"".join(pieces), []
    while data:
        if data[0] & 0xF not in (TEXT, BINARY, CLOSE, PING, PONG) or (data[0] & 8 and data[1] & 0x7F > 125):
            return [*out, len(data)]
        header = parse_header(data)
        assert header is not None
        end = header.size + header.length
        payload, key = data[header.size : end], header.mask_key
        out.append((data[0], header.length, key is None, frames.masked(payload, key) if key else payload))
        data = data[end:]
    return [*out, [len(piece) for piece in pieces]]


def play(write: Any, script: list[Any], **options: Any) -> list[Any]:
    """Write frames with one of the two methods, and tell all that came of it."""
    trace: list[Any] = []

    async def run() -> None:
        transport, protocol = Transport(), Protocol()
        Writer = type("Writer", (WebSocketWriter,), {"_write_websocket_frame": write})
        writer = Writer(protocol, transport, **options)
        for name, values, named in script:
            protocol._paused = not protocol._paused
            try:
                if name == "lose":
                    transport.closing = True
                else:
                    await getattr(writer, name)(*values, **named)
            except Exception as exc:
                trace.append((type(exc).__name__, str(exc)))
            trace.append((writer._output_size, writer._closing, protocol.waits, len(transport.written)))
        trace.append(unmasked(transport.written))

    asyncio.run(run())
    return trace


payloads = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([125, 126, 127, 1000, 16384, 16385, 65535, 65536]).map(lambda size: b"x" * size),
    st.binary(max_size=9).map(bytearray),
    st.binary(max_size=9).map(memoryview),
    st.sampled_from(["text", None]),
)
steps = st.one_of(
    st.tuples(
        st.just("send_frame"),
        st.tuples(
            payloads,
            st.sampled_from([WSMsgType.TEXT, WSMsgType.BINARY, 1, 2, WSMsgType.PING, WSMsgType.PONG, 3]),
        ),
        st.sampled_from([{}, {}, {}, {"compress": 15}]),
    ),
    st.sampled_from(
        [("close", (), {}), ("close", (1001, "bye"), {}), ("close", (4000, b"x" * 200), {}), ("lose", (), {})]
    ),
)


@given(
    st.lists(steps, max_size=8),
    st.fixed_dictionaries(
        {
            "use_mask": st.booleans(),
            "compress": st.sampled_from([0, 0, 15]),
            "notakeover": st.booleans(),
            "limit": st.sampled_from([0, 50, 2**16]),
        },
        optional={"random": st.just(Generator())},
    ),
)
@example(
    [("send_frame", (b"x" * 20000, 2), {}), ("send_frame", (b"x", 9), {})], {"use_mask": True, "compress": 15}
)
def test_written_frames_are_the_same(patched: Any, script: list[Any], options: dict[str, Any]) -> None:
    assert play(patched, script, **options) == play(Original.write, script, **options)


@pytest.mark.parametrize("compress", [0, 15])
def test_given_random_generator_provides_the_masking_keys(patched: Any, compress: int) -> None:
    transport = Transport()

    async def run() -> None:
        writer = WebSocketWriter(Protocol(), transport, use_mask=True, random=Generator(), compress=compress)
        await writer.send_frame(b"Hello", WSMsgType.TEXT)

    asyncio.run(run())
    assert transport.written[0][2:6] == b"\1\2\3\4"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.skipif(Original.write is None, reason="frames are written by the writer of this version")
def test_forked_child_uses_different_masking_keys() -> None:
    program = """
        import asyncio, os, sys
        from wsframe import accelerate
        accelerate.install("aiohttp")
        from aiohttp._websocket.writer import WebSocketWriter

        class Transport:
            is_closing = lambda self: False
            write = lambda self, data: print(data[2:6].hex())

        async def main():
            for compress in (0, 15):
                writer = WebSocketWriter(None, Transport(), use_mask=True, compress=compress)
                for _ in range(2):
                    await writer.send_frame(b"Hello", 1)
            sys.stdout.flush()

        asyncio.run(main())
        child = os.fork()
        if child:
            os.waitpid(child, 0)
        asyncio.run(main())
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    keys = done.stdout.split()
    assert (done.stderr, done.returncode, len(keys)) == ("", 0, 12)
    assert len(set(keys)) == 12


@pytest.mark.parametrize("compress", [0, 15])
def test_a_client_and_a_server_exchange_messages(patched: Any, compress: int) -> None:
    messages = ["", "é" * 100, "x" * 70000, b"", b"\0\xff" * 500, b"x" * 20000]

    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await (socket.send_str if message.type is WSMsgType.TEXT else socket.send_bytes)(message.data)
        return socket

    async def main() -> list[Any]:
        app = web.Application()
        app.router.add_get("/", echo)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        got = []
        async with ClientSession() as session:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
            async with session.ws_connect(url, compress=compress) as client:
                for message in messages:
                    await (client.send_str if isinstance(message, str) else client.send_bytes)(message)
                    got.append((await client.receive()).data)
                await client.ping(b"p" * 125)
        await runner.cleanup()
        return got

    assert asyncio.run(main()) == messages


@pytest.mark.parametrize("part", HOST.parts_of(version("aiohttp")), ids=lambda part: part.modules[-1])
def test_a_proof_fails_without_the_patch(part: Any) -> None:
    accelerate.uninstall("aiohttp")
    with pytest.raises(
        (RuntimeError, AttributeError), match=r"the original code of aiohttp was called|no attribute"
    ):
        HOST.load(part.prove)()

"""`recv_streaming` and `Listener.on_fragment`: messages part by part, as they arrive."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from both_ends import Pair, address, local
from raw_peer import frame, open_raw

from wsframe import Opcode, encode_frame
from wsframe.asyncio import (
    ConcurrencyError,
    ConnectionClosed,
    ConnectionClosedError,
    ConnectionClosedOK,
    Listener,
    PayloadTooBig,
    ProtocolError,
    connect,
)
from wsframe.asyncio._endpoint import HIGH_WATER

TEXT = "aé€😊" * 1000


async def parts_of(ws, **options):
    return [part async for part in ws.recv_streaming(**options)]


class Sender:
    """A message in fragments, one whenever it is told."""

    def __init__(self, ws):
        self._fragments = asyncio.Queue()
        self._sending = asyncio.ensure_future(ws.send(self._each()))

    async def _each(self):
        while True:
            fragment = await self._fragments.get()
            if fragment is None:
                return
            yield fragment

    def put(self, *fragments):
        for fragment in fragments:
            self._fragments.put_nowait(fragment)

    async def end(self):
        self.put(None)
        await self._sending

    async def stop(self):
        self._sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._sending


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize(
    ("fragments", "options"),
    [
        (["aé", "€😊", ""], {}),
        ([b"ab", b"", b"\xff"], {}),
        (["aé", "€😊"], {"decode": False}),
        (["aé".encode()[:2], "aé".encode()[2:]], {"decode": True}),
    ],
    ids=["text", "binary", "text as bytes", "binary as text"],
)
async def test_recv_streaming_yields_parts_as_they_arrive(compression, fragments, options):
    whole = fragments[0][:0].join(fragments)
    if "decode" in options:
        whole = whole.decode() if options["decode"] else whole.encode()
    async with Pair(compression=compression) as pair:
        sender, parts = Sender(pair.theirs), pair.ours.recv_streaming(**options)
        first = asyncio.ensure_future(anext(parts))
        sender.put(*fragments[:2])  # one of them leaves: the last may be the end
        got = [await first]
        assert whole.startswith(got[0])
        assert got[0]
        sender.put(*fragments[2:])
        await sender.end()
        got += [part async for part in parts]
        assert whole[:0].join(got) == whole
        await pair.theirs.send("next")
        assert await pair.ours.recv() == "next"


async def test_already_received_message_is_one_part():
    async with Pair() as pair:
        await pair.theirs.send(["a", "b"])
        await pair.theirs.send(b"c")
        await pair.theirs.ping()
        while pair.ours._queued < 2:
            await asyncio.sleep(0)
        assert await parts_of(pair.ours) == ["ab"]
        assert await parts_of(pair.ours, decode=True) == ["c"]


async def test_large_frame_is_streamed_with_backpressure():
    """As long as nobody takes them, little is read: the peer has to wait."""
    size = 2**25
    async with Pair(compression=None, max_size=None) as pair:
        sending = asyncio.ensure_future(pair.theirs.send(bytes(size)))
        received = 0
        most = 0
        async for part in pair.ours.recv_streaming():
            received += len(part)
            most = max(most, len(part))
            for _ in range(5):
                await asyncio.sleep(0)
            most = max(most, pair.ours.protocol.decoder.buffered)
            if received == len(part):
                assert not sending.done()
        assert received == size
        assert most <= 2**18 + HIGH_WATER
        await sending


async def test_decompression_bomb_is_streamed_in_parts():
    size = 2**24
    async with Pair(max_size=None) as pair:
        await pair.theirs.send(bytes(size))
        parts = await parts_of(pair.ours)
        assert sum(map(len, parts)) == size


async def test_text_parts_end_at_character_boundaries():
    data = frame(Opcode.TEXT, TEXT.encode())
    async with local(lambda ws: asyncio.sleep(0), close_timeout=1) as server:
        got = asyncio.get_running_loop().create_future()

        async def handler(ws):
            got.set_result(await parts_of(ws))

        server._handler = handler
        _, writer = await open_raw(server)
        for start in range(0, len(data), 1001):
            writer.write(data[start : start + 1001])
            await asyncio.sleep(0.001)
        parts = await got
        assert "".join(parts) == TEXT
        writer.close()


async def test_messages_behind_a_streamed_one_keep_their_order():
    async with Pair() as pair:
        sender = Sender(pair.theirs)
        parts = pair.ours.recv_streaming()
        first = asyncio.ensure_future(anext(parts))
        sender.put("a", "b")
        assert await first == "a"
        await sender.end()
        for number in range(100):
            await pair.theirs.send(str(number))
        assert "".join([part async for part in parts]) == "b"
        assert [await pair.ours.recv() for _ in range(100)] == list(map(str, range(100)))


async def test_concurrent_receive_raises_concurrency_error():
    async with Pair() as pair:
        waiting = asyncio.ensure_future(parts_of(pair.ours))
        await asyncio.sleep(0)
        for receive, name in ((pair.ours.recv, "recv"), (lambda: parts_of(pair.ours), "recv_streaming")):
            with pytest.raises(ConcurrencyError, match=f"cannot call {name} while another coroutine"):
                await receive()
        await pair.theirs.send("x")
        assert await waiting == ["x"]
        receiving = asyncio.ensure_future(pair.ours.recv())
        await asyncio.sleep(0)
        with pytest.raises(ConcurrencyError, match="cannot call recv_streaming"):
            await parts_of(pair.ours)
        await pair.theirs.send("y")
        assert await receiving == "y"


@pytest.mark.parametrize("begun", [False, True])
async def test_cancelling_before_the_first_part_loses_nothing(begun):
    async with Pair() as pair:
        sender = Sender(pair.theirs)
        if begun:  # by a peer whose first fragment is not read yet
            sender.put("a", "b")
        waiting = asyncio.ensure_future(parts_of(pair.ours))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        sender.put("c")
        await sender.end()
        assert await pair.ours.recv() == ("abc" if begun else "c")


@pytest.mark.parametrize("again", [False, True])
async def test_cancelling_as_a_part_arrives_loses_nothing(again):
    async with Pair() as pair:
        waiting = asyncio.ensure_future(parts_of(pair.ours))
        await asyncio.sleep(0)
        stream = pair.ours._listener
        sender = Sender(pair.theirs)
        sender.put("a", "b", "c")
        while not stream._fragments:
            await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        if stream._joining:
            await sender.end()
            await pair.theirs.send("next")
            got = "".join(await parts_of(pair.ours)) if again else await pair.ours.recv()
            assert got == "abc"
            assert await pair.ours.recv() == "next"
        else:
            with pytest.raises(ConcurrencyError):
                await pair.ours.recv()
            await sender.stop()


async def test_connection_with_an_abandoned_stream_can_only_be_closed():
    async with Pair() as pair:
        sender = Sender(pair.theirs)
        sender.put("a", "b")
        async for part in pair.ours.recv_streaming():
            assert part == "a"
            break
        await sender.end()
        with pytest.raises(ConcurrencyError):
            await pair.ours.recv()
        with pytest.raises(ConcurrencyError):
            await parts_of(pair.ours)
        await pair.theirs.send(bytes(2**20))  # nobody receives it
        await pair.ours.close()
        await pair.theirs.wait_closed()
        assert pair.theirs.close_code == 1000


@pytest.mark.parametrize(("code", "kind"), [(1000, ConnectionClosedOK), (1011, ConnectionClosedError)])
async def test_recv_streaming_raises_when_the_connection_closes(code, kind):
    async with Pair() as pair:
        waiting = asyncio.ensure_future(parts_of(pair.ours))
        await asyncio.sleep(0)
        await pair.theirs.close(code)
        with pytest.raises(kind):
            await waiting
        with pytest.raises(kind):
            await parts_of(pair.ours)


async def test_recv_streaming_raises_when_lost_within_a_message():
    async with Pair() as pair:
        sender = Sender(pair.theirs)
        sender.put("a")
        parts = pair.ours.recv_streaming()
        assert await anext(parts) == "a"
        pair.theirs.transport.abort()
        with pytest.raises(ConnectionClosed):
            await anext(parts)
        await sender.stop()


@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY])
async def test_invalid_utf_8_in_a_stream_closes_with_1007(opcode):
    async with Pair(compression=None) as pair:
        parts = pair.ours.recv_streaming(decode=True)
        first = asyncio.ensure_future(anext(parts))
        await asyncio.sleep(0)
        pair.theirs._write(encode_frame(opcode, "aé".encode()[:2], fin=False, mask_key=b"abcd"))
        assert await first == "a"
        pair.theirs._write(encode_frame(Opcode.CONTINUATION, b"x", mask_key=b"abcd"))
        with pytest.raises(ConnectionClosedError) as ended:
            await anext(parts)
        cause = ProtocolError if opcode is Opcode.TEXT else UnicodeDecodeError
        assert isinstance(ended.value.__cause__, cause)
        assert ended.value.sent.code == 1007


async def test_max_size_may_limit_messages_and_frames():
    async with Pair(max_size=(None, 100), compression=None) as pair:
        await pair.theirs.send([b"a" * 100] * 5)
        assert len(await pair.ours.recv()) == 500
        await pair.theirs.send(b"a" * 101)
        with pytest.raises(ConnectionClosedError) as ended:
            await pair.ours.recv()
        assert isinstance(ended.value.__cause__, PayloadTooBig)
        assert ended.value.sent.code == 1009
    for wrong in ((1, 2, 3), (None, -1), ("1", 2)):
        with pytest.raises((TypeError, ValueError), match="max_size"):
            connect("ws://127.0.0.1/", max_size=wrong)


async def test_listener_on_fragment_gets_every_fragment():
    events = []
    done = asyncio.Event()

    class Parts(Listener):
        def on_fragment(self, ws, data, final):
            events.append((data, final))
            if data == "end":
                done.set()

        def on_message(self, ws, message):
            events.append("never")

    async with local(Parts) as server, connect(address(server), compression=None) as ws:
        await ws.send("whole")
        sender = Sender(ws)
        sender.put(b"a")
        while len(events) < 2:
            await asyncio.sleep(0)
        assert events == [("whole", True), (b"a", False)]
        await sender.end()
        await ws.send("end")
        await done.wait()
        assert events[2:] == [(b"", True), ("end", True)]


async def test_on_fragment_that_raises_closes_with_1011(caplog):
    class Parts(Listener):
        def on_fragment(self, ws, data, final):
            raise ValueError(data)

    async with local(Parts) as server, connect(address(server)) as ws:
        await ws.send("x")
        await ws.wait_closed()
        assert ws.close_code == 1011
    assert "listener failed" in caplog.text


async def test_a_part_that_arrived_before_the_call_comes_at_once():
    """A peer that waits for the reply to its first fragment gets it."""
    arrived = asyncio.Event()

    async def handler(ws):
        await arrived.wait()
        async for part in ws.recv_streaming():
            await ws.send(part)

    async with local(handler, compression=None) as server:
        reader, writer = await open_raw(server)
        writer.write(frame(Opcode.TEXT, b"first", fin=False) + frame(Opcode.PING, b""))
        assert await reader.readexactly(2) == encode_frame(Opcode.PONG, b"")
        arrived.set()
        assert await reader.readexactly(7) == encode_frame(Opcode.TEXT, b"first")
        writer.write(frame(Opcode.CONTINUATION, b"last"))
        assert await reader.readexactly(6) == encode_frame(Opcode.TEXT, b"last")
        writer.close()

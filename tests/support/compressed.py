"""Conversations with compression, and what each host makes of them; no sockets."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from inspect import signature
from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st
from support.frames import BINARY, CONTINUATION, header

TAIL = b"\0\0\xff\xff"
KEY = bytes(4)  # masks nothing
Frame = tuple[int, bool, int, bytes]  # opcode, fin, reserved bits, payload


@dataclass(frozen=True)
class Plan:
    """What was agreed on, and what the client sends: messages, each as its frames."""

    server_resets: bool
    client_resets: bool
    server_bits: int
    client_bits: int
    limit: int
    messages: list[list[Frame]]
    sizes: list[int]  # of what the compressed ones inflate to


def deflated(squeeze: Any, message: bytes) -> bytes:
    return (squeeze.compress(message) + squeeze.flush(zlib.Z_SYNC_FLUSH))[: -len(TAIL)]  # type: ignore[no-any-return]


# What is wrong with these is in their first bytes: zlib and others find it in the same message.
GARBAGE = [b"\xff" * 9, b"\x00\x05\x00\x00\x00Hello", b"\x06", b"\x4b\xff\xff\xff\xff" + b"\xff" * 40]
texts = st.one_of(
    st.binary(max_size=400),
    st.builds(lambda piece, count: piece * count, st.binary(min_size=1, max_size=5), st.integers(0, 2500)),
    st.lists(st.sampled_from([b"symbol", b"bid", b"ask", b'": ', b"12.5", b"\xff"]), max_size=700).map(
        b"".join
    ),
)
KINDS = ["good", "good", "good", "plain", "pieces", "pieces", "blocks", "ended", "garbage", "bomb"]


@st.composite
def any_plan(draw: Any) -> Plan:
    bits = st.integers(9, 15)
    agreed = draw(st.tuples(st.booleans(), st.booleans(), bits, bits, st.sampled_from([100, 3000, 10**6])))
    _, resets, _, window, limit = agreed
    squeeze = zlib.compressobj(wbits=-window)
    messages, sizes = [], []
    for kind, text in draw(st.lists(st.tuples(st.sampled_from(KINDS), texts), min_size=1, max_size=6)):
        if resets:
            squeeze = zlib.compressobj(draw(st.sampled_from([-1, 0, 1, 9])), wbits=-window)
        if kind == "plain":
            messages.append([(BINARY, True, 0, text)])
            continue
        if kind == "garbage":
            payload = draw(st.sampled_from(GARBAGE))
        elif kind == "ended":  # a block with BFINAL (RFC 7692, 7.2.3.4)
            payload = squeeze.compress(text) + squeeze.flush() + b"\0"
            squeeze = zlib.compressobj(wbits=-window)
        else:
            text = text if kind != "bomb" else bytes(limit + len(text))
            payload = deflated(squeeze, text)
        sizes.append(len(text))
        if kind == "blocks":
            payload += (TAIL + b"\0") * draw(st.integers(1, 4))
        cuts = draw(st.lists(st.integers(0, len(payload)), max_size=3)) if kind == "pieces" else []
        edges = [0, *sorted(cuts), len(payload)]
        messages.append(
            [
                (CONTINUATION if start else BINARY, end == len(edges), 0 if start else 4, payload[at:to])
                for start, end, at, to in zip(range(9), range(2, 9), edges, edges[1:], strict=False)
            ]
        )
    return Plan(*agreed, messages, sizes)


def encoded(frames: Iterable[Frame]) -> bytes:
    return b"".join(
        header(opcode, len(payload), fin=fin, rsv=rsv, key=KEY) + payload
        for opcode, fin, rsv, payload in frames
    )


class Peer:
    """A stock client that inflates what is sent to it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.inflater = zlib.decompressobj(-plan.server_bits)

    def take(self, payload: bytes) -> bytes:
        if self.plan.server_resets:
            self.inflater = zlib.decompressobj(-self.plan.server_bits)
        message = self.inflater.decompress(payload + TAIL)
        assert not self.inflater.eof
        return message

    def read(self, data: bytes) -> list[Any]:
        """The messages in a stream of frames, inflated, and other frames as they are."""
        found: list[Any] = []
        while data:
            length, start = data[1], 2
            if length > 125:
                start = 4 if length == 126 else 10
                length = int.from_bytes(data[2:start], "big")
            payload = data[start : start + length]
            found.append(self.take(payload) if data[0] & 0x40 else (data[0], reason(payload)))
            data = data[start + length :]
        return found


def reason(payload: bytes) -> bytes:
    """Without what is quoted from zlib."""
    return re.sub(rb"Error -?\d+ .*", b"Error", payload, flags=re.DOTALL)


def failure(exc: BaseException) -> tuple[str, bytes]:
    return type(exc).__name__, reason(str(exc).encode())


def websockets(plan: Plan) -> list[Any]:
    from websockets.extensions.permessage_deflate import PerMessageDeflate
    from websockets.protocol import SERVER, Protocol

    protocol: Any = Protocol(SERVER, max_size=plan.limit)
    protocol.extensions = [
        PerMessageDeflate(
            plan.client_resets,
            plan.server_resets,
            plan.client_bits,
            plan.server_bits,
        )
    ]
    seen: list[Any] = []
    peer, message = Peer(plan), b""
    for frames in plan.messages:
        protocol.receive_data(encoded(frames))
        for event in protocol.events_received():
            message += bytes(event.data)
            if event.fin:
                seen.append(message)
                protocol.send_binary(message)
                message = b""
        seen += peer.read(b"".join(protocol.data_to_send()))
        if protocol.parser_exc:
            return [*seen, failure(protocol.parser_exc), protocol.close_code]
    return seen


def wsproto(plan: Plan) -> list[Any]:
    from wsproto.connection import Connection, ConnectionType
    from wsproto.events import BytesMessage, CloseConnection
    from wsproto.extensions import PerMessageDeflate

    extension = PerMessageDeflate(
        client_no_context_takeover=plan.client_resets,
        client_max_window_bits=plan.client_bits,
        server_no_context_takeover=plan.server_resets,
        server_max_window_bits=plan.server_bits,
    )
    extension._enabled = True
    connection = Connection(ConnectionType.SERVER, [extension])
    seen: list[Any] = []
    peer, message = Peer(plan), b""
    for frames in plan.messages:
        connection.receive_data(encoded(frames))
        for event in connection.events():
            if isinstance(event, CloseConnection):
                return [*seen, event.code, event.reason]
            assert isinstance(event, BytesMessage)
            message += event.data
            if event.message_finished:
                seen += [message, *peer.read(connection.send(BytesMessage(message)))]
                message = b""
    return seen


def tornado(plan: Plan) -> list[Any]:
    from tornado.websocket import WebSocketProtocol13, _WebSocketParams

    seen: list[Any] = []
    handler: Any = SimpleNamespace(on_message=seen.append, log_exception=None)
    params = _WebSocketParams(max_message_size=plan.limit, compression_options={})
    protocol: Any = WebSocketProtocol13(handler, False, params)
    agreed: dict[str, Any] = {
        "server_max_window_bits": str(plan.server_bits),
        "client_max_window_bits": str(plan.client_bits),
        **({"server_no_context_takeover": None} if plan.server_resets else {}),
        **({"client_no_context_takeover": None} if plan.client_resets else {}),
    }
    protocol._create_compressors("server", agreed)
    protocol.close = lambda *values: seen.append(("close", *values))
    protocol._abort = lambda: seen.append("abort")
    peer = Peer(plan)
    for frames in plan.messages:
        protocol._frame_compressed = frames[0][2] == 4
        try:
            protocol._handle_message(BINARY, b"".join(payload for *_, payload in frames))
        except Exception as exc:
            return [*seen, failure(exc)]
        if "abort" in seen:
            return seen
        seen.append(peer.take(protocol._compressor.compress(seen[-1])))
    return seen


def aiohttp(plan: Plan) -> list[Any]:
    from aiohttp._websocket import reader, reader_py, writer
    from aiohttp.base_protocol import BaseProtocol

    count = len(signature(reader_py.WebSocketReader).parameters)  # one more since 3.14
    seen: list[Any] = []
    written: list[bytes] = []
    transport: Any = SimpleNamespace(is_closing=lambda: False, write=written.append)
    peer = Peer(plan)

    async def run() -> None:
        protocol = BaseProtocol(asyncio.get_running_loop())
        queue = reader.WebSocketDataQueue(protocol, 2**16, loop=asyncio.get_running_loop())
        receiver: Any = reader.WebSocketReader(*(queue, plan.limit, True, True)[:count])
        sender = writer.WebSocketWriter(
            protocol, transport, compress=plan.server_bits, notakeover=plan.server_resets
        )
        for frames in plan.messages:
            receiver.feed_data(encoded(frames))
            try:
                message = (await queue.read()).data
            except Exception as exc:
                seen.append((failure(exc), getattr(exc, "code", None)))
                return
            await sender.send_frame(message, BINARY)
            seen.extend([message, *peer.read(b"".join(written))])
            written.clear()

    asyncio.run(asyncio.wait_for(run(), 20))
    return seen


def autobahn(plan: Plan) -> list[Any]:
    import txaio
    from support.two_autobahns import Player, modules, use

    seen: list[Any] = []

    def echoing(base: Any, trace: list[Any]) -> dict[str, Any]:
        def onMessage(self: Any, payload: bytes, binary: bool) -> None:
            seen.append(payload)
            self.sendMessage(payload, binary)

        return {"onMessage": onMessage}

    use("asyncio")
    loop = txaio.config.loop = asyncio.new_event_loop()
    try:
        library = modules()
        options = {"maxMessagePayloadSize": plan.limit, "failByDrop": False}
        player = Player(library, "asyncio", False, echoing, options, deflate=True)
        agreed = (
            plan.server_resets,
            plan.client_resets,
            plan.server_bits,
            plan.client_bits,
        )
        player.connection._perMessageCompress = library.compress.PerMessageDeflate(True, *agreed, None)
        peer = Peer(plan)
        for frames in plan.messages:
            try:
                player.take(encoded(frames))
            except Exception as exc:
                return [*seen, failure(exc)]
            player.iterate()
            seen.extend(peer.read(player.transport.written))
            player.transport.written = b""
            if player.connection.state != player.connection.STATE_OPEN:
                state = vars(player.connection)
                return [*seen, state["localCloseCode"], state["wasMaxMessagePayloadSizeExceeded"]]
        return seen
    finally:
        use("asyncio")
        txaio.config.loop = None
        loop.close()


HOSTS: dict[str, Callable[[Plan], list[Any]]] = {
    "aiohttp": aiohttp,
    "autobahn": autobahn,
    "tornado": tornado,
    "websockets": websockets,
    "wsproto": wsproto,
}


def has_limits(host: str) -> bool:
    """Whether a host limits what a message inflates to: autobahn has done so since 26."""
    if host == "autobahn":
        from autobahn.websocket.compress_deflate import PerMessageDeflate

        return "max_output_len" in signature(PerMessageDeflate.decompress_message_data).parameters
    return host != "wsproto"

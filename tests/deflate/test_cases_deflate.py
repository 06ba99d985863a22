"""Compressed messages that broke other implementations, one test each, on every twin."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import pytest
import samples
from support import frames
from support.feeding import cuttings
from support.tracing import traced
from support.twins import Impl

from wsframe import Ping, Role
from wsframe.deflate import ClientPolicy, Deflate, Parameters, ServerPolicy
from wsframe.deflate.codec import MAX_STREAMS

RSV1 = 4
KEYS = {Role.SERVER: frames.KEY, Role.CLIENT: None}  # what a peer of ours masks with


def opposite(role: Role) -> Role:
    return Role.CLIENT if role is Role.SERVER else Role.SERVER


def message(
    role: Role, fragments: Iterable[bytes], opcode: int = frames.BINARY, between: bytes = b""
) -> bytes:
    """A compressed message for the side that has this role, other frames between its fragments."""
    fragments = list(fragments)
    out = []
    for number, fragment in enumerate(fragments, 1):
        out.append(
            frames.frame(
                opcode if number == 1 else frames.CONTINUATION,
                fragment,
                fin=number == len(fragments),
                rsv=RSV1 if number == 1 else 0,
                key=KEYS[role],
            )
        )
    return between.join(out)


def decoder(impl: Impl, role: Role, codec: Deflate | None = None, **options: Any) -> Any:
    return impl.MessageDecoder(role, deflate=codec or Deflate(role), **options)


def run(make: Any, data: bytes) -> tuple[list[Any], tuple[int, str] | None]:
    """Feed in many cuttings, which must all come to the same."""
    results = []
    for pieces in cuttings(data):
        one = make()
        out: list[Any] = []
        for piece in pieces:
            out += one.feed(piece)
            if one.error is not None:
                break
        results.append((out, one.error and (int(one.error.close_code), str(one.error))))
    assert all(result == results[0] for result in results)
    return results[0]


SIDES = pytest.mark.parametrize("role", Role)


@SIDES
def test_case_17_limit_applies_to_the_inflated_size(impl: Impl, role: Role, module: str) -> None:
    """On the wire a bomb is small: autobahn #1909, tornado #2391, websockets #407."""
    limit = 10_000
    for extra, fragments in itertools.product((0, 1), (1, 3)):
        sender = Deflate(opposite(role), module=module)
        data = bytes(limit + extra)
        cuts = [data[i::fragments] for i in range(fragments)]
        packed = [sender.deflate(cut, i == fragments) for i, cut in enumerate(cuts, 1)]
        assert sum(map(len, packed)) < limit // 20
        got = run(
            lambda: decoder(impl, role, Deflate(role, module=module), max_message=limit),
            message(role, packed),
        )
        if extra:
            assert got == ([], (1009, f"message larger than {limit} bytes"))
        else:
            assert got == ([data], None)


@SIDES
def test_case_17_inflating_stops_at_the_limit(impl: Impl, role: Role, module: str) -> None:
    """And not after it: undici CVE-2026-1526."""
    packed = Deflate(opposite(role)).deflate(bytes(2**24))
    data = message(role, [packed])
    assert len(packed) < 2**24 // 1000
    limit = 2**18
    one = decoder(impl, role, Deflate(role, module=module), max_message=limit)
    with traced() as memory:
        assert one.feed(data) == []
        assert memory.peak() < 5 * limit
    assert one.error.close_code == 1009


@SIDES
def test_case_18_data_held_back_by_the_inflater_is_not_lost(impl: Impl, role: Role, module: str) -> None:
    """Data that an inflater holds back at its limit must not be lost: autobahn #1908."""
    sender = Deflate(opposite(role), module=module)
    text = samples.text(2**19)
    zeros = bytes(2**22)
    noise = samples.noise(2**20)
    data = b"".join(message(role, [sender.deflate(item)]) for item in (text, zeros, noise, text))
    for size in (len(data), 2**16, 1000):
        one = decoder(impl, role, Deflate(role, module=module), max_message=2**22)
        out = []
        for start in range(0, len(data), size):
            out += one.feed(data[start : start + size])
        assert one.error is None
        assert out == [text, zeros, noise, text]


@SIDES
def test_case_19_many_deflate_streams_in_a_message_are_inflated(impl: Impl, role: Role, module: str) -> None:
    """Many streams in a message took aiohttp (#13362) quadratic time; here their number has a limit."""
    payload = samples.final_stream(b"ab") * MAX_STREAMS
    data = message(role, [payload[:1401], payload[1401:]])
    for pieces in ([data], [data[i : i + 500] for i in range(0, len(data), 500)]):
        one = decoder(impl, role, Deflate(role, module=module))
        assert [item for piece in pieces for item in one.feed(piece)] == [b"ab" * MAX_STREAMS]
        assert one.error is None


@SIDES
def test_case_19_every_kind_of_deflate_block_is_inflated(impl: Impl, role: Role, module: str) -> None:
    """RFC 7692, 7.2.3: a final block, several blocks, a block without compression, an empty one."""
    hello = ["f248cdc9c90700", "f348cdc9c9070000", "f2480500 0000ffffcac9c90700", "000500faff48656c6c6f00"]
    packed = [bytes.fromhex(one) for one in hello]
    data = b"".join(message(role, [one], frames.TEXT) for one in packed)
    data += message(role, [packed[0][:3], b"", packed[0][3:]], frames.TEXT)
    data += message(role, [b"\x00"], frames.TEXT)
    data += message(role, [packed[0] + samples.TAIL, b"\x00"], frames.TEXT)
    got = run(lambda: decoder(impl, role, Deflate(role, module=module)), data)
    assert got == (["Hello"] * 5 + ["", "Hello"], None)


INVALID_PARAMETERS = [
    "server_max_window_bits",
    "server_max_window_bits=",
    "server_max_window_bits=0",
    "server_max_window_bits=7",
    "server_max_window_bits=16",
    "server_max_window_bits=99",
    "server_max_window_bits=010",
    "server_max_window_bits=+9",
    "server_max_window_bits=1e1",
    "client_max_window_bits=0",
    "client_max_window_bits=7",
    "client_max_window_bits=16",
    "client_max_window_bits=99",
    'client_max_window_bits=""',
    "server_no_context_takeover=1",
    "client_no_context_takeover=true",
    "client_max_window_bits; client_max_window_bits",
    "client_max_window_bits=10; client_max_window_bits=10",
    "server_no_context_takeover; server_no_context_takeover",
    "Server_No_Context_Takeover",
    "mem_level=5",
]


def parse(header: str) -> Any:
    from wsframe._http.messages import extensions_of

    return extensions_of(header)


@pytest.mark.parametrize("parameters", [one for one in INVALID_PARAMETERS if not one.endswith(("=", '""'))])
def test_case_20_invalid_parameters_are_declined_or_fail(parameters: str) -> None:
    """A server declines that offer and goes on to the next, a client fails: Bun #41629, coder #258."""
    header = f"permessage-deflate; {parameters}"
    assert ServerPolicy().accept(parse(header)) is None
    second = ServerPolicy().accept(parse(header + ", permessage-deflate; server_max_window_bits=10"))
    assert second is not None
    assert second.parameters.server_max_window_bits == 10
    for policy in (ClientPolicy(), ClientPolicy(server_max_window_bits=15, client_max_window_bits=15)):
        with pytest.raises(ValueError, match=r"parameter \w+ |unknown parameter"):
            policy.agree(parse(header))


@pytest.mark.parametrize("parameters", [one for one in INVALID_PARAMETERS if one.endswith(("=", '""'))])
def test_case_20_empty_parameter_values_are_malformed(parameters: str) -> None:
    """No value is not an empty one, which the grammar does not know (RFC 6455, 9.1)."""
    with pytest.raises(ValueError, match="not a token"):
        parse(f"permessage-deflate; {parameters}")


@SIDES
def test_case_21_misplaced_rsv1_is_a_protocol_error(impl: Impl, role: Role) -> None:
    """RSV1 where it was not agreed on, on a continuation or on a control frame: aiohttp #12976."""
    packed = Deflate(opposite(role)).deflate(b"Hello")
    key = KEYS[role]
    broken = ([], (1002, "reserved bits must be 0"))
    uncompressed = frames.frame(frames.TEXT, b"Hel", fin=False, key=key)
    begun = frames.frame(frames.TEXT, packed[:3], fin=False, rsv=RSV1, key=key)
    assert run(lambda: impl.MessageDecoder(role), message(role, [packed])) == broken
    for start, rest in ((uncompressed, b"lo"), (begun, packed[3:])):
        bad = start + frames.frame(frames.CONTINUATION, rest, rsv=RSV1, key=key)
        assert run(lambda: decoder(impl, role), bad) == broken
    for opcode in (frames.PING, frames.PONG, frames.CLOSE):
        assert run(lambda: decoder(impl, role), frames.frame(opcode, rsv=RSV1, key=key)) == broken
    for rsv in (1, 2, 3, 5, 6, 7):
        assert run(lambda: decoder(impl, role), frames.frame(frames.TEXT, packed, rsv=rsv, key=key)) == broken


@SIDES
def test_case_22_ping_between_compressed_fragments_is_delivered(impl: Impl, role: Role, module: str) -> None:
    """Also between those of the next message, in the same context: aiohttp #12988."""
    sender = Deflate(opposite(role), module=module)
    ping = frames.frame(frames.PING, b"?", key=KEYS[role])
    text = samples.text(900).decode()
    data = b""
    for _ in range(3):
        packed = sender.deflate(text.encode())
        third = len(packed) // 3 + 1
        cut = [packed[i : i + third] for i in range(0, len(packed), third)]
        data += message(role, cut, frames.TEXT, between=ping)
        data += frames.frame(frames.TEXT, b"not compressed", key=KEYS[role])
    got = run(lambda: decoder(impl, role, Deflate(role, module=module)), data)
    assert got == ([Ping(b"?"), Ping(b"?"), text, "not compressed"] * 3, None)


def test_case_23_server_never_agrees_to_compress_with_256_bytes() -> None:
    """zlib does not keep to one when it compresses (madler/zlib #171): nothing is promised for it."""
    for offer in ("server_max_window_bits=8", "server_max_window_bits=8; client_max_window_bits"):
        assert ServerPolicy().accept(parse(f"permessage-deflate; {offer}")) is None
    with pytest.raises(ValueError, match="server_max_window_bits must be from 9 to 15"):
        ServerPolicy(server_max_window_bits=8)
    with pytest.raises(ValueError, match="client_max_window_bits must be from 9 to 15"):
        ClientPolicy(client_max_window_bits=8)


def test_case_23_the_peer_may_use_a_window_of_256_bytes(impl: Impl, module: str) -> None:
    codec = ServerPolicy(client_max_window_bits=8, module=module).accept(
        parse("permessage-deflate; client_max_window_bits")
    )
    assert codec is not None
    assert codec.parameters.client_max_window_bits == 8
    packed = samples.final_stream(samples.text(200)) + b"\x00"
    one = decoder(impl, Role.SERVER, codec)
    assert one.feed(message(Role.SERVER, [packed])) == [samples.text(200)]


def test_case_23_client_told_to_use_256_bytes_keeps_within_them(module: str) -> None:
    """It may be told, having said that it can be: it keeps to that by never looking back."""
    codec = ClientPolicy(module=module).agree(parse("permessage-deflate; client_max_window_bits=8"))
    assert codec is not None
    text = samples.text(20_000)
    packed = [codec.deflate(text), codec.deflate(text)]
    assert len(packed[0]) < 0.8 * len(text)
    assert samples.inflate_within(8, packed[0] + samples.TAIL + packed[1] + samples.TAIL) == text * 2


@pytest.mark.parametrize("bits", range(9, 16))
def test_case_24_compressor_keeps_within_the_agreed_window(bits: int, module: str) -> None:
    text = samples.text(
        5 << bits >> 1
    )  # two windows and a half: in the second message there are matches behind
    noise = samples.noise(600)
    for policy, offer in (
        (ServerPolicy(server_max_window_bits=bits, module=module), ""),
        (ServerPolicy(module=module), f"; server_max_window_bits={bits}"),
        (ServerPolicy(server_max_window_bits=None, module=module), f"; server_max_window_bits={bits}"),
        (ServerPolicy(server_max_window_bits=15, module=module), f"; server_max_window_bits={bits}"),
    ):
        codec = policy.accept(parse("permessage-deflate" + offer))
        assert codec is not None
        agreed = codec.parameters.server_max_window_bits
        assert agreed is not None
        assert agreed <= bits
        packed = b"".join(codec.deflate(data) + samples.TAIL for data in (text, noise, text, noise))
        assert samples.inflate_within(agreed, packed) == (text + noise) * 2


def test_case_24_server_resets_its_context_when_asked_to(impl: Impl, module: str) -> None:
    """The response confirms the parameter, and each message can be inflated on its own."""
    codec = ServerPolicy(module=module).accept(parse("permessage-deflate; server_no_context_takeover"))
    assert codec is not None
    assert "server_no_context_takeover" in str(codec.parameters).split("; ")
    text = samples.text(1000)
    resets = Parameters(server_no_context_takeover=True)
    for _ in range(3):
        packed = codec.deflate(text)
        one = decoder(impl, Role.CLIENT, Deflate(Role.CLIENT, resets, module=module))
        assert one.feed(message(Role.CLIENT, [packed])) == [text]

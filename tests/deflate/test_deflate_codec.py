"""The codec of permessage-deflate alone, over each module."""

from __future__ import annotations

import itertools
import zlib

import pytest
import samples
from hypothesis import given, strategies as st
from support.feeding import cut_at_random
from support.tracing import traced

from wsframe import Opcode, ProtocolError, Role, encode_frame
from wsframe.deflate import Deflate, Parameters
from wsframe.deflate.codec import DEFAULT_PARAMETERS, MAX_STREAMS

BIG = 2**24


def pair(module: str, parameters: Parameters = DEFAULT_PARAMETERS) -> tuple[Deflate, Deflate]:
    return (
        Deflate(Role.SERVER, parameters, module=module),
        Deflate(Role.CLIENT, parameters, module=module),
    )


@pytest.mark.parametrize(
    ("messages", "section"),
    [
        (["f248cdc9c90700"], "7.2.3.1"),
        (["f248cdc9c90700", "f200110000"], "7.2.3.2"),
        (["f248cdc9c90700", "f248cdc9c90700"], "7.2.3.2"),
        (["000500faff48656c6c6f00"], "7.2.3.3"),
        (["f348cdc9c9070000"], "7.2.3.4"),
        (["f248050000 00ffffcac9c90700"], "7.2.3.5"),
    ],
)
def test_examples_of_rfc_7692_are_inflated(module: str, messages: list[str], section: str) -> None:
    for size in range(1, 12):
        codec = Deflate(Role.CLIENT, module=module)
        for message in messages:
            data = bytes.fromhex(message)
            pieces = [data[i : i + size] for i in range(0, len(data), size)]
            out = [codec.inflate(piece, False, 5) for piece in pieces[:-1]]
            out.append(codec.inflate(pieces[-1], True, 5))
            assert b"".join(out) == b"Hello", section


@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize("key", [None, b"\1\2\3\4"])
def test_a_frame_in_one_step_is_that_of_two_steps(module: str, resets: bool, key: bytes | None) -> None:
    parameters = Parameters(server_no_context_takeover=resets)
    ours, same = (Deflate(Role.SERVER, parameters, module=module) for _ in range(2))
    for message in (b"Hello", b"", b"Hello" * 100, bytes(range(256)) * 400, b"", b"Hello"):
        for codec in (ours, same):  # the same context before and after
            assert codec.deflate(b"a fragment", False)
            assert codec.deflate(b"", True)
        frame = encode_frame(Opcode.TEXT, same.deflate(message), rsv=4, mask_key=key)
        assert ours.deflate_frame(Opcode.TEXT, message, key) == frame


def test_empty_message_round_trips_as_one_byte(module: str) -> None:
    ours, theirs = pair(module)
    first = ours.deflate(b"")
    assert theirs.inflate(first, True, 0) == b""
    if module == "zlib":
        assert first == b"\x00"  # RFC 7692, 7.2.3.6
    for _ in range(3):
        assert theirs.inflate(ours.deflate(b""), True, 0) == b""
        assert theirs.inflate(ours.deflate(b"abc"), True, 3) == b"abc"
    assert theirs.inflate(b"\x00", True, 0) == b""


def test_empty_last_fragment_still_flushes_the_message(module: str) -> None:
    """Nothing is left to flush then; still a receiver can tell (RFC 7692, 7.2.3.6)."""
    ours = Deflate(Role.SERVER, module=module)
    theirs = zlib.decompressobj(wbits=-15)
    for data in (b"Hello", b"", b"Hello again"):
        packed = ours.deflate(data, False)
        end = [ours.deflate(b"", False), ours.deflate(b"")]
        assert end[-1]
        assert theirs.decompress(packed + b"".join(end) + samples.TAIL) == data


def test_message_without_payload_inflates_to_nothing(module: str) -> None:
    ours, theirs = pair(module)
    assert theirs.inflate(b"", True, 10) == b""
    for data in (b"one two three", b"one two three four"):
        assert theirs.inflate(ours.deflate(data), True, 100) == data
        assert theirs.inflate(b"", False, 100) == b""
        assert theirs.inflate(b"", True, 100) == b""


TAKEOVER = list(itertools.product([False, True], repeat=2))


@pytest.mark.parametrize(("server_resets", "client_resets"), TAKEOVER)
@pytest.mark.parametrize("bits", [None, *range(9, 16)])
def test_every_payload_round_trips_with_all_parameters(
    module: str, server_resets: bool, client_resets: bool, bits: int | None
) -> None:
    server, client = pair(module, Parameters(server_resets, client_resets, bits, bits))
    for sender, receiver in ((server, client), (client, server)):
        for seed, data in enumerate(samples.payloads()):
            pieces = cut_at_random(sender.deflate(data), seed)
            out = [receiver.inflate(piece, False, BIG) for piece in pieces]
            assert b"".join(out) + receiver.inflate(b"", True, BIG) == data


@given(
    messages=st.lists(st.lists(st.binary(max_size=200), min_size=1, max_size=5), max_size=5),
    parameters=st.builds(
        Parameters,
        st.booleans(),
        st.booleans(),
        st.none() | st.integers(9, 15),
        st.none() | st.integers(8, 15),
    ),
    modules=st.tuples(*[st.sampled_from(["zlib", "zlib-ng", "isal"])] * 2),
    size=st.integers(1, 50),
)
def test_fragments_of_one_module_are_inflated_by_any_other(
    messages: list[list[bytes]], parameters: Parameters, modules: tuple[str, str], size: int
) -> None:
    """Each fragment can be inflated at once, however it is cut."""
    pytest.importorskip("isal")
    pytest.importorskip("zlib_ng")
    server = Deflate(Role.SERVER, parameters, module=modules[0])
    client = Deflate(Role.CLIENT, parameters, module=modules[1])
    for sender, receiver in ((server, client), (client, server)):
        for fragments in messages:
            for number, fragment in enumerate(fragments, 1):
                final = number == len(fragments)
                data = sender.deflate(fragment, final)
                out = b"".join(
                    receiver.inflate(data[i : i + size], False, BIG) for i in range(0, len(data), size)
                )
                if final:
                    out += receiver.inflate(b"", True, BIG)
                assert out == fragment


def test_deflate_accepts_any_bytes_like_object(module: str) -> None:
    ours, theirs = pair(module)
    for data in (bytearray(b"abc" * 100), memoryview(b"abc" * 100)):
        assert theirs.inflate(ours.deflate(data), True, 300) == data


@pytest.mark.parametrize("data", [samples.text(5000), b"\x00" * 5000, samples.noise(5000), b"x"])
def test_inflate_returns_at_most_one_byte_over_the_limit(module: str, data: bytes) -> None:
    for limit, chunk in itertools.product((0, 1, len(data) - 1, len(data), len(data) + 1), (1, 7, BIG)):
        ours, theirs = pair(module)
        packed = ours.deflate(data)
        left, out = limit, b""
        for start in range(0, len(packed), chunk):
            piece = packed[start : start + chunk]
            got = theirs.inflate(piece, start + chunk >= len(packed), left)
            assert len(got) <= left + 1
            out += got
            left -= len(got)
            if left < 0:
                break
        assert (left < 0) is (len(data) > limit)
        assert out == data[: limit + 1]


def test_largest_limit_inflates_everything(module: str) -> None:
    ours, theirs = pair(module)
    assert theirs.inflate(ours.deflate(b"\x00" * 10**6), True, 2**63 - 1) == b"\x00" * 10**6


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x06", id="reserved block type"),
        pytest.param(b"\x00\x05\x00\x00\x00Hello", id="length and its complement differ"),
        pytest.param(b"\xff\xff\xff\xff\xff\xff", id="noise"),
        pytest.param(b"\xf2\x00\x11\x00\x00", id="reference before the first byte"),
    ],
)
def test_invalid_deflate_data_fails_with_1007(module: str, data: bytes) -> None:
    for final in (True, False):
        with pytest.raises(ProtocolError, match="not valid deflate data") as caught:
            Deflate(Role.SERVER, module=module).inflate(data, final, 100)
        assert caught.value.close_code == 1007


def test_no_context_takeover_resets_the_context(module: str) -> None:
    resets = Parameters(server_no_context_takeover=True)
    data = samples.text(2000)
    server = Deflate(Role.SERVER, resets, module=module)
    assert server.deflate(data) == server.deflate(data)
    keeps = Deflate(Role.SERVER, module=module)
    first, second = keeps.deflate(data), keeps.deflate(data)
    assert len(second) < len(first) // 4
    client = Deflate(Role.CLIENT, resets, module=module)
    client.inflate(first, True, BIG)
    with pytest.raises(ProtocolError):
        client.inflate(second, True, BIG)


def test_unused_codec_allocates_no_compression_state(module: str) -> None:
    pair(module)
    with traced() as memory:
        objects = [Deflate(Role.SERVER, module=module) for _ in range(1000)]
        assert memory.now() / len(objects) < 300


def test_message_compressed_alone_is_inflated_by_every_peer(module: str) -> None:
    """The same bytes are for every peer, whatever each was sent before."""
    ours = [Deflate(Role.SERVER, module=module) for _ in range(3)]
    theirs = [Deflate(Role.CLIENT, module=module) for _ in range(3)]
    for number, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        for seed in range(number):
            data = samples.text(1000, seed)
            assert other.inflate(mine.deflate(data), True, BIG) == data
    assert len({codec.settings for codec in ours}) == 1
    data = samples.text(1000)
    message = ours[2].deflate_alone(data)
    for mine, other in zip(ours, theirs, strict=True):
        mine.reset()
        assert other.inflate(message, True, BIG) == data
        assert other.inflate(mine.deflate(data), True, BIG) == data


@pytest.mark.parametrize("bits", [9, 12, None])
def test_shared_compressor_does_not_refer_to_earlier_messages(module: str, bits: int | None) -> None:
    """Connections that keep no context share a compressor; each message is for a peer that had no other."""
    resets = Parameters(server_no_context_takeover=True, server_max_window_bits=bits)
    secret = samples.text(2000)
    alone = len(Deflate(Role.SERVER, resets, module=module).deflate(secret))
    for data in (secret, secret, b"", samples.noise(300), secret[:700], samples.text(200_000), secret):
        message = Deflate(Role.SERVER, resets, module=module).deflate(data)
        assert Deflate(Role.CLIENT, resets, module=module).inflate(message, True, BIG) == data
        assert zlib.decompressobj(-(bits or 15)).decompress(message + b"\0\0\xff\xff") == data
        if data is secret:
            assert len(message) == alone


def test_fragments_do_not_use_the_shared_compressor(module: str) -> None:
    """The next fragment refers to this one, whatever is sent in between."""
    resets = Parameters(server_no_context_takeover=True)
    ours, theirs = pair(module, resets)
    other = Deflate(Role.SERVER, resets, module=module)
    text = samples.text(3000)
    out = b""
    for final in (False, False, True):
        out += theirs.inflate(ours.deflate(text, final), final, BIG)
        other.deflate(text)
    assert out == text * 3


def test_settings_are_equal_if_the_compressed_bytes_are() -> None:
    plain = Deflate(Role.SERVER)
    assert plain.settings == Deflate(Role.SERVER, Parameters(client_max_window_bits=9)).settings
    assert plain.settings == Deflate(Role.SERVER, Parameters(server_no_context_takeover=True)).settings
    assert plain.settings != Deflate(Role.SERVER, Parameters(server_max_window_bits=9)).settings
    assert plain.settings != Deflate(Role.SERVER, level=1).settings
    assert plain.settings != Deflate(Role.SERVER, mem_level=1).settings


def test_invalid_role_or_module_raises() -> None:
    with pytest.raises(TypeError, match="role must be a Role, not str"):
        Deflate("server")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not 'brotli'"):
        Deflate(Role.SERVER, module="brotli")


# Several DEFLATE streams in a message: BFINAL set (RFC 7692, 7.2.3.4).


def inflate_streams(module: str, message: bytes, chunk: int) -> bytes:
    codec = Deflate(Role.SERVER, module=module)
    out = [codec.inflate(message[i : i + chunk], False, BIG) for i in range(0, len(message), chunk)]
    out.append(codec.inflate(b"", True, BIG))
    after = samples.text(500)
    assert codec.inflate(Deflate(Role.CLIENT).deflate(after), True, BIG) == after
    return b"".join(out)


@pytest.mark.parametrize("end", [b"", b"\x00"], ids=["bare", "with an empty block"])
@pytest.mark.parametrize("chunk", [1, 2, 3, 64, 1000, BIG])
def test_several_deflate_streams_in_a_message_are_inflated(module: str, chunk: int, end: bytes) -> None:
    parts = [b"", b"a", samples.text(300), b"", samples.noise(3000), samples.text(70_000), b"z"]
    message = b"".join(map(samples.final_stream, parts)) + end
    assert inflate_streams(module, message, chunk) == b"".join(parts)


def test_final_block_completed_by_the_added_tail_is_valid(module: str) -> None:
    """A final block that is empty and uncompressed needs just the four bytes a receiver adds."""
    message = samples.final_stream(b"abc") + b"\x01"
    assert inflate_streams(module, message, BIG) == b"abc"


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_final_block_that_consumes_part_of_the_tail_is_invalid(module: str, missing: int) -> None:
    """The message was cut short: some of the four bytes a receiver adds became its data."""
    block = b"\x01" + missing.to_bytes(2, "little") + (0xFFFF - missing).to_bytes(2, "little")
    codec = Deflate(Role.SERVER, module=module)
    with pytest.raises(ProtocolError, match="not valid deflate data"):
        codec.inflate(block, True, BIG)


@pytest.mark.parametrize("chunk", [2, 1000, BIG])
def test_more_than_max_streams_fails_with_1008(module: str, chunk: int) -> None:
    empty = samples.final_stream(b"")
    assert len(empty) == 2
    assert inflate_streams(module, empty * MAX_STREAMS, chunk) == b""
    with pytest.raises(ProtocolError, match=f"more than {MAX_STREAMS} streams") as caught:
        inflate_streams(module, empty * (MAX_STREAMS + 1), chunk)
    assert caught.value.close_code == 1008


def test_inflate_limit_applies_across_streams(module: str) -> None:
    message = samples.final_stream(b"\x00" * 1000) * 50
    for limit in (0, 999, 1000, 1001, 49_999):
        out = Deflate(Role.SERVER, module=module).inflate(message, True, limit)
        assert out == bytes(limit + 1)
    assert Deflate(Role.SERVER, module=module).inflate(message, True, 50_000) == bytes(50_000)


def test_no_further_stream_is_inflated_at_the_limit(module: str) -> None:
    """To be asked for 0 bytes means to a module that there is no limit."""
    limit = 1000
    bomb = samples.final_stream(bytes(2**24))
    for start in ([limit + 1], [limit, 1], [1, limit]):
        message = b"".join(samples.final_stream(bytes(size)) for size in start) + bomb
        codec = Deflate(Role.SERVER, module=module)
        with traced() as memory:
            assert codec.inflate(message, True, limit) == bytes(limit + 1)
            assert memory.peak() < 2**20


def test_inflating_many_streams_copies_a_linear_amount(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands behind each stream is copied by the inflater: in all, no more than a few times."""
    copied = 0

    class Watched:
        def __init__(self, inflater: object) -> None:
            self.inflater = inflater

        def decompress(self, data: bytes, limit: int) -> bytes:
            nonlocal copied
            out = self.inflater.decompress(data, limit)  # type: ignore[attr-defined]
            copied += len(self.inflater.unused_data)  # type: ignore[attr-defined]
            return out

        def __getattr__(self, name: str) -> object:
            return getattr(self.inflater, name)

    class Module:
        @staticmethod
        def decompressobj(wbits: int) -> Watched:
            return Watched(zlib.decompressobj(wbits=wbits))

    monkeypatch.setattr("wsframe.deflate.codec.inflating_module", lambda *_, kept: (Module, None))
    codec = Deflate(Role.SERVER)
    data = samples.noise(100)
    message = samples.final_stream(data) * MAX_STREAMS
    assert codec.inflate(message, True, BIG) == data * MAX_STREAMS
    assert copied < len(message) * 3

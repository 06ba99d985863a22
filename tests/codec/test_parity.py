"""The same outcome from both twins and every kernel, over random input good and bad, however it is cut.

Results, exception type, close code, text, and the state left behind.
"""

from __future__ import annotations

import array
import base64
import hashlib
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st
from support import frames, strategies as some
from support.feeding import cuttings, feed, verdict
from support.inflating import ZlibInflater
from support.twins import Impl

from wsframe import Opcode, ProtocolError, Role

settings_of_streams = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

ROLES = st.sampled_from(Role)
LIMITS = st.sampled_from([{}, {}, {"max_message": None}, {"max_message": 100}, {"max_fragments": 2}])


def every_feed(decoder: Any, pieces: list[bytes]) -> list[tuple[Any, ...]]:
    """What each call led to, until well after the decoder has stopped."""
    said: list[tuple[Any, ...]] = []
    for piece in pieces:
        try:
            got: Any = decoder.feed(piece)
        except ProtocolError as exc:
            got = verdict(exc)
        state = (verdict(decoder.error), getattr(decoder, "closed", None), decoder.buffered)
        said.append((got, [type(message) for message in got], *state, getattr(decoder, "controls", None)))
    return said


@given(data=st.data(), role=ROLES, options=LIMITS)
@settings_of_streams
def test_message_decoders_agree_on_any_stream(
    impl: Impl, pure: Impl, data: st.DataObject, role: Role, options: dict[str, Any]
) -> None:
    stream = data.draw(some.wild_streams(role))
    expected = feed(pure.MessageDecoder(role, **options), [stream])
    for pieces in (*cuttings(stream, seeds=2), data.draw(some.cuttings_of(stream))):
        assert feed(impl.MessageDecoder(role, **options), pieces) == expected
    pieces = data.draw(some.cuttings_of(stream))
    theirs = every_feed(pure.MessageDecoder(role, **options), pieces)
    assert every_feed(impl.MessageDecoder(role, **options), pieces) == theirs


@given(data=st.data(), role=ROLES)
@settings_of_streams
def test_valid_streams_decode_to_the_known_messages(impl: Impl, data: st.DataObject, role: Role) -> None:
    """Here what must come out is known without any twin."""
    stream = data.draw(some.valid_streams(role))
    for pieces in (*cuttings(stream.data, seeds=2), data.draw(some.cuttings_of(stream.data))):
        got = feed(impl.MessageDecoder(role), pieces)
        assert got.messages == stream.messages
        assert [type(one) for one in got.messages] == [type(one) for one in stream.messages]
        assert (got.error, got.buffered) == (None, 0)


@given(data=st.data(), role=ROLES, options=LIMITS)
@settings_of_streams
def test_message_decoders_agree_on_compressed_streams(
    impl: Impl, pure: Impl, data: st.DataObject, role: Role, options: dict[str, Any]
) -> None:
    """The same reads lead to the same, and the Inflater is asked for the same."""
    stream = data.draw(some.wild_streams(role, st.sampled_from([0, 4, 4, 4, 2])))
    pieces = data.draw(some.cuttings_of(stream))
    ours, theirs = ZlibInflater(), ZlibInflater()
    expected = every_feed(pure.MessageDecoder(role, deflate=theirs, **options), pieces)
    assert every_feed(impl.MessageDecoder(role, deflate=ours, **options), pieces) == expected
    assert ours.asked == theirs.asked


@given(
    data=st.data(),
    role=ROLES,
    options=st.sampled_from([{}, {}, {"max_frame": None}, {"max_frame": 100}, {"rsv": 4}, {"rsv": 7}]),
)
@settings_of_streams
def test_frame_decoders_agree_on_any_stream(
    impl: Impl, pure: Impl, data: st.DataObject, role: Role, options: dict[str, Any]
) -> None:
    stream = data.draw(some.wild_streams(role))
    expected = feed(pure.FrameDecoder(role, **options), [stream])
    for pieces in (*cuttings(stream, seeds=2), data.draw(some.cuttings_of(stream))):
        assert feed(impl.FrameDecoder(role, **options), pieces) == expected
    pieces = data.draw(some.cuttings_of(stream))
    theirs = every_feed(pure.FrameDecoder(role, **options), pieces)
    assert every_feed(impl.FrameDecoder(role, **options), pieces) == theirs


@given(data=st.data(), role=ROLES, limit=st.sampled_from([0, 5, 125, 126, 2**20, 2**63 - 1]))
@settings_of_streams
def test_cut_frames_agrees_on_any_stream(
    impl: Impl, pure: Impl, data: st.DataObject, role: Role, limit: int
) -> None:
    stream = data.draw(some.wild_streams(role))
    start = data.draw(st.integers(0, len(stream)))
    masked = role is Role.SERVER
    expected = pure.cut_frames(stream, start, masked, limit)
    assert impl.cut_frames(stream, start, masked, limit) == expected
    # What was cut off is what a decoder finds, which knows more rules and may stop sooner.
    cut, end = expected
    found = feed(pure.FrameDecoder(role, max_frame=None, rsv=7), [stream[start:end]]).messages
    assert [payload for _, payload in cut[: len(found)]] == [frame.payload for frame in found]


@given(data=st.data(), role=ROLES)
@settings_of_streams
def test_take_functions_agree_on_any_stream(impl: Impl, pure: Impl, data: st.DataObject, role: Role) -> None:
    ours, theirs = bytearray(data.draw(some.wild_streams(role))), bytearray()
    theirs += ours
    masked = role is Role.SERVER
    for name in ("take_message", "take_frame", "take_message", "take_frame"):
        expected = getattr(pure, name)(theirs, masked)
        got = getattr(impl, name)(ours, masked)
        assert (got, type(got), ours) == (expected, type(expected), theirs)


@given(head=st.binary(max_size=16), offset=st.integers(0, 16))
def test_parse_header_agrees_on_any_bytes(impl: Impl, pure: Impl, head: bytes, offset: int) -> None:
    assert outcome_of(impl.parse_header, head, offset) == outcome_of(pure.parse_header, head, offset)


@given(head=st.binary(min_size=14, max_size=14))
def test_parsed_header_is_rebuilt_identically(impl: Impl, head: bytes) -> None:
    try:
        header = impl.parse_header(head)
    except ProtocolError:
        return
    again = impl.build_header(
        header.opcode, header.length, fin=header.fin, rsv=header.rsv, mask_key=header.mask_key
    )
    assert again == head[: header.size]


@given(data=some.payloads(), key=some.KEYS, offset=st.integers(0, 2**65))
def test_mask_and_mask_into_match_the_definition(impl: Impl, data: bytes, key: bytes, offset: int) -> None:
    expected = frames.masked(data, key, offset)
    assert impl.mask(data, key, offset) == expected
    buffer = bytearray(data)
    impl.mask_into(buffer, key, offset)
    assert buffer == expected


@given(
    opcode=st.sampled_from(Opcode),
    payload=st.one_of(some.texts(), some.payloads()),
    fin=st.booleans(),
    rsv=st.integers(0, 7),
    key=st.one_of(st.none(), some.KEYS),
)
def test_encode_frame_matches_the_reference_encoder(
    impl: Impl, opcode: Opcode, payload: str | bytes, fin: bool, rsv: int, key: bytes | None
) -> None:
    data = payload.encode() if isinstance(payload, str) else payload
    if opcode & 8:
        fin = True
        while len(data) > 125:
            payload = payload[: len(payload) // 2]
            data = payload.encode() if isinstance(payload, str) else payload
    expected = frames.frame(opcode, data, fin=fin, rsv=rsv, key=key)
    assert impl.encode_frame(opcode, payload, fin=fin, rsv=rsv, mask_key=key) == expected
    assert (
        impl.build_header(opcode, len(data), fin=fin, rsv=rsv, mask_key=key) == expected[: -len(data) or None]
    )


@given(text=some.texts())
def test_encode_text_matches_the_reference_encoder(impl: Impl, text: str) -> None:
    assert impl.encode_text(text) == frames.frame(frames.TEXT, text.encode())
    masked = impl.encode_text(text, masked=True)
    key = impl.parse_header(masked).mask_key
    assert masked == frames.frame(frames.TEXT, text.encode(), key=key)


@given(data=some.payloads())
def test_encode_binary_matches_the_reference_encoder(impl: Impl, data: bytes) -> None:
    assert impl.encode_binary(data) == frames.frame(frames.BINARY, data)
    masked = impl.encode_binary(data, masked=True)
    key = impl.parse_header(masked).mask_key
    assert masked == frames.frame(frames.BINARY, data, key=key)


@given(key=st.one_of(st.binary(max_size=300), st.text(st.characters(max_codepoint=127), max_size=300)))
def test_accept_key_matches_its_definition(impl: Impl, key: str | bytes) -> None:
    data = key.encode() if isinstance(key, str) else key
    digest = hashlib.sha1(data + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    assert impl.accept_key(key) == base64.b64encode(digest).decode()


def test_new_keys_are_distinct_and_have_16_bytes(impl: Impl) -> None:
    keys = {impl.new_key() for _ in range(50)}
    assert len(keys) == 50
    assert all(len(key) == 24 and len(base64.b64decode(key, validate=True)) == 16 for key in keys)


def outcome_of(function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Any, ...]:
    """A result or an exception, either with its type."""
    try:
        result = function(*args, **kwargs)
    except ProtocolError as exc:
        return (type(exc), verdict(exc))
    except Exception as exc:
        return (type(exc), str(exc))
    return (type(result), result)


NUMBERS = st.one_of(
    st.integers(-3, 20),
    st.integers(),
    st.sampled_from([125, 126, 65535, 65536, 2**31, 2**32, 2**63 - 1, 2**63, 2**64, -(2**63)]),
    st.sampled_from(Opcode),
    st.booleans(),
)


# Made anew for each twin, for some are changed by what they are given to.
ANYTHING: st.SearchStrategy[Callable[[], Any]] = st.one_of(
    NUMBERS.map(lambda value: lambda: value),
    st.one_of(
        st.none(), st.floats(allow_nan=False), st.text(max_size=6), st.sampled_from(["\ud800", "\xe9", ""])
    ).map(lambda value: lambda: value),
    st.binary(max_size=8).map(lambda value: lambda: value),
    some.KEYS.map(lambda value: lambda: value),
    some.KEYS.map(lambda value: lambda: bytearray(value)),
    st.binary(max_size=8).map(lambda value: lambda: bytearray(value)),
    st.binary(max_size=8).map(lambda value: lambda: memoryview(value)),
    st.binary(max_size=8).map(lambda value: lambda: memoryview(bytearray(value))[::2]),
    st.binary(max_size=8).map(lambda value: lambda: memoryview(bytearray(value))[::-1]),
    st.binary(min_size=4, max_size=4).map(lambda value: lambda: memoryview(value).cast("B", (2, 2))),
    st.lists(st.integers(0, 2**16 - 1), max_size=3).map(lambda value: lambda: array.array("H", value)),
    st.sampled_from([list, dict, object, lambda: Role.SERVER, lambda: Role.CLIENT, lambda: Opcode]),
)


def make_all(makers: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    return {name: make() for name, make in makers.items()}


def some_of(
    **makers: st.SearchStrategy[Callable[[], Any]],
) -> st.SearchStrategy[dict[str, Callable[[], Any]]]:
    """Arguments by name, any of them left out."""
    return st.fixed_dictionaries({}, optional=makers)


CALLS: dict[str, st.SearchStrategy[dict[str, Callable[[], Any]]]] = {
    "mask": some_of(data=ANYTHING, key=ANYTHING, offset=ANYTHING),
    "mask_into": some_of(buffer=ANYTHING, key=ANYTHING, offset=ANYTHING),
    "parse_header": some_of(buffer=ANYTHING, offset=ANYTHING),
    "build_header": some_of(
        opcode=ANYTHING,
        length=ANYTHING,
        fin=st.booleans().map(lambda value: lambda: value),
        rsv=ANYTHING,
        mask_key=ANYTHING,
    ),
    "encode_frame": some_of(
        opcode=ANYTHING,
        payload=ANYTHING,
        fin=st.booleans().map(lambda value: lambda: value),
        rsv=ANYTHING,
        mask_key=ANYTHING,
    ),
    "encode_text": some_of(text=ANYTHING),
    "encode_binary": some_of(data=ANYTHING),
    "accept_key": some_of(key=ANYTHING),
}
REQUIRED = {
    "mask": {"data", "key"},
    "mask_into": {"buffer", "key"},
    "parse_header": {"buffer"},
    "build_header": {"opcode", "length"},
    "encode_frame": {"opcode", "payload"},
    "encode_text": {"text"},
    "encode_binary": {"data"},
    "accept_key": {"key"},
}


@given(data=st.data(), name=st.sampled_from(sorted(CALLS)))
@settings(max_examples=settings.default.max_examples * 4)
def test_functions_agree_on_any_arguments(impl: Impl, pure: Impl, data: st.DataObject, name: str) -> None:
    makers = data.draw(CALLS[name])
    ours, theirs = make_all(makers), make_all(makers)
    got = outcome_of(getattr(impl, name), **ours)
    expected = outcome_of(getattr(pure, name), **theirs)
    if makers.keys() >= REQUIRED[name]:
        assert got == expected
        assert changed(ours) == changed(theirs)
    else:
        assert got[0] is expected[0] is TypeError  # each in the words of its language


def changed(arguments: dict[str, Any]) -> list[bytes]:
    buffers = (
        value for value in arguments.values() if isinstance(value, bytearray | array.array | memoryview)
    )
    return [bytes(buffer) for buffer in buffers]


@given(data=st.data())
@settings(max_examples=settings.default.max_examples * 2)
def test_decoders_agree_on_any_options(impl: Impl, pure: Impl, data: st.DataObject) -> None:
    role = data.draw(st.one_of(st.just(lambda: Role.CLIENT), ANYTHING))()
    name = data.draw(st.sampled_from(["FrameDecoder", "MessageDecoder"]))
    names = ("max_frame", "rsv") if name == "FrameDecoder" else ("max_message", "max_fragments")
    options = make_all(data.draw(some_of(**dict.fromkeys(names, ANYTHING))))
    got = outcome_of(getattr(impl, name), role, **options)
    expected = outcome_of(getattr(pure, name), role, **options)
    assert got[0].__name__ == expected[0].__name__
    if issubclass(got[0], Exception):
        assert got == expected


@given(data=st.data())
def test_decoders_agree_on_any_input(impl: Impl, pure: Impl, data: st.DataObject) -> None:
    """Bad arguments leave a decoder as it was, so what comes between them counts."""
    makers = data.draw(st.lists(st.one_of(ANYTHING, st.just(lambda: b"\x81\x01a")), max_size=5))
    for name in ("FrameDecoder", "MessageDecoder"):
        ours, theirs = getattr(impl, name)(Role.CLIENT), getattr(pure, name)(Role.CLIENT)
        for make in makers:
            assert outcome_of(ours.feed, make()) == outcome_of(theirs.feed, make())
            assert verdict(ours.error) == verdict(theirs.error)
            assert ours.buffered == theirs.buffered

"""The same bytes to both twins, and to every kernel: whatever they do, they must do alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from support import twins
from support.feeding import cut_at_random, feed, verdict

from wsframe import ProtocolError, Role

# The first byte of an input says which decoder to make; the second seeds how the rest is cut.
SERVER, MESSAGES, DEFLATE, SMALL, FEW = 1, 2, 4, 8, 16


class Identity:
    """A deflate object that compresses nothing, and chokes on two bytes in two ways."""

    def inflate(self, data: bytes, final: bool, max_length: int) -> bytes:
        data = data[: max_length + 1]
        for byte in data:
            if byte == 0x15:
                raise ValueError("not compressed")
            if byte == 0x16:
                raise ProtocolError(1007, "not compressed")
        return data


def make(impl: twins.Impl, options: int) -> Any:
    role = Role.SERVER if options & SERVER else Role.CLIENT
    size = 100 if options & SMALL else 70_000
    if not options & MESSAGES:
        return impl.FrameDecoder(role, max_frame=size, rsv=4 if options & DEFLATE else 0)
    return impl.MessageDecoder(
        role,
        max_message=size,
        max_fragments=3 if options & FEW else None,
        deflate=Identity() if options & DEFLATE else None,
    )


def outcome(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What a call returned, or how it failed."""
    try:
        return function(*args, **kwargs)
    except ProtocolError as exc:
        return verdict(exc)
    except (TypeError, ValueError) as exc:
        return type(exc), str(exc)


def taken(take: Callable[..., Any], stream: bytes, masked: bool) -> tuple[list[Any], bytes]:
    """What comes off the front of a buffer, and what stays."""
    buffer = bytearray(stream)
    out = []
    while (one := take(buffer, masked)) is not None:
        out.append(one)
    return out, bytes(buffer)


def story(impl: twins.Impl, options: int, seed: int, stream: bytes) -> list[Any]:
    """All that one twin has to say about a stream."""
    masked = bool(options & SERVER)
    cut = feed(make(impl, options), cut_at_random(stream, seed))
    results = [
        cut,
        outcome(impl.parse_header, stream, seed % (len(stream) + 1)),
        outcome(impl.cut_frames, stream, 0, masked, 70_000),
        taken(impl.take_frame, stream, masked),
        taken(impl.take_message, stream, masked),
        impl.mask(stream, b"\x01\x80\xff\x7f", seed),
        outcome(impl.encode_frame, options >> 4, stream[:200], fin=bool(options & 1), rsv=options & 7),
    ]
    for message in cut.messages:
        if isinstance(message, str):
            results.append(impl.encode_text(message))
    return results


def check(data: bytes) -> None:
    """Fail when two twins tell different stories."""
    options, seed, stream = data[0] if data else 0, data[1] if len(data) > 1 else 0, data[2:]
    expected = story(twins.PURE, options, seed, stream)
    whole = feed(make(twins.PURE, options), [stream])
    assert whole[:3] == expected[0][:3], f"one read {whole}, many reads {expected[0]}"
    for name in twins.NAMES[1:]:
        with twins.running(name) as impl:
            found = story(impl, options, seed, stream)
            assert found == expected, f"{name} {found}, py {expected}"
            again = feed(make(impl, options), [stream])
            assert again == whole, f"{name} {again}, py {whole}"

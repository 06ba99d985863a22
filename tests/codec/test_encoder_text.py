"""Texts of every storage width, encoded: held against `str.encode`."""

from __future__ import annotations

import random

import pytest
from support.twins import Impl

from wsframe import Opcode

# Characters at the edges of each length in UTF-8, in texts of each width of storage.
ALPHABETS = {
    "latin-1": "ax\x7f\x80\xe9\xff",
    "cyrillic": " .\x7f\x80\u0100\u0416\u07ff",
    "ucs-2": "a\x7f\x80\u07ff\u0800\u4e2d\ud7ff\ue000\uffff",
    "ucs-4": "a\x7f\x80\u07ff\u0800\uffff\U00010000\U0001f60a\U0010ffff",
}
LENGTHS = [*range(140), 191, 192, 193, 255, 256, 300, 4095, 4096, 4097, 8200, 65535, 65536, 70001]


def texts(alphabet: str, length: int) -> list[str]:
    """Random runs, so that a vector holds one kind of character or several; every character at once."""
    chance = random.Random(f"{alphabet}{length}")
    runs = ""
    while len(runs) < length:
        runs += "".join(chance.choices(chance.choices(alphabet, k=2), k=chance.choice([1, 3, 10, 50])))
    return [runs[:length], "".join(chance.choices(alphabet, k=length)), alphabet[-1] * length]


def payload(impl: Impl, frame: bytes) -> bytes:
    """What the frame of a text carries, unmasked."""
    header = impl.parse_header(frame)
    assert (header.fin, header.rsv, header.opcode) == (True, 0, Opcode.TEXT)
    assert len(frame) == header.size + header.length
    data = frame[header.size :]
    return data if header.mask_key is None else impl.mask(data, header.mask_key)


@pytest.mark.parametrize("name", ALPHABETS)
def test_texts(impl: Impl, name: str) -> None:
    for length in LENGTHS:
        for text in texts(ALPHABETS[name], length):
            expected = text.encode()
            assert payload(impl, impl.encode_text(text)) == expected
            assert payload(impl, impl.encode_text(text, masked=True)) == expected
            assert payload(impl, impl.encode_frame(Opcode.TEXT, text)) == expected


def test_every_code_point(impl: Impl) -> None:
    """Each in the company of its neighbours."""
    for start in [
        *range(0, 0xD800, 0x100),
        *range(0xE000, 0x11000, 0x100),
        *range(0x11000, 0x110000, 0x1000),
    ]:
        text = "".join(map(chr, range(start, start + (0x100 if start < 0x11000 else 0x1000))))
        for part in (text, text[:60], text[-17:]):
            assert payload(impl, impl.encode_text(part, masked=True)) == part.encode()


@pytest.mark.parametrize("masked", [False, True], ids=["unmasked", "masked"])
@pytest.mark.parametrize("name", ["ucs-2", "ucs-4"])
def test_surrogates_at_every_place(impl: Impl, name: str, masked: bool) -> None:
    for length in (1, 7, 16, 33, 64, 65, 100, 5000):
        for text in texts(ALPHABETS[name], length):
            for at in {0, length // 2, length - 1, *range(0, length, 1 + length // 80)}:
                broken = text[:at] + random.choice("\ud800\udbff\udc00\udfff") + text[at + 1 :]
                with pytest.raises(UnicodeEncodeError) as expected:
                    broken.encode()
                with pytest.raises(UnicodeEncodeError) as raised:
                    impl.encode_text(broken, masked=masked)
                assert raised.value.args == expected.value.args

"""Fragments: turned into text or bytes."""

from __future__ import annotations

from typing import Any

import pytest

from wsframe.connection import FragmentsAs


def converted(fragments: list[Any], text: bool) -> list[Any]:
    kind = FragmentsAs(text)
    out = [kind.convert(fragment) for fragment in fragments]
    kind.end()
    return out


@pytest.mark.parametrize("cut", range(9))
def test_text_may_be_cut_anywhere(cut: int) -> None:
    data = "a€😊é".encode()
    assert "".join(converted([data[:cut], data[cut:]], True)) == "a€😊é"


def test_str_becomes_bytes_and_stays_str() -> None:
    assert converted(["é", b"x"], False) == ["é".encode(), b"x"]
    assert converted(["é", bytearray(b"x")], True) == ["é", "x"]


@pytest.mark.parametrize("fragments", [[b"\xe2"], [b"\xff"], [b"\xe2", "a"], [b"\xe2", b"a"]])
def test_bytes_that_are_no_text_are_an_error(fragments: list[Any]) -> None:
    with pytest.raises(UnicodeDecodeError):
        converted(fragments, True)

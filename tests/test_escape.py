"""Text of a peer in exceptions and logs: on one line, without commands to a terminal, in reading order."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from wsframe import Close
from wsframe._escape import escape
from wsframe._http.errors import excerpt
from wsframe.connection import ConnectionClosedError
from wsframe.handshake import InvalidStatus, Request, Response, parse_uri


@pytest.mark.parametrize("text", ["", "bye", "日本 😀", "schön", 'it\'s "so"'])
def test_printable_text_is_shown_as_it_is(text: str) -> None:
    assert escape(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\nb", r"a\r\nb"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\x9b31m", r"\x9b31m"),
        ("\x00\x07\x7f", r"\x00\x07\x7f"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\u2066\u2069\u200f", r"\u2066\u2069\u200f"),
        ("\u2028\u2029\x85", r"\u2028\u2029\x85"),
        ("\ud800", r"\ud800"),
        ("\U000e0001", r"\U000e0001"),
        (r"\n", r"\\n"),
    ],
)
def test_unprintable_text_is_escaped(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_no_control_or_format_character_gets_through() -> None:
    for number in range(sys.maxunicode + 1):
        if unicodedata.category(chr(number)) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
            assert escape(chr(number)).isascii()
            assert escape(chr(number)).isprintable()


NASTY = "a\r\nERROR: \x1b[2J\u202eb\x9b"


def test_close_reasons_are_escaped_in_exceptions() -> None:
    error = ConnectionClosedError(Close(4000, NASTY), Close(4001, NASTY))
    assert str(error).isprintable()
    assert error.reason == NASTY  # as it came
    assert str(error).count(escape(NASTY)) == 2


def test_requests_and_responses_are_escaped_in_repr() -> None:
    for shown in (
        repr(Request("/" + NASTY, method="GET\x1b")),
        repr(Response(404, reason_phrase=NASTY)),
        repr(Response(404, headers=[("X", NASTY)]).headers),
        str(InvalidStatus(Response(404, headers=[("Location", NASTY)], reason_phrase=NASTY))),
        excerpt(NASTY),
        excerpt(NASTY.encode("utf-8")),
    ):
        assert shown.isprintable()


def test_redirect_location_is_escaped_in_the_error() -> None:
    location = InvalidStatus(Response(302, headers=[("Location", f"ws://{NASTY}/")])).location
    assert location is not None
    with pytest.raises(ValueError, match="uri must not contain spaces or control characters") as caught:
        parse_uri(location)
    assert str(caught.value).isprintable()

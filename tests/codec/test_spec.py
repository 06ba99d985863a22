"""The vocabulary (`_spec`, `_errors`): control messages, frames, errors and constants."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import pytest

from wsframe import Close, CloseCode, Frame, Header, Opcode, Ping, Pong, ProtocolError, _errors, _spec

CONTROLS = [
    Ping(),
    Ping(b"a"),
    Pong(),
    Pong(b"a"),
    Close(),
    Close(1000),
    Close(1000, "bye"),
    Close(1001, "bye"),
]


@pytest.mark.parametrize("one", CONTROLS, ids=repr)
def test_control_messages_compare_and_hash_by_value(one: Any) -> None:
    """Equal by type and content, to no other, and found in sets."""
    for other in CONTROLS:
        again = copy.copy(other)
        assert (one == again) is (one is other)
        assert (one != again) is (one is not other)
        if one is other:
            assert hash(one) == hash(again)
    assert len({*CONTROLS, *map(copy.copy, CONTROLS)}) == len(CONTROLS)
    assert pickle.loads(pickle.dumps(one)) == one
    for stranger in (None, b"a", "a", 1000, (1000, "bye")):
        assert one != stranger


def test_control_messages_have_a_readable_repr() -> None:
    assert repr(Ping(b"a")) == "Ping(data=b'a')"
    assert repr(Pong()) == "Pong(data=b'')"
    assert repr(Close(1000, "bye")) == "Close(code=1000, reason='bye')"
    assert repr(Close()).startswith("Close(code=")
    with pytest.raises(AttributeError):
        Ping().reason = "?"  # type: ignore[attr-defined]


def test_messages_support_match_statements() -> None:
    def kind(event: Any) -> Any:
        match event:
            case str():
                return "text"
            case bytes():
                return "binary"
            case Ping(data):
                return ("ping", data)
            case Pong(data=data):
                return ("pong", data)
            case Close(code, reason):
                return (code, reason)

    events = ["a", b"a", Ping(b"b"), Pong(b"c"), Close(1000, "d"), Close()]
    said = ["text", "binary", ("ping", b"b"), ("pong", b"c"), (1000, "d"), (1005, "")]
    assert list(map(kind, events)) == said


def test_frames_and_headers_are_tuples() -> None:
    assert Frame(Opcode.TEXT, b"a") == (Opcode.TEXT, b"a", True, 0)
    opcode, payload, *_ = Frame(Opcode.PING, b"b", True, 0)
    assert (opcode, payload) == (9, b"b")
    header = Header(True, 0, Opcode.TEXT, None, 5, 2)
    assert header._fields == ("fin", "rsv", "opcode", "mask_key", "length", "size")


def test_opcodes_and_close_codes_match_the_iana_registry() -> None:
    """RFC 6455, 11.7 and 11.8, with what IANA registered since."""
    assert {one.name: int(one) for one in Opcode} == {
        "CONTINUATION": 0,
        "TEXT": 1,
        "BINARY": 2,
        "CLOSE": 8,
        "PING": 9,
        "PONG": 10,
    }
    assert [int(code) for code in CloseCode] == [*range(1000, 1004), *range(1005, 1016)]
    assert _spec.GUID == b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def test_protocol_error_has_code_and_reason_and_can_be_pickled() -> None:
    error = ProtocolError(1007, "not text")
    assert (error.close_code, error.reason, str(error)) == (CloseCode.INVALID_DATA, "not text", "not text")
    assert type(error.close_code) is CloseCode
    again = pickle.loads(pickle.dumps(error))
    assert (again.close_code, again.reason) == (error.close_code, error.reason)
    with pytest.raises(ValueError, match="9999"):
        ProtocolError(9999, "no such code")


NUMBERS = {"limit": 2**63 - 1, "code": 65535, "opcode": 15, "low": 0, "high": 2**63 - 1, "size": 2**31}


def made() -> list[tuple[str, Exception]]:
    """One of each error there is."""
    errors = []
    for name, make in vars(_errors).items():
        if not inspect.isfunction(make) or name.startswith("_") or make.__module__ != _errors.__name__:
            continue
        values = {"name": "data", "value": None, "reason": "is short", "excess": 0, "unknown": (), **NUMBERS}
        errors.append((name, make(*(values[parameter] for parameter in inspect.signature(make).parameters))))
    return errors


@pytest.mark.parametrize(("name", "error"), made(), ids=[name for name, _ in made()])
def test_error_texts_follow_the_conventions(name: str, error: Exception) -> None:
    """Short, no full stop, in lower case where they speak of the peer; those fit a Close frame."""
    text = str(error)
    assert text
    assert text == text.strip().rstrip(".!")
    if isinstance(error, ProtocolError):
        assert text == text.lower()
        assert len(text.encode()) <= 123
        assert _spec.may_be_sent(error.close_code)
        assert getattr(_errors, name).__doc__, "says which rule"


def test_error_constructors_are_in_one_module() -> None:
    assert len(made()) >= 30
    assert sum(isinstance(error, ProtocolError) for _, error in made()) >= 18

"""Close codes are members of CloseCode where they are known, and read as numbers everywhere."""

from __future__ import annotations

import json
import pickle

import pytest

from wsframe import Close, CloseCode, Role
from wsframe.connection import SansIOConnection


def test_a_known_code_is_a_member() -> None:
    close = Close(1001, "bye")
    assert close.code is CloseCode.GOING_AWAY
    assert close == Close(CloseCode.GOING_AWAY, "bye")
    assert hash(close) == hash(Close(CloseCode.GOING_AWAY, "bye"))
    assert pickle.loads(pickle.dumps(close)).code is CloseCode.GOING_AWAY
    assert repr(close) == "Close(code=1001, reason='bye')"
    assert (str(close.code), f"{close.code}", json.dumps(close.code)) == ("1001", "1001", "1001")


@pytest.mark.parametrize("code", [3000, 4999, 999])
def test_another_code_is_a_number(code: int) -> None:
    assert type(Close(code).code) is int
    assert repr(Close(code)) == f"Close(code={code}, reason='')"


def test_close_frames_of_a_peer_have_members(impl) -> None:
    (close,) = impl.MessageDecoder(Role.CLIENT).feed(b"\x88\x02\x03\xe9")
    assert close.code is CloseCode.GOING_AWAY
    (close,) = impl.MessageDecoder(Role.CLIENT).feed(b"\x88\x00")
    assert close.code is CloseCode.NO_STATUS_RCVD


def test_connection_closed_has_members() -> None:
    connection = SansIOConnection(Role.SERVER)
    connection.close(1000)
    error = connection.closed_error()
    assert error.sent is not None
    assert error.sent.code is CloseCode.NORMAL_CLOSURE

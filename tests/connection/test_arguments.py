"""Argument types of `close` and `send`: anything else raises TypeError."""

from __future__ import annotations

from typing import Any

import pytest

from wsframe import Role
from wsframe.connection import SansIOConnection, State
from wsframe.deflate import Deflate


@pytest.mark.parametrize("code", ["1000", 1000.0, None, True, b"1000"])
def test_close_code_of_a_wrong_type_raises_type_error(code: Any) -> None:
    connection = SansIOConnection(Role.SERVER)
    with pytest.raises(TypeError, match="close code must be int, not "):
        connection.close(code)
    assert connection.state is State.OPEN


@pytest.mark.parametrize("reason", [None, b"x", 5, ["x"]])
def test_close_reason_of_a_wrong_type_raises_type_error(reason: Any) -> None:
    connection = SansIOConnection(Role.SERVER)
    with pytest.raises(TypeError, match="close reason must be str, not "):
        connection.close(1000, reason)
    assert connection.state is State.OPEN


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("message", [5, None, 1.5, ["a"], {}])
def test_message_of_a_wrong_type_raises_with_and_without_compression(compressed: bool, message: Any) -> None:
    connection = SansIOConnection(Role.SERVER, deflate=Deflate(Role.SERVER) if compressed else None)
    with pytest.raises(TypeError, match=f"^data must be a bytes-like object, not {type(message).__name__}$"):
        connection.send(message)

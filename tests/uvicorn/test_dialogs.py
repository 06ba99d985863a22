"""An application, a client and the log see with our class what they see with the one it replaces."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pytest
from dialog import Client, Side, close, play, text
from dialogs import CASES, play_all
from differences import DIFFERENT, ERRORS, REFUSED, comparable, different

from wsframe.uvicorn import WebSocketProtocol

# Whichever test comes first in a process plays the dialogs, and uvicorn warns of its older classes.
pytestmark = pytest.mark.filterwarnings("ignore")


@cache
def stories(ws: str, ours: bool) -> dict[str, dict[str, Any]]:
    """Play all dialogs."""
    return play_all(ws, WebSocketProtocol if ours else None, CASES)


def release(package: str) -> tuple[int, ...]:
    with suppress(PackageNotFoundError):
        return tuple(map(int, re.findall(r"\d+", version(package))[:2]))
    return ()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("ws", DIFFERENT)
def test_dialog_matches_the_uvicorn_class_it_replaces(ws: str, case: str) -> None:
    pytest.importorskip("wsproto" if ws == "wsproto" else "websockets")
    ours = stories(ws, True)[case]
    assert ours["left"] == 0
    assert ours["ends"]
    if case in REFUSED:
        assert ours["application"] is None
    elif case not in different(ws, *map(release, ("uvicorn", "websockets", "wsproto"))):
        assert comparable(ours, ws) == comparable(stories(ws, False)[case], ws)


# Where they differ: what ours does, whatever it replaces.


def played(case: str, ws: str = "websockets-sansio") -> dict[str, Any]:
    return stories(ws, True)[case]


@pytest.mark.parametrize("case", REFUSED)
def test_invalid_request_is_refused_and_logged(case: str) -> None:
    status = "426 Upgrade Required" if case == "version 12" else "400 Bad Request"
    story = played(case)
    assert story["client"][0][0] == f"HTTP/1.1 {status}"
    assert story["log"] == [f"INFO connection rejected ({status})"]


@pytest.mark.parametrize("case", sorted(case for case in ERRORS if case.startswith("closes")))
def test_invalid_close_raises_and_sends_nothing(case: str) -> None:
    story = played(case)
    assert story["application"][2:5] == [["raises", "close", "ValueError"], "waits", ["ok", "send"]]
    assert story["client"][1:3] == [[129, "x"], ["close", 1000, ""]]


def test_local_close_codes_are_sent_as_1000_in_place_of_wsproto() -> None:
    pytest.importorskip("wsproto")
    story = played("closes with 1006", "wsproto")
    assert story["client"][1] == ["close", 1000, ""]
    assert story["application"][3] == {"code": 1006, "reason": "", "type": "websocket.disconnect"}


@pytest.mark.parametrize("ws", DIFFERENT)
def test_all_messages_before_a_close_get_replies(ws: str) -> None:
    story = played("backlog and close at once", ws)
    assert story["client"][1:-1] == [[129, str(n)] for n in range(300)] + [["close", 1000, ""]]


@pytest.mark.parametrize("ws", DIFFERENT)
def test_receive_after_the_end_repeats_the_disconnect(ws: str) -> None:
    first, *more = played("receives after the end", ws)["application"][2:]
    assert first == {"code": 1000, "reason": "", "type": "websocket.disconnect"}
    assert more == [{"code": 1005, "type": "websocket.disconnect"}] * 2


@pytest.mark.parametrize("ws", ["websockets-sansio", "wsproto"])
def test_a_close_waits_for_the_application_in_place_of_a_class_that_pauses_reading(ws: str) -> None:
    story = played("close before the application starts to receive", ws)
    assert story["client"][1:3] == [[129, "a"], ["close", 1000, ""]]
    assert story["application"][2:4] == [{"text": "a", "type": "websocket.receive"}, ["ok", "send"]]


def test_a_close_does_not_wait_longer_than_the_keepalive() -> None:
    async def app(side: Side) -> None:
        await side.accept()
        await side.wait()
        for _ in range(2):
            await side.receive()

    def converse(client: Client, side: Side) -> None:
        client.head()
        client.send(text("a") + close())
        client.frames()  # the application has not received anything
        side.go.set()

    settings = {"ws_ping_interval": 0.1, "ws_ping_timeout": 0.1}
    story = play((app, converse, settings), "websockets-sansio", WebSocketProtocol)
    assert story["client"][1:] == [["close", 1000, ""], "eof"]
    assert [event["type"] for event in story["application"][2:]] == [
        "websocket.receive",
        "websocket.disconnect",
    ]


def test_receive_after_its_own_close_does_not_wait_in_place_of_the_legacy_class() -> None:
    async def app(side: Side) -> None:
        await side.accept()
        await side.send("close", code=4001)
        for _ in range(3):
            await side.receive()
        side.go.set()

    def converse(client: Client, side: Side) -> None:
        client.head()
        side.go.wait(10)  # the Close of the application gets no reply before
        client.send(close(4001))

    story = play((app, converse, {}), "websockets", WebSocketProtocol)
    assert story["application"][3:] == [{"code": 1005, "type": "websocket.disconnect"}] * 3


def test_accept_and_send_raise_when_the_peer_is_lost() -> None:
    story = played("lost before accept")
    end = {"code": 1006, "type": "websocket.disconnect"}
    raised = [["raises", kind, "ClientDisconnected"] for kind in ("accept", "send")]
    assert story["application"] == [{"type": "websocket.connect"}, end, *raised, end]


def test_wrong_types_are_type_errors_in_place_of_the_sansio_class() -> None:
    story = played("wrong types")
    assert story["application"][2:-1] == [["raises", "send", "TypeError"]] * 6 + [["ok", "send"]] * 2
    assert story["client"][1:3] == [[130, "binary"], [130, "last"]]


def test_incomplete_denial_is_sent_when_the_application_returns() -> None:
    story = played("denied with an incomplete response")
    assert story["client"][0][0] == "HTTP/1.1 401 Unauthorized"
    assert story["client"][1] == ["body", "no"]

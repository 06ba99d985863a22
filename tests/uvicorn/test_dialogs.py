"""An application, a client and the log see with our class what they see with the one it replaces."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest
from dialogs import CASES, play_all

from wsframe.uvicorn import WebSocketProtocol

# What differs, by the words of docs/drop-in.md.  Everything else is equal: the scope, the events, what `send`
# raises, the response, the frames, the log and what is left behind.

# Refusals where uvicorn's classes let pass what RFC 6455 forbids, or refuse with another status.
REFUSED = {
    "no host": "4.2.1: a request has a Host",
    "two keys": "11.3.1: the key comes once",
    "malformed extensions": "9.1: a list follows its grammar",
    "version 12": "4.4: 426 and the version we speak",
}
# A `close` or a header that breaks a rule is a ValueError, and the application may go on.
ERRORS = {
    "closes with 1005",
    "closes with 1006",
    "closes with 999",
    "closes with a long reason",
    "a broken header of the application",
    "subprotocol not offered",
}
# Messages before a Close, or before a violation, are answered first.
ANSWERED = {"message and close at once", "backlog and close at once", "message before a violation"}
# The response of the application is sent as it is, also by half.
DENIALS = {"denied with a response", "denied plainly", "denied by half", "denied wrongly"}
# `receive` behind the end tells it again; of websockets.legacy `accept` is silent about a peer that is gone.
BEHIND_THE_END = {"receives after the end", "lost before accept"}
# A message of the wrong kind is a RuntimeError, also when the peer has closed.
WRONG = {"odd sends", "sends before accept"}
# Header fields that are not ASCII: websockets.legacy cannot read them, and writes them as UTF-8.
LATIN = {"headers of the client", "headers of the application"}
# websockets.legacy accepts although its application has failed.
FAILED = {"raises before accept", "returns before accept"}
# wsproto's class ends the stream without a Close (RFC 6455, 7.1.7, wants one).
VIOLATIONS = {
    "bad utf-8",
    "reserved bit",
    "unmasked",
    "continuation of nothing",
    "reserved opcode",
    "long ping",
    "bad close code",
    "short close",
}

DIFFERENT = {
    "websockets": ERRORS | ANSWERED | DENIALS | {"lost before accept"} | WRONG | LATIN | FAILED,
    "websockets-sansio": ERRORS - {"subprotocol not offered"}
    | ANSWERED
    | BEHIND_THE_END
    | WRONG
    | {"denied by half", "denied wrongly"},
    "wsproto": VIOLATIONS | ERRORS | ANSWERED | BEHIND_THE_END | WRONG | DENIALS,
}


def comparable(story: dict[str, Any], ws: str) -> dict[str, Any]:
    """Leave out what is said in other words, or at another moment."""
    text = json.dumps({key: story[key] for key in ("application", "client")})
    # Reasons of violations, and the bodies of refusals.
    text = re.sub(r'("code": 10\d\d, "reason": |\["close", 10\d\d, )"[^"]*"', r'\1""', text)
    text = re.sub(r'\["body", .*?"\]|"content-length: \d+", ', "", text)
    # Where the peer is not waited for, the connection is lost before or after the application sends.
    text = re.sub(r'\["raises", "(send|close)", "(RuntimeError|ClientDisconnected)"\]', "[late]", text)
    # Refusals of our own tell the kind of their body.
    text = text.replace(', "content-type: text/plain; charset=utf-8"', "").replace(
        ', "content-type: text/plain"', ""
    )
    scope = story["scope"]
    if ws == "wsproto":
        # A status comes without words and Connection: close, and it has another word for Upgrade.
        text = re.sub(r'"HTTP/1.1 101[^"]*"', "101", text).replace("upgrade: WebSocket", "upgrade: websocket")
        text = re.sub(r'\["HTTP/1.1 ([4-5]\d\d)[^]]*\]', r"\1", text)
        # It takes some header fields out of the scope.
        scope = dict(scope or {}, headers=None)
    lines = [line for line in story["log"] if "Invalid UTF-8" not in line]
    if ws == "websockets":  # its lines come from two tasks
        lines.sort()
    return {"scope": scope, "text": text, "log": lines, "left": story["left"], "ends": story["ends"]}


@cache
def stories(ws: str, ours: bool) -> dict[str, dict[str, Any]]:
    """Play all dialogs."""
    return play_all(ws, WebSocketProtocol if ours else None, CASES)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("ws", DIFFERENT)
@pytest.mark.filterwarnings("ignore")
def test_the_same_as_the_class_it_replaces(ws: str, case: str) -> None:
    pytest.importorskip("wsproto" if ws == "wsproto" else "websockets")
    ours = stories(ws, True)[case]
    assert ours["left"] == 0
    assert ours["ends"]
    if case in REFUSED:
        assert ours["application"] is None
    elif case not in DIFFERENT[ws]:
        assert comparable(ours, ws) == comparable(stories(ws, False)[case], ws)


# Where they differ: what ours does, whatever it replaces.


def played(case: str, ws: str = "websockets-sansio") -> dict[str, Any]:
    return stories(ws, True)[case]


@pytest.mark.parametrize("case", REFUSED)
def test_a_request_that_breaks_a_rule_is_refused(case: str) -> None:
    status = "426 Upgrade Required" if case == "version 12" else "400 Bad Request"
    story = played(case)
    assert story["client"][0][0] == f"HTTP/1.1 {status}"
    assert story["log"] == [f"INFO connection rejected ({status})"]


@pytest.mark.parametrize("case", [case for case in ERRORS if case.startswith("closes")])
def test_a_close_that_must_not_be_sent_is_an_error_and_nothing_is_sent(case: str) -> None:
    story = played(case)
    assert story["application"][2:5] == [["raises", "close", "ValueError"], "waits", ["ok", "send"]]
    assert story["client"][1:3] == [[129, "x"], ["close", 1000, ""]]


def test_in_the_place_of_wsproto_local_codes_leave_as_1000() -> None:
    pytest.importorskip("wsproto")
    story = played("closes with 1006", "wsproto")
    assert story["client"][1] == ["close", 1000, ""]
    assert story["application"][3] == {"code": 1006, "reason": "", "type": "websocket.disconnect"}


@pytest.mark.parametrize("ws", DIFFERENT)
def test_all_messages_before_a_close_are_answered(ws: str) -> None:
    story = played("backlog and close at once", ws)
    assert story["client"][1:-1] == [[129, str(n)] for n in range(300)] + [["close", 1000, ""]]


@pytest.mark.parametrize("ws", DIFFERENT)
def test_receive_tells_the_end_again(ws: str) -> None:
    first, *more = played("receives after the end", ws)["application"][2:]
    assert first == {"code": 1000, "reason": "", "type": "websocket.disconnect"}
    assert more == [{"code": 1005, "type": "websocket.disconnect"}] * 2


def test_a_peer_lost_before_accept() -> None:
    story = played("lost before accept")
    end = {"code": 1006, "type": "websocket.disconnect"}
    raised = [["raises", kind, "ClientDisconnected"] for kind in ("accept", "send")]
    assert story["application"] == [{"type": "websocket.connect"}, end, *raised, end]


def test_half_a_denial_is_sent_when_the_application_returns() -> None:
    story = played("denied by half")
    assert story["client"][0][0] == "HTTP/1.1 401 Unauthorized"
    assert story["client"][1] == ["body", "no"]

"""How our class differs from those of uvicorn, as docs/how-to/uvicorn.md tells it, and how to compare."""

from __future__ import annotations

import json
import re
from typing import Any

# What differs, by the words of docs/how-to/uvicorn.md.  Everything else is equal: the scope, the events,
# what `send` raises, the response, the frames and the log.  Ours never leaves a connection behind; the legacy
# class before 0.39 does where the application returns first.

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
# Messages before a Close, or before a violation, get their replies first.
REPLIED = {
    "message and close at once",
    "backlog and close at once",
    "close before the application starts to receive",
    "message before a violation",
}
# The response of the application is sent as it is, also incomplete.
DENIALS = {
    "denied with a response in two parts",
    "denied with a complete response",
    "denied with an incomplete response",
    "denied wrongly",
}
# `receive` behind the end tells it again; of websockets.legacy `accept` is silent about a peer that is gone.
BEHIND_THE_END = {"receives after the end", "lost before accept"}
# A message of the wrong kind is a RuntimeError, also when the peer has closed.
WRONG = {"odd sends", "sends before accept"}
# "text" that is no str: in the sans-I/O class an AttributeError, here a TypeError. What is neither str nor
# bytes: of wsproto before 1.3 a ValueError.
TYPES = {"wrong types"}
# Header fields that are not ASCII: websockets.legacy cannot read them, and writes them as UTF-8.
LATIN = {"headers of the client", "headers of the application"}
# websockets.legacy accepts although its application has failed.
FAILED = {"raises before accept", "returns before accept"}
# wsproto's class ends the stream without a Close (RFC 6455, 7.1.7, wants one).
VIOLATIONS = {
    "bad utf-8",
    "reserved bit",
    "corrupt compressed data",
    "unmasked",
    "continuation of nothing",
    "reserved opcode",
    "long ping",
    "bad close code",
    "short close",
}

DIFFERENT = {
    "websockets": ERRORS | REPLIED | DENIALS | {"lost before accept"} | WRONG | LATIN | FAILED,
    "websockets-sansio": ERRORS - {"subprotocol not offered"}
    | REPLIED
    | BEHIND_THE_END
    | WRONG
    | TYPES
    | {"denied with an incomplete response", "denied wrongly"},
    "wsproto": VIOLATIONS | ERRORS | REPLIED | BEHIND_THE_END | WRONG | DENIALS,
}


def comparable(story: dict[str, Any], ws: str) -> dict[str, Any]:
    """Leave out what is said in other words, or at another moment."""
    text = json.dumps({key: story[key] for key in ("application", "client")})
    # Reasons of violations, and the bodies of refusals.
    text = re.sub(r'("code": 10\d\d, "reason": |\["close", 10\d\d, )"[^"]*"', r'\1""', text)
    text = re.sub(r'\["body", .*?"\]|"content-length: \d+", ', "", text)
    # Where the peer is not waited for, the connection is lost before or after the application sends.
    text = re.sub(r'\["raises", "(send|close)", "(RuntimeError|ClientDisconnected)"\]', "[late]", text)
    # Before 0.53 a send to a peer that is gone says nothing, and before 0.50 a stream may end at once.
    text = re.sub(r'("type": "websocket.disconnect"\}, )\["ok", "(send|close)"\]', r"\1[late]", text)
    text = re.sub(r"\[late\](, \[late\])*", "[late]", text)
    text = re.sub(r', "(ConnectionResetError|BrokenPipeError|TimeoutError|eof)"', "", text)
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
    # Behind a denial, uvicorn's class calls the handshake incomplete if the application returns before the
    # connection is lost, as it does from Python 3.12 on.
    rejected = next((n for n, line in enumerate(lines) if "connection rejected" in line), len(lines))
    lines[rejected:] = [line for line in lines[rejected:] if "without completing handshake" not in line]
    return {"scope": scope, "text": text, "log": lines, "ends": story["ends"]}


def different(
    ws: str, version: tuple[int, ...], websockets: tuple[int, ...], wsproto: tuple[int, ...]
) -> set[str]:
    """Name the dialogs that differ.

    Args:
        ws: the class, by uvicorn's setting.
        version: of uvicorn.
        websockets: the version of websockets.
        wsproto: the version of wsproto.
    """
    more = set()
    if ws == "wsproto" and wsproto < (1, 3):
        more |= TYPES
    if ws == "websockets-sansio" and websockets < (17,):
        more.add("headers of the application")
    if ws == "websockets-sansio" and version < (0, 42):
        more.add("empty")
    return {*REFUSED, *DIFFERENT[ws], *more}

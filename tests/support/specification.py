"""The vectors in tests/vectors: what each entry says, in Python's terms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wsframe import Close, Frame, Header, Opcode, Ping, Pong, Role

FOLDER = Path(__file__).parent.parent / "vectors"


def entries(name: str) -> Any:
    """Parametrise a test with the entries of a file."""
    listed = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))["entries"]
    return pytest.mark.parametrize("entry", [pytest.param(entry, id=entry["name"]) for entry in listed])


def octets(notation: str) -> bytes:
    """Hex in groups; `61*5` is five times 61."""
    out = b""
    for group in notation.split():
        digits, _, times = group.partition("*")
        out += bytes.fromhex(digits) * int(times or 1)
    return out


def role(entry: dict[str, Any]) -> Role:
    return Role(entry["role"])


def error(entry: dict[str, Any]) -> tuple[int, str] | None:
    return tuple(entry["error"]) if "error" in entry else None


def header(entry: dict[str, Any]) -> Header:
    key = None if entry["key"] is None else octets(entry["key"])
    size = len(octets(entry["bytes"]))
    return Header(entry["fin"], entry["rsv"], Opcode(entry["opcode"]), key, entry["length"], size)


def frame(said: dict[str, Any]) -> Frame:
    return Frame(Opcode(said["opcode"]), octets(said["payload"]), said["fin"], said["rsv"])


def message(said: dict[str, Any]) -> str | bytes | Ping | Pong | Close:
    match said:
        case {"text": str(text), **rest}:
            return text * rest.get("times", 1)
        case {"binary": data}:
            return octets(data)
        case {"ping": data}:
            return Ping(octets(data))
        case {"pong": data}:
            return Pong(octets(data))
        case {"close": [code, reason]}:
            return Close(code, reason)
    raise ValueError(said)

"""What the messages say: one kind of text for each width CPython stores a str in, and mixtures."""

from __future__ import annotations

import wsframe

KINDS = {
    "ascii": '{"id": 1042, "from": "ada", "text": "the train leaves at nine"} ',
    "cyrillic": "Поезд отходит в девять часов, не опоздай на платформу. ",
    "cjk": "火车九点钟开。请不要迟到。列車は九時に出発します。",
    "mixed": "Train at 9:00! Поезд в девять 🚂 火车九点钟开 👍🏽 Zug um neun, à bientôt. ",
}
SMALL = "the train leaves at nine tonight"
KEY = bytes.fromhex("37fa213d")


def text(kind: str, size: int) -> str:
    """A text of so many bytes of UTF-8."""
    unit = KINDS[kind]
    data = (unit * (size // len(unit.encode()) + 1)).encode()[:size]
    whole = data.decode(errors="ignore")
    return whole + "." * (size - len(whole.encode()))


def read_of(messages: list[str]) -> bytes:
    """What one read yields when a client has sent these."""
    return b"".join(wsframe.encode_text(message, masked=True) for message in messages)

"""What the messages say: one kind of text for each width CPython stores a str in, and a mixture.

Words come in a random order, the same in every run: a sentence said again and again would teach the
branch predictor what comes next, which no real text does.
"""

from __future__ import annotations

import random

import wsframe

ENGLISH = "the train to Berlin leaves at nine from platform 12, please be there on time and bring a coat"
RUSSIAN = "поезд в Берлин отходит в девять от платформы 12, не опоздай и возьми пальто или тёплый шарф"
CHINESE = "火车 九点 从 十二号 站台 开往 柏林。 请 准时 到达 并 带上 外套 明天 天气 很冷"
FRENCH = "le train à Genève part à neuf heures, voilà où ça mène, très tôt"
EMOJI = "🚂 🧥 ❄️ 👍🏽 🇩🇪 ☕ 😀"
KINDS = {
    "ascii": [ENGLISH],
    "latin-1": [FRENCH],
    "cyrillic": [RUSSIAN],
    "cjk": [CHINESE],
    "mixed": [ENGLISH, RUSSIAN, CHINESE, FRENCH, EMOJI],
}
SMALL = "the train leaves at nine tonight"
SMALL_OF = {  # 32 bytes of UTF-8, too
    "latin-1": "le train à Genève part à 9 h.",
    "cyrillic": "поезд уходит в 09:30",
    "cjk": "12号火车九点从柏林开出",
    "emoji": "🚂 leaves at nine 🧥 tonight",
}
KEY = bytes.fromhex("37fa213d")


def text(kind: str, size: int) -> str:
    """A text of so many bytes of UTF-8; one of several languages changes it every few words."""
    chance = random.Random(size)
    said, length = [], 0
    while length <= size:
        language = chance.choice(KINDS[kind])
        words = chance.choices(language.split(), k=chance.randint(1, 9))
        said.append(("" if language is CHINESE else " ").join(words).encode())
        length += len(said[-1])
    whole = b" ".join(said)[:size].decode(errors="ignore")
    return whole + "." * (size - len(whole.encode()))


def read_of(messages: list[str]) -> bytes:
    """What one read yields when a client has sent these."""
    return b"".join(wsframe.encode_text(message, masked=True) for message in messages)

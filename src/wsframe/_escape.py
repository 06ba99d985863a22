"""Text of a peer in exceptions and logs."""

from __future__ import annotations


def escape(text: str) -> str:
    """Make text of a peer safe to show: on one line, without commands to a terminal, in reading order.

    What is not printable becomes a backslash sequence, as in a Python literal: CR, LF, ESC and the other
    control characters, line separators, bidirectional controls, lone surrogates.  So does the backslash,
    so that nobody can write what looks like such a sequence.

    Args:
        text: any.

    Returns:
        Printable characters alone.
    """
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(
        char if char.isprintable() and char != "\\" else char.encode("unicode_escape").decode()
        for char in text
    )

"""What a Topics object counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Counters:
    """What a Topics object has done since it was made.

    Attributes:
        published: calls of `publish` that were accepted.
        delivered: messages that were written to a connection.
        dropped: messages that a connection did not get, because its peer does not read or because it was
            sending a message in fragments.
        replaced: messages that a connection did not get, because a newer one took their place ("latest").
        closed: connections that were closed because their peer does not read.
        received: messages that the engine has delivered to this process.
        unpublished: messages that the engine may not have received: it was lost, not connected, too slow, or
            refused them.
        invalid: messages from the engine that are not UTF-8, that lack the position of the history, or that
            `wrap` has failed for.
        gaps: how often messages may have been missed: the engine has connected again, or refuses a topic.
    """

    published: int = 0
    delivered: int = 0
    dropped: int = 0
    replaced: int = 0
    closed: int = 0
    received: int = 0
    unpublished: int = 0
    invalid: int = 0
    gaps: int = 0

"""When a client connects again, and after which failures."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Generator

from ..handshake import InvalidMessage, InvalidStatus

# Seconds that a connection must have been open for iteration to start with short delays again.
STABLE_AFTER = 10.0


def backoff(
    initial_delay: float = 0.5, min_delay: float = 0.25, max_delay: float = 60.0, factor: float = 1.6
) -> Generator[float]:
    """Yield the seconds to wait before each attempt to reconnect: randomized exponential backoff.

    Args:
        initial_delay: the maximum of the first delay.
        min_delay: the minimum of each delay.
        max_delay: the maximum of each delay.
        factor: growth of the maximum from one delay to the next.
    """
    delay = initial_delay
    while True:
        yield max(min_delay, delay * random.uniform(0.5, 1.0))
        delay = min(delay * factor, max_delay)


def process_exception(exc: Exception) -> Exception | None:
    """Decide whether to retry after a failed attempt to connect.

    Args:
        exc: the exception of the attempt.

    Returns:
        None to retry; otherwise the exception to raise, usually `exc` itself.
    """
    if isinstance(exc, InvalidStatus):
        return None if exc.response.status_code in (500, 502, 503, 504) else exc
    transient = isinstance(exc, (OSError, asyncio.TimeoutError, EOFError, InvalidMessage))
    return None if transient else exc

"""What servers log of an opening handshake, in the words of websockets."""

from __future__ import annotations

import logging
from typing import Any


def log_no_request(
    logger: logging.Logger | logging.LoggerAdapter[Any], error: Exception, cause: Exception | None = None
) -> None:
    """Log that a client did not send an HTTP request, at level DEBUG: scanners of ports do that.

    Args:
        logger: of the server.
        error: says what is wrong.
        cause: what the connection raised, if that is the reason.
    """
    error.__cause__ = cause
    logger.debug("! no valid HTTP request", exc_info=error)

"""What servers log of their connections, in the words of websockets."""

from __future__ import annotations

import logging
from logging import DEBUG as DEBUG, ERROR as ERROR, INFO as INFO, WARNING as WARNING
from typing import Any

_METHODS = {DEBUG: "debug", INFO: "info", WARNING: "warning", ERROR: "error"}


def log(connection: Any, level: int, text: str, *args: object, exc_info: Any = None) -> None:
    """Log a line about a connection, which is the attribute `websocket` of the record.

    Args:
        connection: has a `logger`.
        level: DEBUG, INFO, WARNING or ERROR.
        text, args, exc_info: as methods of a logger take them.
    """
    logger = connection.logger
    if not isinstance(logger, (logging.Logger, logging.LoggerAdapter)):  # it may take no `extra`
        getattr(logger, _METHODS[level])(text, *args, **({} if exc_info is None else {"exc_info": exc_info}))
    elif logger.isEnabledFor(level):
        extra = {"websocket": connection}
        logger.log(level, text, *args, exc_info=exc_info, extra=extra, stacklevel=2)


def log_no_request(connection: Any, error: Exception, cause: Exception | None = None) -> None:
    """Log that a client did not send an HTTP request, at level DEBUG: scanners of ports do that.

    Args:
        connection: that of the client.
        error: says what is wrong.
        cause: what the connection raised, if that is the reason.
    """
    error.__cause__ = cause
    log(connection, DEBUG, "! no valid HTTP request", exc_info=error)


def log_refusal(connection: Any, response: bytes, *, was_checked: bool) -> None:
    """Log the status of a response that does not accept the opening handshake.

    Args:
        connection: that of the client.
        response: what is sent; empty for a client that does not speak HTTP, of which nothing is logged.
        was_checked: whether the request was checked as that of an opening handshake, and not responded to
            before.
    """
    if response:
        text = "connection rejected (%d %s)" if was_checked else "HTTP response sent (%d %s)"
        line = response.partition(b"\r\n")[0].decode("latin-1")  # HTTP/1.1 403 Forbidden
        log(connection, INFO, text, int(line[9:12]), line[13:])


def log_listening(logger: logging.Logger | logging.LoggerAdapter[Any], sock: Any) -> None:
    """Log where a server listens.

    Args:
        logger: of the server.
        sock: the one that listens.
    """
    address = sock.getsockname()
    if isinstance(address, tuple):  # and no path of a Unix socket
        host, port = address[:2]
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    logger.info("server listening on %s", address)

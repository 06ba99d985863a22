"""Checks of the options of serve and connect, so that a wrong one is an error in that call."""

from __future__ import annotations

import inspect
import logging
import math
import socket
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar

from . import Role
from .connection import SansIOConnection

if TYPE_CHECKING:
    from ._http.forwarded import ForwardedHeader, TrustedProxy
    from ._http.messages import HeadersLike
    from .deflate import ClientPolicy, ServerPolicy
    from .handshake import Origins

    AnyLogger = logging.Logger | logging.LoggerAdapter[Any]

MaxSize = int | tuple[int | None, int | None] | None
MaxQueue = int | tuple[int | None, int | None] | None


class CommonOptions(TypedDict, total=False):
    """The options of all servers and clients, for signatures that pass them on."""

    subprotocols: Sequence[str] | None
    additional_headers: HeadersLike
    max_size: MaxSize
    max_fragments: int | None
    max_head: int
    max_headers: int
    open_timeout: float | None
    ping_interval: float | None
    ping_timeout: float | None
    close_timeout: float | None
    max_queue: MaxQueue
    logger: AnyLogger | None


class ServerOptions(CommonOptions, total=False):
    """The options of all servers."""

    origins: Origins | None
    compression: ServerPolicy | Literal["deflate"] | None
    server_header: str | None
    trusted_proxies: Iterable[TrustedProxy] | None
    forwarded_header: ForwardedHeader
    proxy_protocol: bool


class ClientOptions(CommonOptions, total=False):
    """The options of all clients."""

    origin: str | None
    compression: ClientPolicy | Literal["deflate"] | None
    user_agent_header: str | None
    proxy: str | Literal[True] | None


# Options of earlier versions of websockets, and of other libraries, and what they are called here.
OTHER_NAMES = {
    "extra_headers": "additional_headers",
    "headers": "additional_headers",
    "timeout": "open_timeout",
    "ssl_context": "ssl",
    "ssl_contexts": "ssl",
    "sslcontext": "ssl",
}


def check_names(
    called: Callable[..., Any], options: Iterable[str], typed: Callable[..., Any], others: Iterable[str]
) -> None:
    """Check the names of options that a signature does not have.

    Args:
        called: the class or function that was called, for the error.
        options: their names.
        typed: the one whose signature has the other options.
        others: the names that are allowed.

    Raises:
        TypeError: a name is not allowed; the error has the nearest one.
    """
    for name in options:
        if name not in others:
            import difflib

            parameters = inspect.signature(typed).parameters.values()
            known = {one.name for one in parameters if one.kind is not one.VAR_KEYWORD}.union(others)
            nearest = difflib.get_close_matches(name, sorted(known), 1, 0.7)
            if OTHER_NAMES.get(name) in known:
                nearest = [OTHER_NAMES[name]]
            hint = f": did you mean {nearest[0]!r}?" if nearest else ""
            raise TypeError(f"{called.__name__}() got an unexpected keyword argument {name!r}{hint}")


def check_finite_seconds(name: str, value: float, *, zero: bool = False) -> None:
    """Check a time that cannot be None.

    Args:
        name: of the option.
        value: seconds.
        zero: whether 0 makes sense.

    Raises:
        TypeError: it is no number.
        ValueError: it is negative, infinite, NaN, or 0 where that makes no sense.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number of seconds, not {type(value).__name__}")
    if value == 0 and not zero:
        raise ValueError(f"{name} must be more than 0 seconds")
    if not 0 <= value < math.inf:
        raise ValueError(f"{name} must be a finite number of seconds, from 0 on, not {value!r}")


def check_seconds(name: str, value: float | None, *, zero: bool = False) -> None:
    """Check a time-out or an interval.

    Args:
        name: of the option.
        value: seconds, or None for no limit.
        zero: whether 0 makes sense.

    Raises:
        TypeError: it is neither a number nor None.
        ValueError: it is negative, infinite, NaN, or 0 where that makes no sense.
    """
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number of seconds or None, not {type(value).__name__}")
    if value == 0 and not zero:
        raise ValueError(f"{name} must be more than 0 seconds; None switches it off")
    if not 0 <= value < math.inf:
        raise ValueError(f"{name} must be a number of seconds from 0, or None for no limit")


def check_number(name: str, value: int, least: int) -> None:
    """Check a whole number that has a least value."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, and is {value}")


def check_type(name: str, value: object, kind: type) -> None:
    """Check that an option is of a type."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {kind.__name__}, not {type(value).__name__}")


def check_engine(
    *,
    prefix: str,
    text: bool,
    max_queued: int,
    timeout: float,
    health_interval: float,
    first_delay: float,
    max_delay: float,
) -> None:
    """Check the options of all engines.

    Raises:
        TypeError: an option is of the wrong type.
        ValueError: it is out of range.
    """
    check_type("prefix", prefix, str)
    check_type("text", text, bool)
    check_number("max_queued", max_queued, 0)
    check_finite_seconds("timeout", timeout)
    check_finite_seconds("health_interval", health_interval)
    check_finite_seconds("first_delay", first_delay)  # one of 0 would never grow
    check_finite_seconds("max_delay", max_delay)


def limits_of(max_size: MaxSize) -> tuple[int | None, int | None]:
    """Return the limits of a message and of a frame.

    Raises:
        TypeError: max_size is a tuple, but not a pair.
    """
    if not isinstance(max_size, tuple):
        return max_size, None
    if len(max_size) != 2:
        raise TypeError(f"max_size must be a number of bytes, a pair of them or None, not {max_size!r}")
    return max_size


def check_limits(role: Role, max_size: MaxSize, max_fragments: int | None) -> None:
    """Check the limits of messages as the decoder of each connection does."""
    max_message, max_frame = limits_of(max_size)
    try:
        SansIOConnection(role, max_message=max_message, max_fragments=max_fragments, max_frame=max_frame)
    except (TypeError, ValueError) as exc:
        raise type(exc)(
            str(exc).replace("max_message", "max_size").replace("max_frame", "max_size")
        ) from None


def check_callable(name: str, value: Callable[..., Any] | None, *, optional: bool = True) -> None:
    """Check that an option is callable, or None where that is allowed."""
    if not (callable(value) or (optional and value is None)):
        raise TypeError(f"{name} must be a function, not {type(value).__name__}")


def check_not_async(name: str, value: object) -> None:
    """Check that an option is no coroutine function: nothing would await what it returns."""
    if inspect.iscoroutinefunction(value):
        raise TypeError(f"{name} must be a function, not a coroutine function: it may start a task")


def check_all(name: str, values: object, kind: type) -> None:
    """Check that an option is a tuple, or the like, of objects of a type."""
    if not isinstance(values, Collection) or not all(isinstance(value, kind) for value in values):
        raise TypeError(f"{name} must be a tuple of {kind.__name__} objects, not {values!r}")


def check_logger(logger: object) -> None:
    """Check that an option is a logger, or an object with its methods; or None."""
    methods = ("debug", "info", "warning", "error", "exception")
    if logger is not None and not all(callable(getattr(logger, name, None)) for name in methods):
        raise TypeError(
            f"logger must be a logging.Logger or LoggerAdapter, not {type(logger).__name__}:"
            " pass logging.getLogger(name)"
        )


Policy = TypeVar("Policy")


def policy_of(compression: object, kind: type[Policy]) -> Policy | None:
    """Return the policy for a value of the option `compression`.

    Args:
        compression: "deflate", a policy or None.
        kind: the class of policies.

    Raises:
        ValueError: it is something else.
    """
    if compression == "deflate":
        return kind()
    if compression is None or isinstance(compression, kind):
        return compression
    raise ValueError(f"unsupported compression: {compression}")


def check_unsent(max_unsent: int) -> None:
    """Check the limit of unsent bytes."""
    if isinstance(max_unsent, bool) or not isinstance(max_unsent, int):
        raise TypeError(f"max_unsent must be a number of bytes, not {type(max_unsent).__name__}")
    if max_unsent < 0:
        raise ValueError("max_unsent must not be negative")


def check_slow_peer(max_unsent: int | None, slow_peer: str) -> None:
    """Check the options for a peer that does not read."""
    if max_unsent is not None:
        check_unsent(max_unsent)
    if slow_peer not in ("close", "drop"):
        raise ValueError(f"slow_peer must be 'close' or 'drop', not {slow_peer!r}")


def check_max_queue(limit: int | tuple[int | None, int | None] | None) -> None:
    """Check the limits of the queue of messages."""
    limits = limit if isinstance(limit, tuple) else (limit, None)
    if len(limits) != 2 or any(
        isinstance(size, bool) or not isinstance(size, int) for size in limits if size is not None
    ):
        raise TypeError(f"max_queue must be a number of messages, a pair of them or None, not {limit!r}")
    high, low = limits
    if low is not None and not 0 <= low <= (low if high is None else high):
        raise ValueError(f"max_queue must be (high, low) with high >= low >= 0, not {limit!r}")
    if high is not None and high < 0:
        raise ValueError(f"max_queue must not be negative, and is {limit!r}")


def check_write_limit(limit: int | tuple[int, int | None]) -> None:
    """Check the limits of the write buffer, as asyncio takes them."""
    limits = limit if isinstance(limit, tuple) else (limit, None)
    if len(limits) != 2 or any(
        isinstance(size, bool) or not isinstance(size, int) for size in limits if size is not None
    ):
        raise TypeError(f"write_limit must be a number of bytes, or a pair of them, not {limit!r}")
    high, low = limits
    if high is None or not 0 <= (0 if low is None else low) <= high:
        raise ValueError(f"write_limit must be (high, low) with high >= low >= 0, not {limit!r}")


def check_unix_sockets() -> None:
    """Raise an error that says so where there are no Unix sockets: Windows, as Python knows it."""
    if not hasattr(socket, "AF_UNIX"):
        raise NotImplementedError("this system has no Unix sockets for Python: use a port")

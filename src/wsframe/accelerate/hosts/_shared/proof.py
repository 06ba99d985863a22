"""Known messages (RFC 6455, 1.3 and 5.7), and helpers of proofs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from inspect import signature
from logging import WARNING, Logger
from types import FunctionType
from typing import Any

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
HELLO = bytes.fromhex("810548656c6c6f")
MASKED_HELLO = bytes.fromhex("818537fa213d7f9f4d5158")
QUIET = Logger("wsframe", WARNING)  # whatever level the program logs


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that never waits, whether an event loop is running or not."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    coroutine.close()
    raise RuntimeError("a coroutine waits that has nothing to wait for")


@contextmanager
def private_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Set a running event loop without a selector, which logs nothing and uses no policy of the program."""
    loop = asyncio.BaseEventLoop()
    loop.set_debug(False)
    running = asyncio._get_running_loop()
    asyncio._set_running_loop(loop)
    try:
        yield loop
    finally:
        asyncio._set_running_loop(running)
        loop.close()


def check(right: bool) -> None:
    """Raise unless the result of the known message is right."""
    if not right:
        raise RuntimeError("the known message came out wrong")


def original_code(library: str) -> Callable[..., Any]:
    """Return a function that raises, to replace those that only the original code of a library calls."""

    def fail(*_: object, **__: object) -> Any:
        raise RuntimeError(f"the original code of {library} was called")

    return fail


def alter(thing: Any, **values: Any) -> None:
    """Change attributes that the constructor of a library has made.

    Raises:
        RuntimeError: it has made no such attribute, so code that relies on it would fail in a program.
    """
    for name, value in values.items():
        if not hasattr(thing, name):
            raise RuntimeError(f"{type(thing).__name__} has no {name}")
        setattr(thing, name, value)


def made(kind: Any, **values: Any) -> Any:
    """Call a constructor with the arguments that it has in this version."""
    known = signature(kind).parameters
    return kind(**{name: value for name, value in values.items() if name in known})


def privately(function: Any, **names: Any) -> Any:
    """Copy a function of a library, with other objects for global names of its module.

    Otherwise a constructor would change objects of the whole program (the seed of `random`, an event loop).
    """
    known = {**function.__globals__, **names}
    copy = FunctionType(
        function.__code__, known, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def reduced(thing: Any, **values: Any) -> Any:
    """Make an object that has fewer attributes than one that its constructor has made, and other values.

    Raises:
        RuntimeError: the constructor has made no such attribute.
    """
    kind: Any = type(thing)
    other = kind.__new__(kind)
    for name in values:
        if not hasattr(thing, name):
            raise RuntimeError(f"{type(thing).__name__} has no {name}")
    vars(other).update(values)
    return other

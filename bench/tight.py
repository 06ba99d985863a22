"""Loops with nothing in them but the call that is measured."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from itertools import repeat
from time import perf_counter
from typing import Any

UNROLL = 10
ROUND = 0.004  # seconds: long beside the clock's own cost, short beside a time slice

Loop = Callable[[int, Any], None]


def tight(function: Callable[..., Any], arguments: int) -> Loop:
    """A loop(times, *arguments) that does what function does, UNROLL times an iteration.

    An adapter of bench.peers is inlined into the loop, so that no peer pays for being
    called through one; anything else is called.
    """
    names = [f"argument{i}" for i in range(arguments)]
    body = f"function({', '.join(names)})"
    scope = {"function": function, "repeat": repeat}
    if adapts(function):
        names = list(inspect.signature(function).parameters)
        body = body_of(function)
        scope |= function.__globals__
    iteration = textwrap.indent("\n".join([body] * UNROLL), " " * 8)
    source = f"def loop(times, {', '.join(names)}):\n    for _ in repeat(None, times):\n{iteration}\n"
    exec(compile(source, f"<{function!r}, {UNROLL} times>", "exec"), scope)
    return scope["loop"]


def adapts(function: Callable[..., Any]) -> bool:
    module = getattr(function, "__module__", None) or ""
    return module.startswith("bench.peers.") and inspect.isfunction(function) and not function.__closure__


def body_of(function: Callable[..., Any]) -> str:
    """The statements of a function, its last `return x` reduced to `x`."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    last = definition.body[-1]
    if isinstance(last, ast.Return):
        definition.body[-1] = ast.Expr(last.value)
    return ast.unparse(definition.body)


def times_for(loop: Loop, *arguments: Any) -> int:
    """How many iterations of a loop fill a round."""
    times = 1
    while True:
        start = perf_counter()
        loop(times, *arguments)
        took = perf_counter() - start
        if took > ROUND / 4:
            return max(1, round(times * ROUND / took))
        times *= 2

"""A program: every attribute of every class of ours is read, set, deleted and called, in any order.

The objects come from `__new__` alone, as those of a subclass do that forgets to call `__init__`.  Whatever
is done to them raises an exception at most.  It runs in an interpreter of its own, for a crash ends it.
"""

from __future__ import annotations

import ctypes
import faulthandler
import inspect
import io
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import wsframe
from wsframe import FrameDecoder, MessageDecoder, Role

PUBLIC = ("wsframe", "wsframe.asyncio", "wsframe.connection", "wsframe.deflate", "wsframe.handshake")
# What ends or duplicates this process, or writes into files of its own.
LEFT_ALONE = {"__class__", "__del__", "__subclasshook__", "__init_subclass__"}
ROUNDS = 150
STEPS = 60


class Anything:
    """Whatever is asked of it, it has, returns and is called."""

    def __getattr__(self, name: str) -> Any:
        return Anything()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return Anything()

    def __bool__(self) -> bool:
        return False


def nowhere() -> memoryview:
    make = ctypes.pythonapi.PyMemoryView_FromMemory
    make.restype, make.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int)
    return make(None, 0, 0x200)  # type: ignore[no-any-return]


# Numbers that are descriptors of no open file.
VALUES: list[Callable[[], Any]] = [
    lambda: None,
    lambda: -1,
    lambda: 10**6,
    lambda: 2**63 - 1,
    lambda: -(2**63),
    lambda: 2**70,
    lambda: 0.5,
    lambda: float("nan"),
    lambda: b"",
    lambda: b"\x81\x01a\x82\x00",
    lambda: b"\xc1\x02\x00\x00",
    lambda: bytearray(b"\x81\x01a"),
    lambda: bytearray(100),
    lambda: memoryview(bytearray(100)),
    lambda: memoryview(bytearray(8))[::2],
    nowhere,
    lambda: "text",
    lambda: "\ud800",
    list,
    lambda: [None],
    lambda: ["a", b"b"],
    dict,
    object,
    Anything,
    lambda: int,
    lambda: len,
    lambda: MessageDecoder(Role.CLIENT),
    lambda: Role.CLIENT,
]


def compiled_modules() -> list[ModuleType]:
    if wsframe.backend == "py":
        return []
    return [
        import_module(f"wsframe._c.{one.name}") for one in iter_modules(import_module("wsframe._c").__path__)
    ]


def classes() -> Iterator[type]:
    seen = set()
    for module in [import_module(name) for name in PUBLIC] + compiled_modules():
        for one in vars(module).values():
            if inspect.isclass(one) and one.__module__.startswith("wsframe") and one not in seen:
                seen.add(one)
                yield one


@cache
def compiled_classes() -> list[type]:
    return [one for one in classes() if one.__module__.startswith("wsframe._c.")]


@cache
def names_of(cls: type) -> tuple[list[str], list[str]]:
    """All attributes, and those without the names of Python's own, if there are any."""
    every = [one for one in dir(cls) if one not in LEFT_ALONE]
    return every, [one for one in every if not one.startswith("__")] or every


def poke(rng: random.Random, thing: Any, made: list[Any], *more: Any) -> None:
    """Do one unexpected thing to an object, with the others that were made, and with `more` values."""

    def value() -> Any:
        if more and rng.random() < 0.4:
            return rng.choice(more)
        return rng.choice(made) if made and rng.random() < 0.15 else rng.choice(VALUES)()

    every, usual = names_of(type(thing))
    name = rng.choice(usual if rng.random() < 0.8 else every)
    kind = rng.random()
    if kind < 0.25:
        setattr(thing, name, value())
    elif kind < 0.3:
        delattr(thing, name)
    else:
        found = getattr(thing, name)
        if callable(found):
            result = found(*(value() for _ in range(rng.choice([0, 1, 1, 1, 2, 2, 3, 4]))))
            if inspect.iscoroutine(result):
                result.close()


def call_with_another_self() -> None:
    """Call each method of each compiled class unbound, with something else in the place of its object."""
    faulthandler.enable()
    warnings.simplefilter("ignore")
    for cls in compiled_classes():
        for name in [one for one in dir(cls) if one not in LEFT_ALONE | {"__new__"}]:
            for other in (None, 5, "text", object(), Anything()):
                for count in range(4):
                    with suppress(Exception):
                        result = getattr(cls, name)(other, *[b"x"] * count)
                        if inspect.iscoroutine(result):
                            result.close()
    sys.stdout.write("done\n")


def main() -> None:
    faulthandler.enable()
    warnings.simplefilter("ignore")
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    sys.stdin = io.StringIO()
    for cls in classes():
        if only not in cls.__name__:
            continue
        print(cls, file=sys.stderr, flush=True)
        for seed in range(ROUNDS):
            rng = random.Random(f"{cls.__name__} {seed}")
            made: list[Any] = []
            for _ in range(3):
                try:
                    made.append(cls.__new__(cls))
                except TypeError:  # it demands arguments
                    if not issubclass(cls, (MessageDecoder, FrameDecoder)):
                        break
                    made.append(cls(Role.CLIENT))
            for _ in range(STEPS if made else 0):
                with suppress(Exception, SystemExit, GeneratorExit):
                    poke(rng, rng.choice(made), made)
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main()

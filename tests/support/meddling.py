"""A program: objects of all compiled classes, in use, while everything that they call acts on them in turn.

Transports, buffers, futures, hooks and arguments are replaced by objects that use, change or release others
of ours before they return.  Whatever they do raises an exception at most.
"""

from __future__ import annotations

import copy
import faulthandler
import gc
import inspect
import pickle
import random
import socket
import sys
import warnings
import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from itertools import islice
from typing import Any

from support import frames
from support.misuse import VALUES, compiled_classes, compiled_modules, names_of, poke

from wsframe import FrameDecoder, MessageDecoder, Role
from wsframe._c import stream as stream_module
from wsframe._c.asgi import _Call, _Method, asgi_calls
from wsframe._c.broadcaster import Broadcaster
from wsframe._c.coalescer import Coalescer, Iteration
from wsframe._c.decoder import _Decoder
from wsframe._c.receiver import Receiver
from wsframe._c.stream import Stream
from wsframe._c.watch import Watch

CALLS = (_Call, stream_module._Sending)

ROUNDS = 400
STEPS = 50
DEPTH = 3  # of what acts while it is acted on
MAX_ACTIONS = 400  # in one round
READS = (
    frames.frame(frames.TEXT, b"a") + frames.frame(frames.BINARY, b"b" * 20),
    frames.frame(frames.TEXT, b"\xff", rsv=4),
    frames.frame(frames.PING, b"c") + frames.frame(frames.TEXT, b"d", fin=False),
    frames.close(1000),
)


class Meddler:
    """All that it is asked for it has, lacks or does; first it acts on other objects.

    Its attributes are found by `__getattr__`, after `__getattribute__`: whoever holds no reference to it may
    have lost it by then.
    """

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("__"):
            meddle()
            raise AttributeError(name)
        return object.__getattribute__(self, name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in ("_buffer", "_closing", "extra_streams"):
            return rng.choice([False, b"", 0])
        return Meddler()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        for one in args:
            if callable(one) and rng.random() < 0.2:
                with suppress(Exception):
                    one()
        return act()

    def __bool__(self) -> bool:
        meddle()
        return rng.random() < 0.5

    def __len__(self) -> int:
        meddle()
        return rng.choice([0, 1, 2**20])

    def __index__(self) -> int:
        meddle()
        return rng.choice([0, 1, 2**20])

    def __eq__(self, other: object) -> bool:
        meddle()
        return rng.random() < 0.5

    def __hash__(self) -> int:
        meddle()
        return 1

    def __iter__(self) -> Any:
        meddle()
        return islice(iter(Meddler, None), 20)

    def __next__(self) -> Any:
        meddle()
        if rng.random() < 0.5:
            raise StopIteration(act())
        return Meddler()

    __await__ = __iter__

    def __buffer__(self, flags: int) -> memoryview:
        meddle()
        return memoryview(bytearray(rng.choice([0, 4, 100])))

    def __release_buffer__(self, view: memoryview) -> None:
        meddle()

    def __del__(self) -> None:
        meddle()


class Broadcast(Meddler):
    """A connection that takes what is broadcast."""

    def __getattr__(self, name: str) -> Any:
        if name == "fragmenting":
            return None
        if name == "extensions":
            return rng.choice([[], [Meddler()]])
        if name == "output":
            return rng.choice(made)
        return super().__getattr__(name)


class Used(Stream):
    """Its hooks act on it."""


def hook(self: Used, *args: Any) -> Any:
    return act()


# Fast paths depend on what these return.
HOOKS = (
    *("_receive_undecoded", "_receive_events", "_listener_failed", "_make_waiter", "_pause_reading"),
    *("_resume_reading", "_decode_later", "_send_slow_path", "_send_as", "drain", "_finish_pending_sends"),
    *("_may_queue", "_encode_message", "_intercept", "_stop_intercepting", "asgi_receive", "asgi_send"),
)
for _name in HOOKS:
    setattr(Used, _name, hook)

rng = random.Random()
made: list[Any] = []  # what is acted on
depth = actions = 0


def meddle() -> None:
    """Do something unexpected to one of the objects."""
    global depth, actions
    actions += 1
    if depth < DEPTH and actions < MAX_ACTIONS and made and rng.random() < 0.7:
        depth += 1
        try:
            use(rng.choice(made))
        except (Exception, SystemExit, GeneratorExit):
            if rng.random() < 0.1:
                raise
        finally:
            depth -= 1


def act() -> Any:
    """Do it, and return anything."""
    meddle()
    return rng.choice((None, b"\x81\x01a", True, 3, Meddler(), iter([Meddler()]), [b"a"], made[:1]))


async def wait_for(thing: Any) -> Any:
    return await thing


def drive(thing: Any) -> None:
    """Await it, and go on, throw or close."""
    coroutine = wait_for(thing)
    try:
        for _ in range(3):
            coroutine.send(None)
            if rng.random() < 0.3:
                coroutine.throw(rng.choice([ValueError, GeneratorExit, StopIteration]))
    finally:
        coroutine.close()


def receive(thing: Any) -> None:
    if rng.random() < 0.5:
        thing._receive(rng.choice(READS))
    else:
        thing.buffer_updated(rng.choice([0, 1, 2, 9, 20]))


def read(thing: Any) -> None:
    thing._read_ready()


def send(thing: Any) -> None:
    message = rng.choice(["text", b"binary", bytearray(9), "é" * 70, b"l" * 70_000, Meddler()])
    thing.send_nowait(message) if rng.random() < 0.5 else drive(thing.send(message))


def write(thing: Any) -> None:
    rng.choice([thing._write, thing._write_at_end])(rng.choice([b"w", b"w" * 3000, b"w" * 70_000]))


def replace(thing: Any) -> None:
    """Take an attribute away, also amid a call that uses it."""
    names = [one for one in names_of(type(thing))[1] if one.startswith("_")]
    if names:
        setattr(thing, rng.choice(names), rng.choice([None, Meddler(), 0]))


def forget(thing: Any) -> None:
    made.remove(thing)
    if rng.random() < 0.1:
        gc.collect(0)


def call(thing: Any) -> None:
    names = {"message": Meddler()} if rng.random() < 0.1 else {}
    result = thing(*([Meddler()] * rng.choice([0, 0, 1, 1, 2])), **names)
    if type(result).__module__.startswith("wsframe."):
        made.append(result)


def throw(thing: Any) -> None:
    thing.throw(rng.choice([ValueError, GeneratorExit]))


def ask(thing: Any) -> None:
    rng.choice([copy.copy, pickle.dumps, weakref.ref, repr, hash, bool, iter, str, len])(thing)


def poke_it(thing: Any) -> None:
    poke(rng, thing, made, Meddler())


def broadcaster() -> Broadcaster:
    return Broadcaster(
        connection_class=Broadcast,
        watch=Meddler(),  # type: ignore[arg-type]
        protocol=None,
        transport="transport",
        output="output",
        fragmenting="fragmenting",
        equal={"fragmenting": None},
        empty=("fragmenting", "extra_streams"),
        deflate_class=Meddler,
        unused_class=Meddler,
        output_for=Meddler(),
        failed=Meddler(),
    )


def broadcast(thing: Broadcaster) -> None:
    connections: list[Any] = [Broadcast(), Meddler(), Broadcast(), *made[:2], Broadcast()]
    thing.write(connections, b"a", lambda extension: act() or b"b")


# What can be done to any object, and to those of a class and its subclasses.
OPERATIONS: tuple[tuple[type, tuple[Callable[[Any], Any], ...]], ...] = (
    (object, (poke_it, poke_it, ask, replace, forget)),
    (Coalescer, (write, write, write, lambda thing: thing.flush())),
    (Receiver, (receive, receive, receive, read, lambda thing: thing._pop())),
    (Stream, (send, send)),
    (Iteration, (lambda thing: thing.end(),) * 3),
    (_Method, (call,) * 4),
    (_Decoder, (lambda thing: thing.feed(rng.choice([*READS, Meddler()])),) * 4),
    (Broadcaster, (broadcast,) * 4),
    (Watch, (lambda thing: thing.holds(*made[:2]), lambda thing: thing.holds(Meddler(), Meddler())) * 2),
    *(
        (one, (drive, next, lambda thing: thing.throw(ValueError), lambda thing: thing.close()))
        for one in CALLS
    ),
)


@cache
def operations_of(cls: type) -> list[Callable[[Any], Any]]:
    return [one for owner, some in OPERATIONS if issubclass(cls, owner) for one in some]


def use(thing: Any) -> None:
    rng.choice(operations_of(type(thing)))(thing)


def prepare(thing: Any, fd: int) -> None:
    """Give a coalescer, a receiver or a stream all that a connection has."""
    thing.transport = Meddler()
    thing._transport_write = Meddler()
    thing._call_soon = Meddler()
    thing._iteration = Iteration()
    thing._intercepts = rng.random() < 0.3
    thing._gap = rng.choice([0, 1])
    if isinstance(thing, Receiver):
        thing._decoder = MessageDecoder(Role.CLIENT, deflate=Meddler())
        thing._loop = Meddler()
        thing._listener = rng.choice([None, Meddler()])
        thing._high_water = rng.choice([0, 10**6])
        thing._high_water_queued = rng.choice([0, 10**6])
        thing._read_buffer = bytearray(rng.choice(READS))
    if isinstance(thing, Stream):
        thing._encodes_directly = rng.random() < 0.7
    if rng.random() < 0.7:
        thing._use_socket(fd, *([True] if rng.random() < 0.5 else []))


def connection(fd: int) -> list[Any]:
    """A stream and what belongs to it."""
    stream = Used()
    prepare(stream, fd)
    event = rng.choice([{"type": "websocket.send", "text": "a"}, {"type": "websocket.send", "bytes": b"a"}])
    calls = asgi_calls(stream)
    return [
        *(stream, stream, stream._iteration, stream._decoder, *calls),
        *(calls[0](), calls[1](event), calls[1](Meddler()), stream.send(rng.choice(["b", Meddler()]))),
    ]


def instances(fd: int) -> list[Any]:
    """Objects of all compiled classes, as they are made in use and by `__new__` alone."""
    receiver, coalescer = Receiver(), Coalescer()
    for one in (coalescer, receiver):
        prepare(one, fd)
    out = [
        *(receiver, coalescer, *connection(fd), *connection(fd)),
        FrameDecoder(Role.SERVER, max_frame=rng.choice([10, None]), rsv=7),
        broadcaster(),
        Watch(Meddler(), [("feed", "write")], [(Used, HOOKS), (sys, ("path",))]),
    ]
    out.append(_Method(out[2]))
    for cls in compiled_classes():
        with suppress(TypeError):  # it demands arguments
            out.append(cls.__new__(cls))
    return out


def run(seed: int, fd: int) -> set[type]:
    """Act on objects of one seed; return their classes."""
    global depth, actions
    rng.seed(seed)
    depth = actions = 0
    made[:] = instances(fd)
    found = {type(one) for one in made}
    functions = [one for module in compiled_modules() for one in vars(module).values() if is_function(one)]
    for _ in range(STEPS):
        with suppress(Exception, SystemExit, GeneratorExit):
            use(rng.choice(made))
        with suppress(Exception):
            count = rng.choice([0, 1, 1, 2, 2, 3, 4, 5])
            rng.choice(functions)(
                *(Meddler() if rng.random() < 0.3 else rng.choice(VALUES)() for _ in range(count))
            )
    made.clear()
    if seed % 10 == 0:
        gc.collect()
    return found


def is_function(one: Any) -> bool:
    return inspect.isbuiltin(one) or type(one).__name__ == "cython_function_or_method"


def main() -> None:
    faulthandler.enable()
    warnings.simplefilter("ignore")
    sys.unraisablehook = lambda unraisable: None
    begin, end = (int(one) for one in sys.argv[1:]) if sys.argv[1:] else (0, ROUNDS)
    found: set[type] = set()
    ours, theirs = socket.socketpair()
    for one in (ours, theirs):
        one.setblocking(False)
    for seed in range(begin, end):
        print(seed, end=" ", file=sys.stderr, flush=True)
        found |= run(seed, ours.fileno())
        with suppress(BlockingIOError):
            theirs.send(READS[0])
            theirs.recv(2**20)
    missing = [cls for cls in compiled_classes() if not any(issubclass(one, cls) for one in found)]
    assert not missing, f"{missing} have no instances in {__name__}"
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main()

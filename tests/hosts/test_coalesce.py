"""Writes of a host are coalesced; every other use of the transport flushes them first."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from support.unhurried import unhurried

from wsframe.accelerate.hosts._shared.coalesce import OUTPUT, join, output_of, received

PENDING_SIZE = 2**16


class Loop:
    """Of an event loop, what runs when an iteration ends."""

    def __init__(self) -> None:
        self.due: list[Any] = []

    def call_soon(self, callback: Any, *args: Any) -> None:
        self.due.append((callback, args))

    def iterate(self) -> None:
        due, self.due = self.due, []
        for callback, args in due:
            callback(*args)


class Transport(asyncio.Transport):
    """Logs what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[Any] = []

    def write(self, data: Any) -> None:
        if not isinstance(data, (bytes, bytearray)):
            raise TypeError("no bytes")
        self.log.append(bytes(data))

    def writelines(self, data: Any) -> None:
        self.log.append(list(data))

    def write_eof(self) -> None:
        self.log.append("eof")

    def close(self) -> None:
        self.log.append("close")

    def abort(self) -> None:
        self.log.append("abort")

    def get_write_buffer_size(self) -> int:
        self.log.append("size")
        return 5

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.log.append(("limits", high, low))

    def is_closing(self) -> bool:
        return False


@pytest.fixture(autouse=True)
def joined(monkeypatch: pytest.MonkeyPatch) -> None:
    unhurried(monkeypatch)


@pytest.fixture
def loop() -> Any:
    return Loop()


@pytest.fixture
def owner() -> Any:
    return SimpleNamespace()


@pytest.fixture
def transport(owner: Any, loop: Any) -> Transport:
    """A transport whose owner has read many messages, and replied to the first."""
    one = Transport()
    join(owner, one, loop)
    one.write(b"first")
    assert one.log.pop() == b"first"
    return one


def test_replies_to_one_read_are_coalesced(transport: Transport, owner: Any, loop: Loop) -> None:
    transport.write(b"a")
    join(owner, transport, loop)  # once more
    output_of(owner, transport, loop).write(b"b")
    assert transport.log == []
    loop.iterate()
    assert transport.log == [b"ab"]


def test_writes_of_a_new_task_are_coalesced_too(transport: Transport, loop: Loop) -> None:
    loop.call_soon(lambda: [transport.write(b"a"), transport.write(b"b")])
    loop.iterate()
    assert transport.log == []
    loop.iterate()
    assert (transport.log, loop.due) == ([b"ab"], [])


def test_each_of_several_iterations_is_flushed_itself(transport: Transport, owner: Any, loop: Loop) -> None:
    join(owner, transport, loop, iterations=2)
    for number in range(3):
        transport.write(b"%d" % number)
        loop.iterate()
    # In each iteration by themselves: this transport is no socket, and nobody else would send them in time.
    assert (transport.log, loop.due) == ([b"0", b"1", b"2"], [])


def test_transport_is_restored_after_the_iteration(transport: Transport, loop: Loop) -> None:
    for _ in range(2):
        loop.iterate()
    assert transport.log == []
    assert set(vars(transport)) <= {"log", "_extra"}
    transport.write(b"a")
    assert transport.log == [b"a"]


def test_first_push_leaves_at_once_and_later_ones_are_coalesced(owner: Any, loop: Loop) -> None:
    """The first leaves at once, later ones together, and whoever else writes flushes them."""
    transport = Transport()
    for _ in range(2):
        for data in (b"a", b"b", b"c"):
            output_of(owner, transport, loop).write(data)
        assert transport.log.pop() == b"a" and not transport.log
        loop.iterate()
        assert transport.log.pop() == b"bc" and not transport.log
    for data in (b"a", b"b", b"c"):
        output_of(owner, transport, loop).write(data)
    transport.write(b"ping")
    assert transport.log == [b"a", b"bc", b"ping"]
    assert set(vars(transport)) <= {"log", "_extra"}
    loop.iterate()
    assert (transport.log, loop.due) == ([b"a", b"bc", b"ping"], [])


def test_one_write_per_iteration_does_not_patch_the_transport(owner: Any, loop: Loop) -> None:
    transport = Transport()
    before = dict(vars(transport))
    for _ in range(3):
        output_of(owner, transport, loop).write(b"a")
        assert vars(transport) == before
        loop.iterate()
    assert transport.log == [b"a"] * 3


def test_single_reply_schedules_no_callback(owner: Any, loop: Loop) -> None:
    transport = Transport()
    output = output_of(owner, transport, loop)
    for _ in range(3):
        received(owner)
        output.write(b"a")
    assert (transport.log, loop.due) == ([b"a"] * 3, [])


@pytest.mark.parametrize("pushes", [True, False])
@pytest.mark.parametrize(
    ("ask", "logged"),
    [
        (lambda transport: transport.writelines([b"b", b"c"]), [b"b", b"c"]),
        (lambda transport: transport.write_eof(), "eof"),
        (lambda transport: transport.close(), "close"),
        (lambda transport: transport.abort(), "abort"),
        (lambda transport: transport.get_write_buffer_size(), "size"),
        (lambda transport: transport.set_write_buffer_limits(high=7), ("limits", 7, None)),
    ],
)
def test_other_transport_methods_flush_first(
    owner: Any, loop: Loop, ask: Any, logged: Any, pushes: bool
) -> None:
    transport = Transport()
    if not pushes:
        join(owner, transport, loop)
    for data in (b"first", b"a"):
        output_of(owner, transport, loop).write(data)
    result = ask(transport)
    assert transport.log == [b"first", b"a", logged]
    assert result == (5 if logged == "size" else None)
    transport.write(b"z")
    for _ in range(2):
        loop.iterate()
    assert transport.log == [b"first", b"a", logged, b"z"]


def test_kept_write_method_writes_at_once_after_the_iteration(transport: Transport, loop: Loop) -> None:
    write = transport.write
    write(b"a")
    loop.iterate()
    write(b"b")
    assert transport.log == [b"a", b"b"]


def test_mutable_buffer_is_written_at_once(transport: Transport) -> None:
    data = bytearray(b"b")
    transport.write(b"a")
    transport.write(data)
    data[:] = b"x"
    assert transport.log == [b"a", b"b"]


def test_write_of_a_wrong_type_raises_as_the_transport_does(transport: Transport, loop: Loop) -> None:
    transport.write(b"a")
    with pytest.raises(TypeError, match="no bytes"):
        transport.write("text")
    loop.iterate()
    assert transport.log == [b"a"]


def test_pending_writes_over_the_limit_are_flushed(transport: Transport, loop: Loop) -> None:
    for _ in range(3):
        transport.write(bytes(PENDING_SIZE // 2))
    assert [len(data) for data in transport.log] == [3 * PENDING_SIZE // 2]
    transport.write(b"a")
    assert len(transport.log) == 1
    loop.iterate()
    assert transport.log[1:] == [b"a"]


def test_replaced_write_method_sees_every_write(owner: Any, loop: Any) -> None:
    transport, seen = Transport(), []
    transport.write = seen.append  # type: ignore[method-assign]
    join(owner, transport, loop)
    for data in (b"a", b"b"):
        output_of(owner, transport, loop).write(data)
    assert (seen, loop.due, vars(owner)) == ([b"a", b"b"], [], {})


def test_write_method_replaced_later_sees_later_writes(owner: Any, loop: Loop) -> None:
    transport, seen = Transport(), []
    output = output_of(owner, transport, loop)
    output.write(b"a")
    transport.write = seen.append  # type: ignore[method-assign]
    for data in (b"b", b"c"):
        output.write(data)
    join(owner, transport, loop)
    output.write(b"d")
    loop.iterate()
    assert (seen, transport.log) == ([b"b", b"c", b"d"], [b"a"])


def test_write_method_replaced_while_pending_is_kept(transport: Transport, loop: Loop) -> None:
    write, seen = transport.write, []
    transport.write = lambda data: (seen.append(data), write(data))  # type: ignore[assignment, method-assign]
    transport.write(b"a")
    loop.iterate()
    assert (seen, transport.log) == ([b"a"], [b"a"])
    assert "write" in vars(transport)
    transport.write(b"b")
    assert (seen, transport.log) == ([b"a", b"b"], [b"a", b"b"])


class Slots:
    """A transport that has no dictionary, as uvloop's."""

    __slots__ = ("log", "lost")

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.lost = False

    def write(self, data: Any) -> None:
        if self.lost:
            raise RuntimeError("the handler is closed")
        self.log.append(bytes(data))

    def close(self) -> None:
        self.log.append("close")

    def is_closing(self) -> bool:
        return self.lost

    def pause_reading(self) -> None:
        self.log.append("pause")

    def get_write_buffer_size(self) -> int:
        self.log.append("size")
        return 5


class User:
    """An owner of a transport; another owner may share it."""

    def __init__(self) -> None:
        self.slots = Slots()
        self.transport: Any = self.slots
        self.log = self.slots.log

    def join(self, loop: Any, *places: Any) -> Any:
        join(self, self.transport, loop, *(places or ((self, "transport"),)))
        output_of(self, self.transport, loop, (self, "transport")).write(b"first")
        assert self.log.pop() == b"first"
        return getattr(self, OUTPUT)


def test_transport_without_dict_is_replaced_in_its_owners(loop: Any) -> None:
    user, friend = User(), User()
    friend.transport = user.transport
    output = user.join(loop, (user, "transport"), (friend, "transport"))
    output.write(b"a")
    friend.transport.write(b"b")
    user.transport.pause_reading()
    assert not user.transport.is_closing()
    assert user.log == ["pause"]
    loop.iterate()
    assert (user.log, loop.due) == (["pause", b"ab"], [])
    assert user.transport is friend.transport is user.slots


@pytest.mark.parametrize(("name", "logged"), [("close", "close"), ("get_write_buffer_size", "size")])
def test_other_methods_of_a_replaced_transport_flush_first(loop: Any, name: str, logged: str) -> None:
    user = User()
    user.join(loop).write(b"a")
    kept = user.transport
    assert getattr(kept, name)() == (5 if logged == "size" else None)
    assert (user.log, user.transport) == ([b"a", logged], user.slots)
    kept.write(b"z")
    assert user.log == [b"a", logged, b"z"]


def test_transport_attribute_changed_while_pending_is_kept(loop: Any) -> None:
    user = User()
    user.join(loop).write(b"a")
    user.transport = None
    loop.iterate()
    assert (user.log, user.transport) == ([b"a"], None)


def test_pending_writes_are_dropped_when_the_peer_is_lost(loop: Any) -> None:
    user = User()
    user.join(loop).write(b"a")
    user.slots.lost = True
    user.transport.close()
    loop.iterate()
    assert user.log == ["close"]
    with pytest.raises(RuntimeError, match="the handler is closed"):
        user.transport.write(b"b")


def test_transport_kept_elsewhere_is_not_replaced(loop: Any) -> None:
    user = User()
    join(user, user.transport, loop)
    assert (user.transport, loop.due) == (user.slots, [])
    assert output_of(user, user.transport, loop) is user.slots


def test_order_and_backpressure_are_kept_on_a_socket() -> None:
    """Back-pressure is what it was, and the order, and nothing is lost at the end."""

    async def converse() -> None:
        total, served = 30_000_000, asyncio.get_running_loop().create_future()

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            loop = asyncio.get_running_loop()
            for number in range(total // 1000):
                join(writer, writer.transport, loop)
                writer.write(number.to_bytes(4, "big") * 250)
                await writer.drain()
            writer.write(b"end")
            writer.close()
            served.set_result(None)

        async with await asyncio.start_server(handler, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            await asyncio.sleep(0.1)
            assert not served.done()  # until somebody reads
            got = await reader.read(-1)
            writer.close()
            await served
        assert got == b"".join(number.to_bytes(4, "big") * 250 for number in range(total // 1000)) + b"end"

    asyncio.run(converse())


def test_who_has_the_socket_finds_every_write_made(owner: Any, loop: Loop) -> None:
    transport = Transport()
    output = output_of(owner, transport, loop)
    output.taken()
    for _ in range(2):  # it is still noticed after an iteration
        for data in (b"1", b"2"):
            output.write(data)
        loop.iterate()
        assert "write" not in vars(transport)
    transport.log.clear()
    output.write(b"1")
    output.write(b"2")
    assert transport.log == [b"1"]
    transport.get_extra_info("peername")
    assert transport.log == [b"1"]
    transport.get_extra_info("socket")
    assert transport.log == [b"1", b"2"]
    output.write(b"3")
    output.write(b"4")
    assert transport.log == [b"1", b"2", b"3", b"4"]

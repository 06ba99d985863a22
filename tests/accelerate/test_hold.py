"""Writes that leave together, and all else that finds them written."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wsframe.accelerate import _hold
from wsframe.accelerate._hold import HOLD_SIZE, hold


class Loop:
    """Of an event loop, what runs when the turn ends."""

    def __init__(self) -> None:
        self.due: list[Any] = []

    def call_soon(self, callback: Any, *args: Any) -> None:
        self.due.append((callback, args))

    def turn(self) -> None:
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


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held waits for the end of its turn, however busy the machine is."""
    monkeypatch.setattr(_hold, "HOLD_TIME", 60)


@pytest.fixture
def loop() -> Any:
    return Loop()


@pytest.fixture
def transport(loop: Any) -> Transport:
    one = Transport()
    hold(one, loop)
    return one


def test_what_a_turn_writes_leaves_together(transport: Transport, loop: Loop) -> None:
    transport.write(b"a")
    hold(transport, loop)  # is held already
    transport.write(b"b")
    assert transport.log == []
    loop.turn()
    assert transport.log == [b"ab"]


def test_a_task_that_was_just_made_has_its_turn(transport: Transport, loop: Loop) -> None:
    loop.call_soon(lambda: [transport.write(b"a"), transport.write(b"b")])
    loop.turn()
    assert transport.log == []
    loop.turn()
    assert (transport.log, loop.due) == ([b"ab"], [])


def test_where_more_is_to_come_it_lasts_longer(transport: Transport, loop: Loop) -> None:
    hold(transport, loop, turns=2)
    for number in range(3):
        transport.write(b"%d" % number)
        loop.turn()
    assert (transport.log, loop.due) == ([b"012"], [])
    hold(transport, loop, turns=1)
    loop.turn()
    transport.write(b"a")
    hold(transport, loop, turns=1)
    hold(transport, loop)
    loop.turn()
    assert transport.log == [b"012"]
    loop.turn()
    assert (transport.log, loop.due) == ([b"012", b"a"], [])


def test_it_lasts_no_longer_than_it_is_told(transport: Transport, loop: Loop) -> None:
    hold(transport, loop, turns=2)
    transport.write(b"a")
    transport.get_write_buffer_size()
    assert transport.log == [b"a", "size"]
    transport.write(b"b")
    for _ in range(4):
        loop.turn()
    assert (transport.log, loop.due) == ([b"a", "size", b"b"], [])


def test_turns_that_take_long_end_apart(transport: Transport, loop: Loop) -> None:
    hold(transport, loop, turns=3)
    held: Any = transport.write.__self__  # type: ignore[attr-defined]
    transport.write(b"a")
    loop.turn()
    transport.write(b"b")
    assert transport.log == []
    held.until -= _hold.HOLD_TIME * 0.6
    loop.turn()
    assert transport.log == [b"ab"]
    transport.write(b"c")
    held.until -= _hold.HOLD_TIME * 1.1
    transport.write(b"d")
    transport.write(b"e")
    assert transport.log == [b"ab", b"cd", b"e"]
    loop.turn()
    transport.write(b"f")
    assert transport.log == [b"ab", b"cd", b"e"]
    loop.turn()
    assert (transport.log, loop.due) == ([b"ab", b"cd", b"e", b"f"], [])


def test_in_a_turn_that_takes_long_nothing_waits(transport: Transport, loop: Loop) -> None:
    held: Any = transport.write.__self__  # type: ignore[attr-defined]
    transport.write(b"a")
    assert transport.log == []
    held.until -= _hold.HOLD_TIME
    transport.write(b"bc")
    transport.write(b"d")
    assert transport.log == [b"abc", b"d"]
    loop.turn()
    assert transport.log == [b"abc", b"d"]


def test_afterwards_all_is_as_before(transport: Transport, loop: Loop) -> None:
    for _ in range(2):
        loop.turn()
    assert transport.log == []
    assert set(vars(transport)) == {"log", "_extra"} or set(vars(transport)) == {"log"}
    transport.write(b"a")
    assert transport.log == [b"a"]


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda transport: transport.writelines([b"b", b"c"]), [b"b", b"c"]),
        (lambda transport: transport.write_eof(), "eof"),
        (lambda transport: transport.close(), "close"),
        (lambda transport: transport.abort(), "abort"),
        (lambda transport: transport.get_write_buffer_size(), "size"),
        (lambda transport: transport.set_write_buffer_limits(high=7), ("limits", 7, None)),
    ],
)
def test_whatever_else_is_asked_finds_it_written(
    transport: Transport, loop: Loop, ask: Any, told: Any
) -> None:
    transport.write(b"a")
    answer = ask(transport)
    assert transport.log == [b"a", told]
    assert answer == (5 if told == "size" else None)
    transport.write(b"z")
    assert transport.log[-1] == b"z"
    loop.turn()
    assert transport.log == [b"a", told, b"z"]


def test_who_keeps_a_method_writes_at_once_afterwards(transport: Transport, loop: Loop) -> None:
    write = transport.write
    write(b"a")
    loop.turn()
    write(b"b")
    assert transport.log == [b"a", b"b"]


def test_what_may_change_is_written_at_once(transport: Transport) -> None:
    data = bytearray(b"b")
    transport.write(b"a")
    transport.write(data)
    data[:] = b"x"
    assert transport.log == [b"a", b"b"]


def test_an_error_is_that_of_the_transport(transport: Transport, loop: Loop) -> None:
    transport.write(b"a")
    with pytest.raises(TypeError, match="no bytes"):
        transport.write("text")
    loop.turn()
    assert transport.log == [b"a"]


def test_no_more_is_held_than_a_transport_would_buffer(transport: Transport, loop: Loop) -> None:
    for _ in range(3):
        transport.write(bytes(HOLD_SIZE // 2))
    assert [len(data) for data in transport.log] == [3 * HOLD_SIZE // 2]
    transport.write(b"a")
    assert len(transport.log) == 1
    loop.turn()
    assert transport.log[1:] == [b"a"]


def test_who_else_stands_before_a_transport_stays_there(loop: Any) -> None:
    transport, seen = Transport(), []
    transport.write = seen.append  # type: ignore[method-assign]
    hold(transport, loop)
    transport.write(b"a")
    assert (seen, loop.due) == ([b"a"], [])


def test_who_comes_later_stays_too(transport: Transport, loop: Loop) -> None:
    held, seen = transport.write, []
    transport.write = lambda data: (seen.append(data), held(data))  # type: ignore[assignment, method-assign]
    transport.write(b"a")
    loop.turn()
    assert (seen, transport.log) == ([b"a"], [b"a"])
    assert "write" in vars(transport)


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
    """Who has a transport, and a friend who has it too."""

    def __init__(self) -> None:
        self.slots = Slots()
        self.transport: Any = self.slots
        self.log = self.slots.log


def test_a_transport_without_a_dictionary_is_held_where_it_is_kept(loop: Any) -> None:
    user, friend = User(), User()
    friend.transport = user.transport
    for _ in range(2):
        hold(user.transport, loop, (user, "transport"), (friend, "transport"))
    user.transport.write(b"a")
    friend.transport.write(b"b")
    user.transport.pause_reading()
    assert not user.transport.is_closing()
    assert user.log == ["pause"]
    loop.turn()
    assert (user.log, loop.due) == (["pause", b"ab"], [])
    assert user.transport is friend.transport is user.slots


def test_there_too_it_lasts_longer(loop: Any) -> None:
    user = User()
    for _ in range(2):
        hold(user.transport, loop, (user, "transport"), turns=1)
        user.transport.write(b"a")
    loop.turn()
    user.transport.write(b"b")
    assert user.log == []
    loop.turn()
    assert (user.log, user.transport, loop.due) == ([b"aab"], user.slots, [])


@pytest.mark.parametrize(("name", "told"), [("close", "close"), ("get_write_buffer_size", "size")])
def test_whatever_else_is_asked_of_it_finds_it_written(loop: Any, name: str, told: str) -> None:
    user = User()
    hold(user.transport, loop, (user, "transport"))
    kept = user.transport
    kept.write(b"a")
    assert getattr(kept, name)() == (5 if told == "size" else None)
    assert (user.log, user.transport) == ([b"a", told], user.slots)
    kept.write(b"z")
    assert user.log == [b"a", told, b"z"]


def test_a_transport_that_was_changed_meanwhile_stays(loop: Any) -> None:
    user = User()
    hold(user.transport, loop, (user, "transport"))
    user.transport.write(b"a")
    user.transport = None
    loop.turn()
    assert (user.log, user.transport) == ([b"a"], None)


def test_what_is_held_when_the_peer_is_lost_is_lost_too(loop: Any) -> None:
    user = User()
    hold(user.transport, loop, (user, "transport"))
    user.transport.write(b"a")
    user.slots.lost = True
    user.transport.close()
    loop.turn()
    assert user.log == ["close"]
    with pytest.raises(RuntimeError, match="the handler is closed"):
        user.transport.write(b"b")


def test_a_transport_that_is_kept_elsewhere_is_left_alone(loop: Any) -> None:
    user = User()
    hold(user.transport, loop)
    hold(Slots(), loop, (user, "transport"))
    assert (user.transport, loop.due) == (user.slots, [])


def test_on_a_socket() -> None:
    """Back-pressure is what it was, and the order, and nothing is lost at the end."""

    async def talk() -> None:
        total, served = 30_000_000, asyncio.get_running_loop().create_future()

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            loop = asyncio.get_running_loop()
            for number in range(total // 1000):
                hold(writer.transport, loop)
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

    asyncio.run(talk())

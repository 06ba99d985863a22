"""What `receive` and `send` return is a coroutine for tasks and for applications that drive it themselves."""

from __future__ import annotations

import asyncio
import gc
import warnings

import pytest
from websockets.sync.client import connect


async def cancel_a_waiting_receive(receive, send):
    task = asyncio.create_task(receive())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await send({"type": "websocket.send", "text": "next"})
    assert await receive() == {"type": "websocket.receive", "text": "one"}


async def receive_in_tasks(receive, send):
    tasks = [asyncio.create_task(receive()) for _ in range(2)]
    await asyncio.sleep(0)
    await send({"type": "websocket.send", "text": "next"})
    await send({"type": "websocket.send", "text": "next"})
    texts = [event["text"] for event in await asyncio.gather(*tasks)]
    assert texts == ["one", "one"]


async def send_in_tasks(receive, send):
    tasks = [asyncio.create_task(send({"type": "websocket.send", "text": "next"})) for _ in range(2)]
    assert await asyncio.gather(*tasks) == [None, None]
    assert (await receive())["text"] == (await receive())["text"] == "one"


async def close_before_the_start(receive, send):
    for call in (receive(), send({"type": "websocket.send", "text": "next"})):
        assert asyncio.iscoroutine(call)
        call.close()
        with pytest.raises(RuntimeError):
            call.send(None)


async def close_while_waiting(receive, send):
    call = receive()
    assert asyncio.isfuture(call.send(None))
    call.close()
    with pytest.raises(RuntimeError):
        call.send(None)


async def await_again(receive, send):
    call = send({"type": "websocket.send", "text": "next"})
    await call
    with pytest.raises(RuntimeError):
        await call
    call = receive()
    assert (await call)["text"] == "one"
    with pytest.raises(RuntimeError):
        await call


async def throw_into(receive, send):
    for call in (receive(), send({"type": "websocket.send", "text": "next"})):
        with pytest.raises(LookupError):
            call.throw(LookupError("no"))
    call = receive()
    call.send(None)
    with pytest.raises(LookupError):
        call.throw(LookupError("no"))
    with pytest.raises(RuntimeError):
        call.send(None)


async def send_a_value(receive, send):
    for call in (receive(), send({"type": "websocket.send", "text": "next"})):
        with pytest.raises(TypeError, match="just-started"):
            call.send("value")
        call.close()


async def never_await(receive, send):
    for call in (receive, lambda: send({"type": "websocket.send", "text": "next"})):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            call()
            gc.collect()
        assert [one.category for one in seen] == [RuntimeWarning]
        assert "never awaited" in str(seen[0].message)


async def drive_by_hand(receive, send):
    with pytest.raises(StopIteration) as ended:
        send({"type": "websocket.send", "text": "next"}).send(None)
    assert ended.value.value is None
    call = receive()
    future = call.send(None)
    future._asyncio_future_blocking = False
    await future
    with pytest.raises(StopIteration) as ended:
        call.send(None)
    assert ended.value.value == {"type": "websocket.receive", "text": "one"}


async def send_what_is_no_message(receive, send):
    for event, error, text in (
        ({"type": "websocket.send", "text": "\ud800"}, UnicodeEncodeError, "surrogates"),
        ({"type": "websocket.send", "text": 5}, TypeError, "'text' of 'websocket.send' must be str, not int"),
        ({"type": "websocket.send", "text": b"x"}, TypeError, "'text' .* must be str, not bytes"),
        ({"type": "websocket.send", "bytes": "x"}, TypeError, "'bytes' .* must be bytes-like, not str"),
        ({"type": "websocket.send", "bytes": 5}, TypeError, "'bytes' .* must be bytes-like, not int"),
        ({"type": "websocket.send", "bytes": [b"x"]}, TypeError, "'bytes' .* must be bytes-like, not list"),
        ({"type": "websocket.unknown"}, RuntimeError, "Expected"),
        ({}, KeyError, "type"),
    ):
        with pytest.raises(error, match=text):
            await send(event)
    await send({"type": "websocket.send"})  # uvicorn sends nothing


async def send_other_types(receive, send):
    class Text(str):
        __slots__ = ()

    class Event(dict):
        __slots__ = ()

    await send(Event(type="websocket.send", text="next"))
    await send({"type": "websocket.send", "text": Text("next"), "bytes": None})
    assert (await receive())["text"] == (await receive())["text"] == "one"


CASES = [
    cancel_a_waiting_receive,
    receive_in_tasks,
    send_in_tasks,
    close_before_the_start,
    close_while_waiting,
    await_again,
    throw_into,
    send_a_value,
    never_await,
    drive_by_hand,
    send_what_is_no_message,
    send_other_types,
]


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_calls_behave_as_coroutines(serve, loop, case, compress):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        try:
            await case(receive, send)
        except BaseException as exc:
            await send({"type": "websocket.send", "text": repr(exc)})
            raise
        await send({"type": "websocket.send", "text": "done"})

    url = f"ws://127.0.0.1:{serve(app, loop=loop)}/"
    with connect(url, proxy=None, compression="deflate" if compress else None) as client:
        while (text := client.recv(20)) == "next":
            client.send("one")
        assert text == "done"

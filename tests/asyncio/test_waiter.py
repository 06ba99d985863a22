"""A waiter: when the task that waits runs, and how else its wait ends; both twins alike."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

import pytest

from wsframe import backend
from wsframe._py import waiter as pure
from wsframe.asyncio import Listener, connect, serve

try:
    from wsframe._c import waiter as compiled
except ImportError:
    compiled = None

MODULES = [pure, *([compiled] if compiled else [])]
variable = ContextVar("variable", default="of the loop")

pytestmark = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.split(".")[1])
runs_at_once = pytest.mark.skipif(
    asyncio.Task is getattr(asyncio.tasks, "_PyTask", None), reason="tasks are not compiled"
)


class Waiting:
    """A task that awaits a waiter."""

    def __init__(self, module):
        self.log = []
        self.waiter = module.Waiter(asyncio.get_running_loop())
        self.task = asyncio.ensure_future(self.run())

    async def run(self):
        variable.set("of the task")
        try:
            await self.waiter
        except asyncio.CancelledError as exc:
            self.log.append(f"cancelled: {exc}")
        else:
            self.log.append(variable.get())

    async def callback(self, function):
        """Call a function as the loop does."""
        asyncio.get_running_loop().call_soon(function)
        await asyncio.sleep(0)


@runs_at_once
async def test_resume_runs_the_task_in_its_own_context(module):
    waiting = Waiting(module)
    await asyncio.sleep(0)

    def resume():
        waiting.waiter.resume()
        waiting.log.append(variable.get())

    await waiting.callback(resume)
    assert waiting.log == ["of the task", "of the loop"]
    assert waiting.waiter.done()
    await waiting.task


async def test_resume_in_a_task_leaves_it_to_the_loop(module):
    waiting = Waiting(module)
    await asyncio.sleep(0)
    waiting.waiter.resume()
    assert waiting.waiter.done() and waiting.log == []
    await waiting.task
    assert waiting.log == ["of the task"]


async def test_set_result_leaves_it_to_the_loop(module):
    waiting = Waiting(module)
    await asyncio.sleep(0)

    def finish():
        waiting.waiter.set_result(None)
        waiting.waiter.set_result(None)
        waiting.log.append("set")

    await waiting.callback(finish)
    await waiting.task
    assert waiting.log == ["set", "of the task"]


@pytest.mark.parametrize("then", ["resume", "set_result", None])
async def test_a_cancelled_task_ends_once(module, then):
    waiting = Waiting(module)
    await asyncio.sleep(0)

    def cancel():
        waiting.task.cancel("enough")
        assert waiting.waiter.done()
        if then == "resume":
            waiting.waiter.resume()
        elif then == "set_result":
            waiting.waiter.set_result(None)

    await waiting.callback(cancel)
    await waiting.task
    (line,) = waiting.log
    assert line.startswith("cancelled")
    assert waiting.waiter.done()


async def test_what_has_happened_before_is_not_waited_for(module):
    for end in ("resume", "set_result"):
        waiter = module.Waiter(asyncio.get_running_loop())
        assert not waiter.done()
        getattr(waiter, end)(*([None] if end == "set_result" else []))
        assert waiter.done()
        await waiter


async def test_a_task_in_python_is_left_to_the_loop(module):
    loop = asyncio.get_running_loop()
    log = []

    class Task(asyncio.tasks._PyTask):
        pass

    waiter = module.Waiter(loop)

    async def wait():
        await waiter
        log.append("done")

    task = Task(wait(), loop=loop)
    await asyncio.sleep(0)

    def resume():
        waiter.resume()
        log.append("resumed")

    loop.call_soon(resume)
    await asyncio.wait_for(asyncio.shield(task), 5)
    assert log == ["resumed", "done"]


async def test_a_closed_coroutine_waits_no_more(module):
    async def wait():
        await module.Waiter(asyncio.get_running_loop())

    coroutine = wait()
    coroutine.send(None)
    coroutine.close()
    coroutine = wait()
    coroutine.send(None)
    with pytest.raises(KeyError):
        coroutine.throw(KeyError("thrown"))


async def test_recv_again_and_again_by_several_tasks_in_turn(module):
    """Connections use a waiter again."""

    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    async with serve(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}") as ws:
            for number in range(5):
                received = asyncio.ensure_future(ws.recv())
                await asyncio.sleep(0)
                if number == 2:
                    received.cancel()
                    await asyncio.wait([received])
                    received = asyncio.ensure_future(ws.recv())
                await ws.send(str(number))
                assert await asyncio.wait_for(received, 10) == str(number)


@runs_at_once
async def test_a_message_needs_no_loop_iteration_of_its_own(module, loop_name):
    if loop_name != "asyncio" or (backend == "py") is not (module is pure):
        pytest.skip("cannot see what uvloop schedules, or the other twin is in use")
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    scheduled = []

    class Caller(Listener):
        count = 0

        def on_message(self, ws, message):
            self.count += 1
            if self.count == 5:  # all read by their fast paths
                loop.call_soon = lambda *args, **options: (
                    scheduled.append(args),
                    type(loop).call_soon(loop, *args, **options),
                )[1]
            if self.count == 25:
                del loop.call_soon
                done.set_result(None)
            else:
                ws.send_nowait(message)

    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    async with serve(echo, "127.0.0.1", 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        options = {"compression": None, "listener": Caller}
        async with connect(f"ws://127.0.0.1:{port}", **options) as ws:
            ws.send_nowait("to and fro")
            await asyncio.wait_for(done, 10)
    assert scheduled == []


async def test_task_has_a_callback_of_its_own_in_debug_mode(module):
    asyncio.get_running_loop().set_debug(True)
    waiting = Waiting(module)
    await asyncio.sleep(0)

    def resume():
        waiting.waiter.resume()
        waiting.log.append(variable.get())

    await waiting.callback(resume)
    await waiting.task
    assert waiting.log == ["of the loop", "of the task"]


@pytest.mark.parametrize("ends", [SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("loop_name", ["asyncio", "uvloop"])
def test_exit_of_a_task_ends_the_loop(module, loop_name, ends):
    loop = (asyncio if loop_name == "asyncio" else pytest.importorskip("uvloop")).new_event_loop()

    async def handler(ws):
        async for _ in ws:
            raise ends(3)

    async def main():
        async with serve(handler, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with connect(f"ws://127.0.0.1:{port}") as ws:
                await ws.send("exit")
                await asyncio.sleep(60)

    task = loop.create_task(main())
    try:
        with pytest.raises(ends):
            loop.run_until_complete(task)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)
    finally:
        loop.close()

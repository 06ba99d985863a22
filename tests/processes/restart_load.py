"""Clients for a server that is replaced."""

from __future__ import annotations

import asyncio

from wsframe.asyncio import ConnectionClosed, connect


class Load:
    """Clients that connect, talk and connect again.

    Attributes:
        codes: the close codes of connections that the server has closed.
        echoes: messages that have come back.
        failures: of opening a connection.
    """

    def __init__(self, port, count=20):
        self.uri = f"ws://127.0.0.1:{port}"
        self.codes, self.echoes, self.failures = [], 0, []
        self._tasks = [asyncio.create_task(self._client(number)) for number in range(count)]

    async def _client(self, number):
        while True:
            try:
                ws = await connect(self.uri, proxy=None, open_timeout=30)
            except Exception as exc:
                self.failures.append(exc)
                await asyncio.sleep(0.01)
                continue
            try:
                for _ in range(5 if number % 2 else 100_000):  # some connect all the time
                    await ws.send("hello")
                    assert await ws.recv() == "hello"
                    self.echoes += 1
                    await asyncio.sleep(0.001)
                await ws.close()
            except ConnectionClosed:
                await ws.wait_closed()
                self.codes.append(ws.close_code)
            finally:
                ws.transport.abort()

    async def more_echoes(self):
        target = self.echoes + 500
        while self.echoes < target:
            await asyncio.sleep(0.01)

    async def stop(self):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

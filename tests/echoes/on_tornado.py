"""tornado. `python on_tornado.py`"""

import asyncio
from contextlib import suppress

from tally import MAX_MESSAGE, tally
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketClosedError, WebSocketHandler


class Echo(WebSocketHandler):
    def get_compression_options(self):
        return {}

    def open(self):
        tally.count("opened")

    def on_close(self):
        tally.count("closed")

    async def on_message(self, message):
        with suppress(WebSocketClosedError):
            await self.write_message(tally.reply(message), binary=isinstance(message, bytes))


async def main():
    server = HTTPServer(Application([("/", Echo)], websocket_max_message_size=MAX_MESSAGE))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    print("listening on port", sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())

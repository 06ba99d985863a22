"""tornado: a handler. `python tornado_echo.py`"""

import asyncio

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler


class Echo(WebSocketHandler):
    def on_message(self, message):
        self.write_message(message)


async def main():
    server = HTTPServer(Application([("/", Echo)]))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    print("listening on port", sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())

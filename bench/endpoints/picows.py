"""picows itself: a listener that is handed frames."""

import asyncio

from picows import WSListener, WSMsgType, ws_connect, ws_create_server

from bench.endpoints import HOST, Span


class Echo(WSListener):
    def on_ws_frame(self, transport, frame):
        if frame.msg_type == WSMsgType.TEXT:
            text = frame.get_payload_as_utf8_text()
            transport.send(WSMsgType.TEXT, text.encode())
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()


async def echo(size):
    return await ws_create_server(lambda request: Echo(), HOST, 0)


async def receive(port, messages):
    done = asyncio.get_running_loop().create_future()

    class Counter(WSListener):
        left = messages

        def on_ws_frame(self, transport, frame):
            if frame.msg_type != WSMsgType.TEXT:
                return
            frame.get_payload_as_utf8_text()
            if self.left == messages:
                self.span = Span.begin()
            self.left -= 1
            if not self.left:
                done.set_result(self.span.end())

    transport, _ = await ws_connect(Counter, f"ws://{HOST}:{port}/")
    span = await done
    transport.disconnect()
    return span

"""An ASGI application. `uvicorn --ws wsproto asgi:app`, `hypercorn asgi:app`"""

from tally import tally


async def app(scope, receive, send):
    if scope["type"] != "websocket":
        return
    await receive()
    with tally.connection():
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            if event.get("text") is not None:
                await send({"type": "websocket.send", "text": tally.reply(event["text"])})
            else:
                await send({"type": "websocket.send", "bytes": tally.reply(event["bytes"])})

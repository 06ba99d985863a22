"""An ASGI application: `uvicorn --app-dir examples --ws wsframe.uvicorn:WebSocketProtocol asgi:app`.

Text sent to ws://127.0.0.1:8000/upper comes back in upper case; any other path is refused.
"""

from collections.abc import Awaitable, Callable
from typing import Any

Event = dict[str, Any]


async def app(
    scope: Event, receive: Callable[[], Awaitable[Event]], send: Callable[[Event], Awaitable[None]]
) -> None:
    """Return each text in upper case, on /upper; refuse other paths."""
    if scope["type"] != "websocket":
        return
    await receive()  # websocket.connect
    if scope["path"] != "/upper":
        await send({"type": "websocket.http.response.start", "status": 404, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"There is only /upper.\n"})
        return
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        if event.get("text") is None:
            await send({"type": "websocket.close", "code": 1003, "reason": "text only"})
            return
        await send({"type": "websocket.send", "text": event["text"].upper()})

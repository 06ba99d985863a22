"""A page that opens six WebSockets, which echo, and tell what their scopes say."""

from __future__ import annotations

import json
from typing import Any

PAGE = b"""<!doctype html><title>six</title><script>
var replies = [], failed = 0;
for (let i = 0; i < 6; i++) {
    const ws = new WebSocket(`wss://${location.host}/${i}?a=1`, ["chat"]);
    ws.onopen = () => ws.send("x".repeat(100000));
    ws.onmessage = (event) => {
        if (typeof event.data === "string" && event.data[0] === "{") {
            replies.push({...JSON.parse(event.data), extensions: ws.extensions, protocol: ws.protocol});
            ws.close(4000 + i);
        }
    };
    ws.onclose = (event) => { if (event.code !== 4000 + i) failed += 1; else replies[i].closed = true; };
}
</script>"""


async def app(scope: Any, receive: Any, send: Any) -> None:
    told = {"version": scope["http_version"], "scheme": scope["scheme"], "client": scope["client"]}
    if scope["type"] == "http":
        headers = [(b"content-type", b"text/html")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        page = PAGE.replace(b"<title>six", b"<title>" + json.dumps(told).encode())
        await send({"type": "http.response.body", "body": page})
        return
    await receive()
    await send({"type": "websocket.accept", "subprotocol": next(iter(scope["subprotocols"]), None)})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event["text"]})
        await send({"type": "websocket.send", "text": json.dumps(told)})

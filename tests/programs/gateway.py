"""A gateway that asks for a token in a header, and passes messages on to a service behind it."""

import asyncio
import http

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.http11 import Request, Response

TOKENS = {"letmein": "ann", "sesame": "ben"}


async def service(websocket):
    """Reply with who asks."""
    user = websocket.request.headers["X-User"]
    async for message in websocket:
        if message == "quit":
            await websocket.close(4000, "as you wish")
        else:
            await websocket.send(f"{user}: {message[::-1]}")


async def authenticate(connection, request: Request) -> Response | None:
    authorization = request.headers.get("Authorization", "")
    scheme, _, token = authorization.partition(" ")
    if scheme != "Bearer":
        headers = Headers([("WWW-Authenticate", "Bearer"), ("Content-Length", "0")])
        return Response(401, "Unauthorized", headers, b"")
    await asyncio.sleep(0)  # a look into a database
    if token not in TOKENS:
        return connection.respond(http.HTTPStatus.FORBIDDEN, "invalid token\n")
    connection.user = TOKENS[token]
    return None


def mark(connection, request, response):
    response.headers["X-Gateway"] = "1"
    if response.status_code != 101:
        print("gateway refuses", request.path, response.status_code)
    return response


async def pump(source, target):
    try:
        async for message in source:
            await target.send(message)
        await target.close()
    except ConnectionClosed as exc:
        code = exc.rcvd.code if exc.rcvd is not None else 1011
        await target.close(code, exc.rcvd.reason if exc.rcvd is not None else "")


async def main():
    async with serve(service, "127.0.0.1", 0, server_header=None) as behind:
        upstream = f"ws://127.0.0.1:{behind.sockets[0].getsockname()[1]}"

        async def gateway(client):
            headers = {"X-User": client.user}
            async with connect(upstream + client.request.path, additional_headers=headers) as server:
                await asyncio.gather(pump(client, server), pump(server, client))

        options = {"process_request": authenticate, "process_response": mark, "origins": None}
        async with serve(gateway, "127.0.0.1", 0, **options) as server:
            uri = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/room?id=1"
            for header in (None, "Basic abc", "Bearer wrong"):
                headers = {} if header is None else {"Authorization": header}
                try:
                    async with connect(uri, additional_headers=headers):
                        print("not reached")
                except InvalidHandshake as exc:
                    if not isinstance(exc, InvalidStatus):
                        raise
                    response = exc.response
                    print(header, response.status_code, response.reason_phrase, bytes(response.body))
                    print(response.headers.get("WWW-Authenticate"), response.headers["X-Gateway"])
            for token in TOKENS:
                headers = [("Authorization", f"Bearer {token}")]
                async with connect(uri, additional_headers=headers) as websocket:
                    print(websocket.response.headers["X-Gateway"], websocket.response.status_code)
                    await websocket.send("hello")
                    print(await websocket.recv())
                    await websocket.send("quit")
                    try:
                        await websocket.recv()
                    except ConnectionClosed as exc:
                        print(exc)


asyncio.run(main())

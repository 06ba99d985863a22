"""mypy and pyright see a misspelt option: without an error the comments would be errors (`make lint`)."""

from wsframe import sync
from wsframe.asyncio import ServerConnection, connect, serve, unix_connect, unix_serve


async def handler(ws: ServerConnection) -> None:
    async for message in ws:
        await ws.send(message)


serve(handler, "127.0.0.1", 0, ping_intervall=20)  # type: ignore[call-arg]
serve(handler, "127.0.0.1", 0, reuse_prot=True)  # type: ignore[call-arg]
serve(handler, "127.0.0.1", 0, ping_interval="20")  # type: ignore[arg-type]
unix_serve(handler, "/tmp/socket", max_sise=1)  # type: ignore[call-arg]
connect("ws://localhost/", additional_header={})  # type: ignore[call-arg]
connect("ws://localhost/", local_address=("127.0.0.1", 0))  # type: ignore[call-arg]
unix_connect("/tmp/socket", close_timeuot=1)  # type: ignore[call-arg]
serve(handler, "127.0.0.1", 0, ping_interval=20, reuse_port=True, ssl=None)
unix_serve(handler, "/tmp/socket", max_size=1, backlog=10)
connect("ws://localhost/", additional_headers={"X-Name": "value"}, local_addr=("127.0.0.1", 0))
unix_connect("/tmp/socket", close_timeout=1)


def threaded(ws: sync.ServerConnection) -> None:
    for message in ws:
        ws.send(message)


sync.serve(threaded, "127.0.0.1", 0, ping_intervall=20)  # type: ignore[call-arg]
sync.serve(threaded, "127.0.0.1", 0, reuse_prot=True)  # type: ignore[call-arg]
sync.unix_serve(threaded, "/tmp/socket", max_sise=1)  # type: ignore[call-arg]
sync.connect("ws://localhost/", source_adress=("127.0.0.1", 0))  # type: ignore[call-arg]
sync.unix_connect("/tmp/socket", close_timeuot=1)  # type: ignore[call-arg]
sync.serve(threaded, "127.0.0.1", 0, ping_interval=20, reuse_port=True)
sync.connect("ws://localhost/", source_address=("127.0.0.1", 0))

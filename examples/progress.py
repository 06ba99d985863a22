"""The log of a command, live: `python examples/progress.py 8765 COMMAND ...`, then open http://127.0.0.1:8765.

Each client that connects starts the command and receives what it prints, a line a message; the connection
closes with the status of the command as its reason.
"""

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, STDOUT

from wsframe.asyncio import Request, Response, ServerConnection, serve

PAGE = """<!doctype html><title>Progress</title><pre></pre>
<script>
const ws = new WebSocket(location.href.replace("http", "ws")), log = document.querySelector("pre")
ws.onmessage = ({data}) => log.append(data + "\\n")
ws.onclose = ({code, reason}) => log.append(`closed: ${code} ${reason}`)
</script>
"""

COUNT = [sys.executable, "-uc", "import time\nfor n in range(11): print(f'{n * 10} %'); time.sleep(0.2)"]


async def run(ws: ServerConnection, command: list[str]) -> None:
    """Run the command; a client that leaves ends it."""
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT)
    assert process.stdout is not None
    try:
        async for line in process.stdout:
            await ws.send(line.decode(errors="replace").rstrip())
        status = await process.wait()
        await ws.close(1000, f"status {status}")
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def page(ws: ServerConnection, request: Request) -> Response | None:
    """Return the page to a browser that requests it; let WebSockets through."""
    if "Upgrade" in request.headers:
        return None
    return Response(200, headers=[("Content-Type", "text/html; charset=utf-8")], body=PAGE)


async def main(port: int, command: list[str]) -> None:
    async with serve(lambda ws: run(ws, command), "127.0.0.1", port, process_request=page) as server:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if sys.argv[1:] else 8765, sys.argv[2:] or COUNT))

"""`wsframe connect`: talk to a server by hand, or from a pipe."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Any

from ..asyncio import Listener, connect
from .opening import connect_options, failure
from .terminal import Output, lines_of, painter

HELP = """\
Each line is sent as a text message. A line that begins with a slash is a command:
  /ping [TEXT]           send a Ping, and print the round trip
  /close [CODE [REASON]] close the connection (1000)
  /hex BYTES             send a binary message, in hexadecimal digits
  /help                  print this
  //TEXT                 send a text that begins with a slash
The end of the input (Ctrl-D) closes, too."""
NORMAL, GOING_AWAY, NO_STATUS, ABNORMAL = 1000, 1001, 1005, 1006


class _Printer(Listener):
    """Prints what arrives.

    Args:
        output: where to.
        uri: of the server.
    """

    def __init__(self, output: Output, uri: str) -> None:
        self.output = output
        self.uri = uri
        self.closed = asyncio.Event()
        self.arrived = asyncio.Event()

    def on_open(self, ws: Any) -> None:
        response = ws.response
        self.output.note(
            "open",
            f"connected to {self.uri}" + (f", {ws.subprotocol}" if ws.subprotocol else ""),
            subprotocol=ws.subprotocol,
            headers=[list(field) for field in response.headers.raw_items()] if response else [],
        )
        if self.output.interactive:
            self.output.note("", "/help lists the commands")

    def on_message(self, ws: Any, message: str | bytes) -> None:
        self.arrived.set()
        if isinstance(message, str):
            self.output.show("text", message, data=message)
        elif self.output.json:
            self.output.show("binary", "", data=message.hex())
        else:
            self.output.show("binary", message.hex(" "))
        if self.output.broken:
            ws.close_nowait()

    def on_close(self, ws: Any) -> None:
        self.closed.set()
        self.arrived.set()

    async def quiet(self, seconds: float) -> None:
        """Wait until no message has come for so long, or the connection is closed."""
        while not self.closed.is_set():
            self.arrived.clear()
            try:
                await asyncio.wait_for(self.arrived.wait(), seconds)
            except asyncio.TimeoutError:
                return


async def converse(options: argparse.Namespace) -> int:
    """Open a connection, send what is typed, print what arrives.

    Returns:
        The exit status: 0 when the connection was closed with 1000 or 1001, or without a code.
    """
    from ..connection import ConnectionClosed

    output = Output(json=options.json, paint=painter(sys.stdout), interactive=sys.stdin.isatty())
    printer = _Printer(output, options.uri)
    settings = connect_options(options)
    async with connect(options.uri, listener=lambda: printer, max_size=options.max_size, **settings) as ws:
        closed = asyncio.ensure_future(printer.closed.wait())
        async for line in lines_of(output, closed):
            try:
                if not await _execute(ws, line, output):
                    break
            except UnicodeEncodeError:
                output.note("error", "not sent: that line is no UTF-8", message="no UTF-8")
            except ValueError as exc:
                output.note("error", str(exc), message=str(exc))
            except ConnectionClosed:
                break
        else:  # the end of the input
            if not output.interactive:
                await printer.quiet(options.wait)
        await ws.close()
        await closed
    if output.broken:
        raise BrokenPipeError
    code = ws.close_code
    reason = f": {ws.close_reason}" if ws.close_reason else ""
    if code == ABNORMAL:
        reason = f": {ws.protocol.closed_error()}"
    output.note("close", f"closed with {code}{reason}", code=code, reason=ws.close_reason)
    return 0 if code in (NORMAL, GOING_AWAY, NO_STATUS) else 1


async def _execute(ws: Any, line: str, output: Output) -> bool:
    """Send a line, or do what it says; return whether more may follow."""
    if not line.startswith("/") or line.startswith("//"):
        await ws.send(line[1:] if line.startswith("//") else line)
        return True
    command, _, rest = line[1:].partition(" ")
    if command == "ping":
        pong = await ws.ping(rest or None)
        seconds = await pong
        output.note("pong", f"pong after {seconds * 1000:.1f} ms", seconds=seconds)
    elif command == "hex":
        try:
            data = bytes.fromhex(rest)
        except ValueError:
            raise ValueError("/hex takes pairs of hexadecimal digits: /hex 00 ff") from None
        await ws.send(data)
    elif command == "close":
        code, _, reason = rest.partition(" ")
        if code and not code.isdecimal():
            raise ValueError("/close takes a number, and then the reason: /close 4000 reason")
        await ws.close(int(code or NORMAL), reason)
        return False
    elif command == "help":
        output.note("", HELP)
    else:
        raise ValueError(f"no command /{command}: /help lists them; //{command} sends it as a text")
    return True


def run(options: argparse.Namespace) -> int:
    """Run the command; return the exit status."""
    try:
        return asyncio.run(converse(options))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        raise
    except Exception as exc:  # of the opening handshake, the arguments, or TLS
        print(f"wsframe: {failure(exc, options.uri)}", file=sys.stderr)
        return 1

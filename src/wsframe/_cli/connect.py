"""`wsframe connect`: talk to a server by hand, or from a pipe."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import Any
from urllib.parse import urljoin

from .._escape import escape
from .._http.errors import InvalidProxy, InvalidStatus
from ..asyncio import Listener, connect
from ..connection import ConnectionClosed
from .opening import connect_options, failure
from .terminal import Output, discard_output, lines_of

HELP = """\
Each line is sent as a text message. A line that begins with a slash is a command:
  /ping [TEXT]           send a Ping, and print the round trip
  /close [CODE [REASON]] close the connection (1000)
  /hex BYTES             send a binary message, in hexadecimal digits
  /help                  print this
  //TEXT                 send a text that begins with a slash
The end of the input (Ctrl-D) closes, too."""
NORMAL, GOING_AWAY, NO_STATUS, ABNORMAL = 1000, 1001, 1005, 1006
WRONG_COMMAND_LINE, INTERRUPTED = 2, 130  # exit statuses


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
        self._close_unless_printed(ws)

    def on_message(self, ws: Any, message: str | bytes) -> None:
        self.arrived.set()
        if isinstance(message, str):
            self.output.show("text", message, data=message)
        elif self.output.json:
            self.output.show("binary", "", data=message.hex())
        else:
            self.output.show("binary", message.hex(" "))
        self._close_unless_printed(ws)

    def _close_unless_printed(self, ws: Any) -> None:
        if self.output.failure is not None:
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


class _Connecting(connect):
    """Remembers where the server has redirected to."""

    target: str | None = None

    def process_redirect(self, exc: Exception) -> Exception | str:
        location = super().process_redirect(exc)
        if isinstance(location, str):
            with suppress(ValueError):
                self.target = urljoin(self.target or self._uri_text, location)
        return location

    def failure(self, exc: Exception) -> str:
        """Say in one line why no connection was opened."""
        if self.target is None or isinstance(exc.__cause__, InvalidStatus):  # no redirect that was followed
            return failure(exc, self._uri_text)
        return f"{failure(exc, escape(self.target))} (redirected from {self._uri_text})"


async def converse(connecting: connect, printer: _Printer, options: argparse.Namespace) -> int:
    """Open a connection, send what is typed, print what arrives.

    Returns:
        The exit status: 0 when the connection was closed with 1000 or 1001, or without a code.

    Raises:
        OSError: the connection failed, or what arrived could not be printed.
    """
    output = printer.output
    async with connecting as ws:
        closed = asyncio.ensure_future(printer.closed.wait())
        async with aclosing(lines_of(output, closed)) as lines:
            await _send_lines(ws, lines, printer, options.wait)
        await ws.close()
        await closed
    code, reason = ws.close_code, ws.close_reason
    if code == ABNORMAL:
        reason = str(ws.protocol.closed_error())
    output.note("close", f"closed with {code}" + (f": {reason}" if reason else ""), code=code, reason=reason)
    if output.failure is not None:
        raise output.failure
    return 0 if code in (NORMAL, GOING_AWAY, NO_STATUS) else 1


async def _send_lines(ws: Any, lines: AsyncIterator[str], printer: _Printer, wait: float) -> None:
    """Send each line; at the end of a pipe wait for replies."""
    output = printer.output
    async for line in lines:
        try:
            if not await _execute(ws, line, output):
                return
        except UnicodeEncodeError:
            output.note("error", "not sent: that line is no UTF-8", message="no UTF-8")
        except ValueError as exc:
            output.note("error", str(exc), message=str(exc))
        except ConnectionClosed:
            return
        if output.failure is not None:
            return
    if not output.interactive:
        await printer.quiet(wait)


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
    output = Output(json=options.json)
    printer = _Printer(output, options.uri)
    try:
        settings = connect_options(options)
        connecting = _Connecting(options.uri, listener=lambda: printer, max_size=options.max_size, **settings)
    except (ValueError, InvalidProxy) as exc:
        return _failed(output, exc, failure(exc, options.uri), WRONG_COMMAND_LINE)
    except ImportError as exc:  # httptools
        return _failed(output, exc, failure(exc, options.uri), 1)
    try:
        return asyncio.run(converse(connecting, printer, options))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError as exc:
        if exc is output.failure:  # the reader has left, which is no error
            raise
        return _failed(output, exc, connecting.failure(exc), 1)
    except Exception as exc:  # of the opening handshake, or TLS
        return _failed(output, exc, connecting.failure(exc), 1)


def _failed(output: Output, exc: Exception, said: str, status: int) -> int:
    """Print one line, and as JSON an object; return the exit status."""
    if exc is output.failure:
        said = f"cannot print: {exc.strerror or exc}"
    elif output.json:
        status_code = {"status": exc.response.status_code} if isinstance(exc, InvalidStatus) else {}
        output.show("error", said, message=said, **status_code)
    with suppress(OSError):
        print(f"wsframe: {said}", file=sys.stderr, flush=True)
    discard_output()
    return status

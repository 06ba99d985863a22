"""The libraries, by what people call them, and how each is started as an echo."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from wsframe.demo.servers import Program

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Echo:
    """A program that sends every message back.

    Attributes:
        replaced: the libraries whose code `wsframe run` replaces in it.
        client: whether it connects, instead of listening; to the URL that its command is to end with.
        loses_track: whether the library as it is may, when a connection is reset amid its reply, never tell
            the application, and keep the connection.
        logs: exceptions that the library as it is logs now and then, when a connection ends badly.
    """

    program: Program
    replaced: frozenset[str]
    client: bool = False
    loses_track: bool = False
    logs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.program.name


def _echo(name: str, replaced: str, *command: str, **options: Any) -> Echo:
    words = [str(HERE / word) if word.endswith(".py") else word for word in command]
    return Echo(Program(name, tuple(words)), frozenset(replaced.split()), **options)


UVICORN = ("-m", "uvicorn", "--port", "0", "--no-access-log", "--ws-max-size", str(2**25))
UVICORN += ("--app-dir", str(HERE), "asgi:app")
WSPROTO, SANSIO = ("--ws", "wsproto"), ("--ws", "websockets-sansio")
HYPERCORN = ("hypercorn wsproto", "-m", "hypercorn", "--workers", "0", "--bind", "127.0.0.1:0")
HYPERCORN += (f"{HERE}/asgi:app",)
CANCELLED = ("asyncio.exceptions.CancelledError",)

ECHOES = {
    echo.name: echo
    for echo in (
        _echo("websockets", "websockets", "on_websockets.py"),
        _echo("websockets-sync", "websockets", "on_websockets_sync.py", logs=("EOFError: stream ended",)),
        _echo("uvicorn-wsproto", "uvicorn wsproto", *UVICORN, *WSPROTO, "--loop", "asyncio"),
        _echo("uvicorn-sansio", "uvicorn websockets", *UVICORN, *SANSIO, "--loop", "asyncio"),
        _echo("uvicorn-wsproto-uvloop", "uvicorn wsproto", *UVICORN, *WSPROTO, "--loop", "uvloop"),
        _echo("uvicorn-sansio-uvloop", "uvicorn websockets", *UVICORN, *SANSIO, "--loop", "uvloop"),
        _echo("hypercorn", *HYPERCORN, loses_track=True, logs=CANCELLED),
        _echo("hypercorn-uvloop", *HYPERCORN, "-k", "uvloop", loses_track=True, logs=CANCELLED),
        _echo("tornado", "tornado", "on_tornado.py"),
        _echo("autobahn-asyncio", "autobahn", "on_autobahn.py", "asyncio"),
        _echo("autobahn-twisted", "autobahn", "on_autobahn.py", "twisted"),
        _echo("aiohttp", "aiohttp", "on_aiohttp.py"),
        _echo("websocket-client", "websocket_client", "with_websocket_client.py", client=True),
    )
    if find_spec("uvloop") or not echo.name.endswith("-uvloop")
}

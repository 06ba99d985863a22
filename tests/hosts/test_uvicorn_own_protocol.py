"""uvicorn with our protocol in place of its own: where it is used, and where not."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from threading import Thread
from typing import Any

import pytest
import uvicorn
from support.processes import environment
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

from wsframe import accelerate
from wsframe.accelerate.hosts.uvicorn import own_proof
from wsframe.accelerate.hosts.uvicorn.own_guard import guarded
from wsframe.demo.servers import Program, running
from wsframe.uvicorn import WebSocketProtocol

pytestmark = pytest.mark.filterwarnings("ignore")  # websockets.legacy is deprecated

STOCK = "uvicorn.protocols.websockets.wsproto_impl:WSProtocol"
SETTINGS = ["auto", "websockets", "websockets-sansio", "wsproto"]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("WSFRAME_OWN_PROTOCOL", raising=False)
    accelerate.install("uvicorn")
    yield
    accelerate.uninstall("uvicorn")


def loaded(ws: Any, **options: Any) -> Any:
    """Give the class a server with these settings would use."""
    config = uvicorn.Config("app", ws=ws, lifespan="off", log_config=None, **options)
    config.load_app = lambda: app  # type: ignore[method-assign]
    config.load()
    return config.ws_protocol_class


def is_ours(kind: type) -> bool:
    return issubclass(kind, WebSocketProtocol)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Never called."""


def found() -> accelerate.HostStatus:
    (status,) = [host for host in accelerate.status() if host.host == "uvicorn"]
    return status


@pytest.mark.parametrize("ws", SETTINGS)
def test_own_protocol_replaces_every_class_named_by_the_settings(installed: None, ws: str) -> None:
    assert is_ours(loaded(ws))


@pytest.mark.parametrize("ws", SETTINGS)
def test_uninstall_restores_the_class_of_uvicorn(installed: None, ws: str) -> None:
    accelerate.uninstall("uvicorn")
    assert loaded(ws).__module__.startswith("uvicorn.protocols.websockets.")


class Derived(WSProtocol):
    """A class of the user's."""


@pytest.mark.parametrize("ws", [STOCK, WSProtocol, WebSocketsSansIOProtocol, Derived])
def test_explicitly_given_class_is_kept(installed: None, ws: Any) -> None:
    assert loaded(ws) is (WSProtocol if ws is STOCK else ws)


def test_ws_setting_of_none_is_kept(installed: None) -> None:
    assert loaded("none") is None


def test_auto_without_a_library_selects_no_protocol(installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uvicorn.protocols.websockets.auto.AutoWebSocketsProtocol", None)
    assert loaded("auto") is None


@pytest.mark.parametrize("ws", SETTINGS)
@pytest.mark.parametrize("name", ["get_remote_addr", "get_path_with_query_string", "unquote"])
def test_class_whose_module_has_a_replaced_function_is_kept(
    installed: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ws: str, name: str
) -> None:
    module = loaded(ws).replaces.__module__
    monkeypatch.setattr(f"{module}.{name}", lambda *args: None)
    assert loaded(ws).__module__ == module
    assert f"{module}.{name} is not what uvicorn made it\n" in capsys.readouterr().err


@contextmanager
def serving(application: Any, **options: Any) -> Iterator[int]:
    """Run a server in a thread; yield its port."""
    server = uvicorn.Server(uvicorn.Config(application, lifespan="off", log_config=None, **options))
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(20)
        assert not thread.is_alive()


async def who(scope: Any, receive: Any, send: Any) -> None:
    """Tell the class of the connection."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": type(receive.__self__).__module__})
    await receive()


@pytest.mark.parametrize("ws", SETTINGS)
@pytest.mark.parametrize("of_module", [False, True])
def test_wrapper_that_is_installed_after_the_start_is_called(
    installed: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    ws: str,
    of_module: bool,
) -> None:
    stock = loaded(ws).replaces
    owner: Any = sys.modules[stock.__module__] if of_module else stock
    name = "get_remote_addr" if of_module else "connection_made"
    original, calls = getattr(owner, name), []

    def wrapper(*args: Any) -> Any:
        calls.append(name)
        return original(*args)

    guarded.cache_clear()
    with serving(who, ws=ws, http="httptools") as port:

        def reply() -> str:
            with connect(f"ws://127.0.0.1:{port}", proxy=None) as client:
                return str(client.recv(20))

        assert reply() == "wsframe.uvicorn"
        monkeypatch.setattr(owner, name, wrapper)
        assert [reply(), reply()] == [stock.__module__] * 2
        monkeypatch.setattr(owner, name, original)
        assert reply() == "wsframe.uvicorn"
    assert calls == [name] * 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("wsframe:")]
    assert line == (
        f"wsframe: uvicorn uses its own {stock.__name__} from now on: "
        f"{owner.__name__}.{name} is not what uvicorn made it"
    )


@pytest.mark.parametrize("level", ["debug", "trace"])
def test_classes_that_log_each_frame_are_kept_on_debug(
    installed: None, capsys: pytest.CaptureFixture[str], level: str
) -> None:
    loggers = [logging.getLogger(f"uvicorn.{name}") for name in ("error", "access", "asgi")]
    levels = [logger.level for logger in loggers]
    try:
        ours = [is_ours(loaded(ws, log_level=level)) for ws in SETTINGS]
    finally:
        for logger, before in zip(loggers, levels, strict=True):
            logger.setLevel(before)
    assert ours == [False, False, False, True]
    assert (
        "wsframe: uvicorn keeps its own WebSocketProtocol: it logs each frame on the level DEBUG\n"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("name", ["send", "receive", "handle_message", "connection_lost"])
def test_class_with_a_replaced_method_is_kept(
    installed: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    original = getattr(WSProtocol, name)
    monkeypatch.setattr(WSProtocol, name, lambda self, *args: original(self, *args))
    assert loaded("wsproto") is WSProtocol
    said = capsys.readouterr().err
    assert (
        said == f"wsframe: uvicorn keeps its own WSProtocol: WSProtocol.{name} is not what uvicorn made it\n"
    )


def test_class_whose_library_was_wrapped_is_kept(installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    import wsproto

    original = wsproto.WSConnection.send
    monkeypatch.setattr(wsproto.WSConnection, "send", lambda self, event: original(self, event))
    assert loaded("wsproto") is WSProtocol
    assert is_ours(loaded("websockets-sansio"))


def test_class_replaced_by_the_user_is_kept(installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uvicorn.protocols.websockets.wsproto_impl.WSProtocol", Derived)
    assert loaded("wsproto") is Derived


def test_wsframe_own_protocol_0_disables_the_own_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSFRAME_OWN_PROTOCOL", "0")
    accelerate.install("uvicorn")
    try:
        assert [loaded(ws).__module__.split(".")[0] for ws in SETTINGS] == ["uvicorn"] * 4
        assert found().active
        assert found().notes == ()
        assert found().why_not == ""
    finally:
        accelerate.uninstall("uvicorn")


def test_status_notes_the_own_protocol(installed: None) -> None:
    assert found().active
    assert found().notes == ("own protocol",)


def test_load_keeps_its_name_and_signature(installed: None) -> None:
    accelerate.uninstall("uvicorn")
    original = uvicorn.Config.load
    accelerate.install("uvicorn")
    load = uvicorn.Config.load
    assert load is not original
    assert (load.__name__, load.__qualname__, load.__module__) == ("load", "Config.load", "uvicorn.config")
    assert inspect.signature(load) == inspect.signature(original)


def test_own_protocol_is_not_used_if_its_proof_fails(
    installed: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(own_proof, "HELLO", b"never")
    own_proof.prove_own.cache_clear()
    assert loaded("auto") is WebSocketsSansIOProtocol
    assert "uvicorn keeps its own protocol: RuntimeError: no reply" in capsys.readouterr().err


def test_config_can_be_loaded_inside_a_running_loop(installed: None) -> None:
    own_proof.prove_own.cache_clear()

    async def load() -> Any:
        return loaded("auto")

    assert is_ours(asyncio.run(load()))


def test_the_proof_leaves_nothing_in_the_log(installed: None, caplog: pytest.LogCaptureFixture) -> None:
    own_proof.prove_own.cache_clear()
    caplog.set_level("DEBUG")
    own_proof.prove_own(WebSocketProtocol)
    assert [record for record in caplog.records if "uvicorn" in record.name] == []


WITHOUT_HTTPTOOLS = """
import sys
sys.modules["httptools"] = None
from wsframe import accelerate
accelerate.install("uvicorn")
import uvicorn
from uvicorn.protocols.websockets import wsproto_impl
config = uvicorn.Config("__main__:app", ws="wsproto", http="h11", lifespan="off", log_config=None)
async def app(scope, receive, send): pass
config.load()
(host,) = [host for host in accelerate.status() if host.host == "uvicorn"]
print(config.ws_protocol_class.__module__, host.active, host.notes, host.why_not)
"""


def test_without_httptools_the_classes_of_uvicorn_are_patched() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_HTTPTOOLS],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    wanted = "uvicorn.protocols.websockets.wsproto_impl True () "
    assert done.stdout.startswith(wanted)
    assert "needs httptools" in done.stdout


# Whole servers: an application that says what class carries it.

APP = """
import os

def is_ours(kind: type) -> bool:
    return issubclass(kind, WebSocketProtocol)


async def app(scope, receive, send):
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    await receive()
    await send({"type": "websocket.send", "text": f"{os.getpid()} {type(send.__self__).__module__}"})
    await receive()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("WSFRAME_OWN_PROTOCOL", raising=False)
    (tmp_path / "who.py").write_text(APP)
    return tmp_path


def serve(folder: Path, *words: str) -> Any:
    program = Program(
        "uvicorn", ("-m", "uvicorn", "--port", "0", "--app-dir", str(folder), *words, "who:app")
    )
    return running(program, folder / "log", accelerated=True)


@pytest.fixture
def free_port() -> int:
    with socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def ask(port: int) -> tuple[str, str]:
    """Ask until a server replies."""
    end = time.monotonic() + 60
    while True:
        try:
            with connect(f"ws://127.0.0.1:{port}", proxy=None) as client:
                client.send("who?")
                number, module = client.recv(timeout=20).split()
                return number, module
        except (OSError, ConnectionClosed, InvalidHandshake):
            assert time.monotonic() < end
            time.sleep(0.1)


@pytest.mark.parametrize("ws", SETTINGS)
def test_server_uses_the_own_protocol(folder: Path, ws: str) -> None:
    with serve(folder, "--ws", ws) as server:
        assert ask(server.port()) == (str(server.process.pid), "wsframe.uvicorn")
        assert any(f"uvicorn {uvicorn.__version__} (own protocol)" in line for line in server.remarks())


def test_worker_processes_use_the_own_protocol(folder: Path) -> None:
    with serve(folder, "--workers", "2") as server:
        replies = {}
        end = time.monotonic() + 60
        while len(replies) < 2:
            assert time.monotonic() < end
            replies.update([ask(server.port())])
    assert set(replies.values()) == {"wsframe.uvicorn"}


def test_reloading_server_uses_the_own_protocol(folder: Path) -> None:
    with serve(folder, "--reload", "--reload-dir", str(folder)) as server:
        assert ask(server.port())[1] == "wsframe.uvicorn"


@pytest.mark.skipif(os.name == "nt", reason="gunicorn needs POSIX")
@pytest.mark.parametrize("worker", ["uvicorn_worker.UvicornWorker", "uvicorn.workers.UvicornWorker"])
def test_gunicorn_workers_use_the_own_protocol(folder: Path, worker: str, free_port: int) -> None:
    pytest.importorskip("gunicorn")
    pytest.importorskip(worker.rpartition(".")[0])
    words = ("-m", "gunicorn", "-k", worker, "--no-control-socket", "--chdir", str(folder))
    program = Program("gunicorn", (*words, "-b", f"127.0.0.1:{free_port}", "who:app"))
    with running(program, folder / "log", accelerated=True):
        assert ask(free_port)[1] == "wsframe.uvicorn"


def test_no_own_protocol_option_keeps_the_class_of_uvicorn(folder: Path) -> None:
    command = [sys.executable, "-m", "wsframe", "run", "--no-own-protocol", "--"]
    program = folder / "which.py"
    program.write_text(
        "import uvicorn, who\n"
        "config = uvicorn.Config(who.app, lifespan='off', log_config=None)\n"
        "config.load()\n"
        "print(config.ws_protocol_class.__module__)\n"
    )
    done = subprocess.run(
        [*command, str(program)], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("uvicorn.protocols.websockets.")
    assert "own protocol" not in done.stderr

"""Real reverse proxies with the configurations of the docs, in front of a server in its own process."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trustme
from proxy_programs import find, free_port, running

CONFIGURATIONS = Path(__file__).parents[2] / "docs" / "how-to" / "proxies"
BACKEND = Path(__file__).with_name("backend.py")

IDLE_TIMEOUT = 3.0  # seconds, in the place of the 60 of the documentation; a busy machine needs some
START_TIME = 30.0


class Backend:
    """The server behind the proxies; `start` and `stop` as often as wanted, at the same addresses."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.path = str(folder / "ws.sock")
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.process = subprocess.Popen(
            [sys.executable, str(BACKEND), str(self.port), self.path], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(START_TIME)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None


@dataclass
class Rig:
    """A proxy that runs, and what is around it."""

    kind: Kind
    folder: Path
    backend: Backend
    trusting: ssl.SSLContext
    http: int = field(default_factory=free_port)
    https: int = field(default_factory=free_port)
    extra: int = field(default_factory=free_port)  # for what else listens
    process: subprocess.Popen[bytes] | None = None
    others: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def uri(self, path: str = "/", scheme: str = "ws") -> str:
        return f"{scheme}://localhost:{self.https if scheme == 'wss' else self.http}{path}"

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path


@dataclass(frozen=True)
class Kind:
    """A kind of proxy.

    Args:
        name: of its program.
        configuration: the file in the documentation.
        changes: what is written differently for the tests, beside the addresses, and how often it is there.
        command: writes what else it needs, and returns the command that runs it in the foreground.
        reload: has it read its configuration again.
        version: the words that have it print its version.
    """

    name: str
    configuration: str
    changes: dict[str, tuple[int, str]]
    command: Callable[[Rig, str], list[str]]
    reload: Callable[[Rig], None]
    version: tuple[str, ...] = ("-v",)

    def configured(self, rig: Rig) -> str:
        """Return the configuration of the documentation with the addresses and files of the tests."""
        text = (CONFIGURATIONS / self.configuration).read_text(encoding="utf-8")
        common = {
            "127.0.0.1:8765": f"127.0.0.1:{rig.backend.port}",
            "/run/chat/ws.sock": rig.backend.path,
            "/etc/ssl/example.com": str(rig.folder / "example.com"),
        }
        for old, new in common.items():
            text = text.replace(old, new)
        for old, (count, new) in self.changes.items():
            # Not the first digits of a port.
            text, found = re.subn(rf"{re.escape(old)}(?!\d)", lambda _, new=new: new.format(rig=rig), text)
            assert found == count, f"{self.configuration} has {old!r} {found} times, not {count}"
        return text

    def described(self) -> str:
        """Return its name and version."""
        done = subprocess.run([find(self.name) or "", *self.version], capture_output=True, text=True)
        version = re.search(r"[0-9]+\.[0-9]+\.[0-9]+", done.stdout + done.stderr)
        return f"{self.name} {version[0] if version else '?'}"


def _children(process: subprocess.Popen[bytes]) -> set[str]:
    return set(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())


def _signalled(number: signal.Signals) -> Callable[[Rig], None]:
    """A proxy whose main process starts new workers when it gets a signal."""

    def reload(rig: Rig) -> None:
        assert rig.process is not None
        before = _children(rig.process)
        rig.process.send_signal(number)
        deadline = time.monotonic() + START_TIME
        while not _children(rig.process) - before:
            assert time.monotonic() < deadline, "no new worker"
            time.sleep(0.02)

    return reload


def _nginx(rig: Rig, text: str) -> list[str]:
    rig.write("site.conf", text)
    temporary = "".join(
        f"    {name}_temp_path {rig.folder};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    main = rig.write(
        "nginx.conf",
        f"{user}\npid {rig.folder}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n    access_log off;\n"
        f"{temporary}    include {rig.folder}/site.conf;\n}}\n",
    )
    return [find("nginx") or "", "-c", str(main), "-e", "stderr", "-g", "daemon off;"]


def _haproxy(rig: Rig, text: str) -> list[str]:
    path = rig.write("haproxy.cfg", text)
    # A master with workers, which SIGUSR2 replaces.
    return [find("haproxy") or "", "-W", "-db", "-f", str(path)]


def _caddy(rig: Rig, text: str) -> list[str]:
    path = rig.write(
        "Caddyfile",
        f"{{\n    admin 127.0.0.1:{rig.extra}\n    auto_https disable_redirects\n    default_bind 127.0.0.1\n"
        f"    http_port {rig.http}\n    https_port {rig.https}\n}}\n{text}",
    )
    return [find("caddy") or "", "run", "--config", str(path), "--adapter", "caddyfile"]


def _reload_caddy(rig: Rig) -> None:
    command = [find("caddy") or "", "reload", "--force", "--config", str(rig.folder / "Caddyfile")]
    options = ["--adapter", "caddyfile", "--address", f"127.0.0.1:{rig.extra}"]
    subprocess.run([*command, *options], check=True, capture_output=True, timeout=START_TIME)


_APACHE_MODULES = (
    *("mpm_event", "authz_core", "proxy", "proxy_http", "headers", "ssl", "socache_shmcb", "setenvif"),
    *("reqtimeout",),
)


def _apache(rig: Rig, text: str) -> list[str]:
    modules = "".join(
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in _APACHE_MODULES
    )
    user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
    path = rig.write(
        "apache2.conf",
        f"{modules}{user}ServerRoot {rig.folder}\nServerName localhost\nPidFile {rig.folder}/pid\n"
        f"DefaultRuntimeDir {rig.folder}\nErrorLog {rig.folder}/error.log\n"
        f"Listen 127.0.0.1:{rig.http}\nListen 127.0.0.1:{rig.https}\n{text}",
    )
    return [find("apache2") or "", "-f", str(path), "-D", "FOREGROUND"]


def _envoy_command(rig: Rig, epoch: int) -> list[str]:
    options = ["--base-id", str(rig.extra), "--restart-epoch", str(epoch), "--concurrency", "1"]
    return [find("envoy") or "", "-c", str(rig.folder / "envoy.yaml"), *options, "-l", "warning"]


def _envoy(rig: Rig, text: str) -> list[str]:
    rig.write("envoy.yaml", text)
    return _envoy_command(rig, 0)


def _restart_envoy(rig: Rig) -> None:
    """A hot restart: a second process takes the listening sockets of the first one."""
    with (rig.folder / "second.log").open("wb") as log:
        rig.others.append(subprocess.Popen(_envoy_command(rig, 1), stdout=log, stderr=log))


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "nginx",
            "nginx.conf",
            {
                "listen 80;": (1, "listen 127.0.0.1:{rig.http};"),
                "listen 443 ssl;": (1, "listen 127.0.0.1:{rig.https} ssl;"),
                " 60s;": (2, f" {IDLE_TIMEOUT:.0f}s;"),
            },
            _nginx,
            _signalled(signal.SIGHUP),
        ),
        Kind(
            "haproxy",
            "haproxy.cfg",
            {
                "127.0.0.1:80\n": (1, "127.0.0.1:{rig.http}\n"),
                "127.0.0.1:443": (1, "127.0.0.1:{rig.https}"),
                "tunnel  60s": (1, f"tunnel  {IDLE_TIMEOUT:.0f}s"),
            },
            _haproxy,
            _signalled(signal.SIGUSR2),
        ),
        Kind(
            "caddy",
            "Caddyfile",
            {"//example.com": (2, "//localhost")},
            _caddy,
            _reload_caddy,
            ("version",),
        ),
        Kind(
            "apache2",
            "apache2.conf",
            {
                "*:80": (1, "*:{rig.http}"),
                "*:443": (1, "*:{rig.https}"),
                "Timeout      60": (1, f"Timeout {IDLE_TIMEOUT:.0f}"),
                "ProxyTimeout 60": (1, f"ProxyTimeout {IDLE_TIMEOUT:.0f}"),
            },
            _apache,
            _signalled(signal.SIGUSR1),
        ),
        Kind(
            "envoy",
            "envoy.yaml",
            {
                "port_value: 80 ": (1, "port_value: {rig.http} "),
                "port_value: 443": (1, "port_value: {rig.https}"),
                "port_value: 8765": (1, "port_value: {rig.backend.port}"),
                " 60s ": (1, f" {IDLE_TIMEOUT:.0f}s "),
            },
            _envoy,
            _restart_envoy,
            ("--version",),
        ),
    )
}


@contextmanager
def rig_of(kind: Kind) -> Iterator[Rig]:
    """Run a proxy and the server behind it."""
    folder = Path(tempfile.mkdtemp(prefix="wsframe-"))
    folder.chmod(0o755)  # Apache's workers have a user of their own
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(folder / "example.com.pem")
    issued.private_key_pem.write_to_path(folder / "example.com.key")
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    rig = Rig(kind, folder, Backend(folder), trusting)
    try:
        rig.backend.start()
        command = kind.command(rig, kind.configured(rig))
        with running(command, rig.http, rig.https, log=folder / "log") as rig.process:
            yield rig
    finally:
        rig.backend.stop()
        for process in rig.others:
            process.terminate()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0

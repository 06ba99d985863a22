"""The suites of the host libraries: where their tests are, and what they need.

The sdists of wsproto, hypercorn, aiohttp and, from 0.32 on, uvicorn carry their tests; those of autobahn,
tornado and websocket-client are in the package itself.  Those of websockets carry none from 17.0 on; those
from 13.1 to 16.1.1 carry the modules tests/test_*.py, without the helpers these import.  Debian keeps the
whole source of 15.0.1: its suite is run, and its helpers serve the modules of 16.1.1.  Of versions that are
not listed a checkout can be named on the command line.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple


class Archive(NamedTuple):
    """A source archive of Debian: a path below the mirror that DEBIAN_MIRROR names."""

    path: str
    sha256: str


class Sdist(NamedTuple):
    """The sdist of a release on PyPI."""

    requirement: str


class Inside(NamedTuple):
    """A folder of the release itself, once it is installed."""

    path: str


class Checkout(NamedTuple):
    """A directory of this machine."""

    path: str


class Edit(NamedTuple):
    """A change of a file of the tests: `old` must be there so many `times`."""

    path: str
    old: str
    new: str
    times: int = 1


Source = Archive | Sdist | Inside | Checkout


@dataclass(frozen=True)
class Suite:
    """One version of one host.

    Args:
        host: its name, for pip.
        version: the release under test; it comes from PyPI.
        sources: what to take `tests` from; a later one replaces files of the one before.
        accelerated: the hosts to accelerate, and to compare with themselves.  With none of them the suite
            tests an endpoint of our own, and all that is asked is that nothing fails.
        aspect: what of the host is under test, when it is not the whole.
        modules: the test modules to run, as a pattern.
        chosen: the tests of these, as pytest's -k has it.
        edits: changes of the tests.
        needs: what the tests import besides.
        options: of the interpreter.
        environment: of the tests.
    """

    host: str
    version: str
    sources: tuple[Source, ...]
    accelerated: tuple[str, ...]
    aspect: str = ""
    modules: str = "tests"
    chosen: str = ""
    edits: tuple[Edit, ...] = ()
    needs: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return "-".join(filter(None, (self.host, self.aspect, self.version)))


DEBIAN = Archive(
    "pool/main/p/python-websockets/python-websockets_15.0.1.orig.tar.gz",
    "8451495265af3e368f794c4dc15c99ce90c771d95560f542bff8c64b5455af3b",
)
WEBSOCKETS = "websockets==17.4"  # for those that stand on it
WSPROTO = "wsproto==1.3.2"


def websockets(version: str, *sources: Source, modules: str = "tests") -> Suite:
    return Suite(
        "websockets",
        version,
        sources,
        accelerated=("websockets",),
        modules=modules,
        edits=(RECV_RACE,) if modules == "tests" else (),
        needs=("trio", "werkzeug", "python-socks[asyncio]"),
        options=("-X", "context_aware_warnings=0"),
        environment={"WEBSOCKETS_TESTS_TIMEOUT_FACTOR": "20"},  # of a millisecond: other work goes on here
    )


def websockets_legacy(version: str, *sources: Source) -> Suite:
    """Run the tests of websockets.legacy alone: of a version whose other modules are left alone, say."""
    return Suite(
        "websockets",
        version,
        sources,
        accelerated=("websockets",),
        aspect="legacy",
        modules="tests/legacy",
        edits=(RECV_RACE, *(LOOP_WARNINGS if version in ("10.0", "10.1", "10.2", "10.3") else ())),
        environment={"WEBSOCKETS_TESTS_TIMEOUT_FACTOR": "20"},
    )


# Tests of websockets that reach into what it does not document, and what it is.
SWAP_INTERNALS = {
    "test_compression_is_enabled": "the extensions of the protocol below",
    "test_disable_compression": "the extensions of the protocol below",
    "test_redirect and not (limit or existing or insecure or cross or router)": "its URI",
}
# Up to CPython 3.12 a failure of TLS within TLS is a TypeError in asyncio: this fails with websockets, too.
TLS_IN_TLS = () if sys.version_info >= (3, 13) else ("test_https_proxy_invalid_server_certificate",)
SWAP_EXCEPTIONS = (*SWAP_INTERNALS, *TLS_IN_TLS)


def websockets_swap(version: str, *sources: Source) -> Suite:
    """Run the tests of websockets' servers, clients and routers against wsframe.asyncio, under its names."""
    return Suite(
        "websockets",
        version,
        sources,
        accelerated=(),
        aspect="swap",
        modules="tests/asyncio/test_[crs]*[rt].py",
        chosen=" and ".join(f"not ({name})" for name in SWAP_EXCEPTIONS),
        needs=("httptools", "mitmproxy", "python-socks[asyncio]", "werkzeug"),
        environment={"WEBSOCKETS_TESTS_TIMEOUT_FACTOR": "20", "PYTEST_PLUGINS": "wsframe_swap"},
    )


# The same of connections: those that reach into internals, and others.
INTERNALS_OF_CONNECTIONS = {
    "test_backpressure": "sets marks of its queue of frames",
    "test_close_timeout and not test_close_timeout_": "reads an attribute that is not documented",
    "keepalive": "starts a task that is not documented",
    "test_max_queue": "looks at its queue of frames",
    "test_ping and not test_ping_": "patches its source of random numbers",
    "test_unexpected_failure": "patches methods of the protocol below",
}
CONNECTION_EXCEPTIONS = {
    "test_close_during_send": "the Close of the peer is waited for",
    "test_logger": "a logger, and no adapter of one",
    "test_send_fragmented": "no empty fragment ends what is sent from a list",
    "test_send_while_send_blocked": "no empty fragment ends what is sent from a list",
    "test_state": "wants the very member of their enumeration",
    "test_writing_in_send_context_fails": "what the transport raises is raised as it is",
}


def websockets_swap_connection(version: str, *sources: Source) -> Suite:
    """Run the tests of websockets' connections against those of wsframe.asyncio; the other end is theirs."""
    exceptions = (*INTERNALS_OF_CONNECTIONS, *CONNECTION_EXCEPTIONS)
    return Suite(
        "websockets",
        version,
        sources,
        accelerated=(),
        aspect="swap-connection",
        modules="tests/asyncio/test_connection.py",
        chosen=" and ".join(f"not ({name})" for name in exceptions),
        needs=("httptools",),
        environment={"WEBSOCKETS_TESTS_TIMEOUT_FACTOR": "20", "PYTEST_PLUGINS": "wsframe_swap_connection"},
    )


# The same for wsframe.sync.
SYNC_INTERNALS = {
    "test_compression_is_enabled": "the extensions of the protocol below",
    "test_disable_compression": "the extensions of the protocol below",
    "test_shutdown_keeps_handlers_running": "patches a constant of the server",
    "ConnectionTests and keepalive": "starts the thread of the keep-alive",
    "ConnectionTests and max_queue": "looks at its queue of frames",
    "test_backpressure": "looks at its queue of frames",
    "test_unexpected_failure": "patches methods of the protocol below",
    "test_writing_in": "patches the socket",
    "test_close_expected_during_connecting": "changes the state of the protocol below",
    "test_ping and not test_ping_": "patches its source of random numbers",
}
SYNC_EXCEPTIONS = {
    "test_ssl_context_argument": "a name that websockets has deprecated",
    "test_web_socket_server_class": "a name that websockets has deprecated",
    "ConnectionTests and test_state": "wants the very member of their enumeration",
    "ConnectionTests and test_logger": "a logger, and no adapter of one",
    "test_send_fragmented": "no empty fragment ends what is sent from a list",
    "test_close_during_send": "the Close of the peer is waited for",
    "test_broadcast": "no broadcast",
    "RouterTests and redirect": "redirects are followed, as in newer versions",
}


def websockets_swap_sync(version: str, *sources: Source) -> Suite:
    """Run the tests of websockets' servers, clients and connections for threads against wsframe.sync."""
    imports = "from websockets.sync.connection import *\n"
    return Suite(
        "websockets",
        version,
        sources,
        accelerated=(),
        aspect="swap-sync",
        modules="tests/sync/test_[crs][leo]*[rtn].py",
        chosen=" and ".join(f"not ({name})" for name in (*SYNC_INTERNALS, *SYNC_EXCEPTIONS)),
        edits=(
            Edit(
                "tests/sync/server.py",
                "isinstance(server.socket, ssl.SSLSocket)  # hack",
                "server.ssl is not None",
            ),
            Edit(
                "tests/sync/test_connection.py", imports, "from swapped_sync_connection import Connection\n"
            ),
        ),
        needs=("httptools", "mitmproxy", "python-socks", "werkzeug"),
        environment={"WEBSOCKETS_TESTS_TIMEOUT_FACTOR": "20", "PYTEST_PLUGINS": "wsframe_swap"},
    )


# A message races with a time-out of a microsecond. Accelerated, it is received before that is looked at: the
# race is on when the message arrives two loop iterations later.
RECV_RACE = Edit(
    "tests/legacy/test_protocol.py",
    "asyncio.wait_for(self.protocol.recv(), timeout=0.000_001)\n        )\n",
    "asyncio.wait_for(self.protocol.recv(), timeout=0.000_001)\n        )\n"
    "        self.run_loop_once()\n        self.run_loop_once()\n",
)

# Their tests expect a warning that CPython has taken back.
LOOP_WARNINGS = tuple(
    Edit(
        f"tests/legacy/{module}.py",
        "sys.version_info[:2] >= (3, 10)",
        "(3, 10) <= sys.version_info < (3, 10, 9)",
        times,
    )
    for module, times in (("test_client_server", 2), ("test_protocol", 1))
)


def wsproto(version: str, *sources: Source) -> Suite:
    return Suite("wsproto", version, sources, accelerated=("wsproto",))


def uvicorn_needs(numbers: tuple[int, ...]) -> tuple[str, ...]:
    """List what the tests of a version import: the versions that it names, or those of its time."""
    tools = ("anyio", "cryptography", "httptools", "pytest-mock", "trustme")
    if numbers >= (0, 53):
        return WEBSOCKETS, WSPROTO, "httpx2", "zttp", *tools
    websockets = "12.0" if numbers < (0, 30) else "13.1" if numbers < (0, 50) else "15.0.1"
    return f"websockets=={websockets}", WSPROTO if numbers >= (0, 44) else "wsproto==1.2.0", "httpx", *tools


# What these versions stand on warns of itself by now.
OLD_UVICORN = {"PYTEST_ADDOPTS": "-o filterwarnings=default"}


def uvicorn(version: str, *sources: Source) -> Suite:
    """Compare uvicorn's own classes with themselves on accelerated libraries; from 0.54 on they are, too."""
    numbers = tuple(map(int, version.split(".")))
    return Suite(
        "uvicorn",
        version,
        sources,
        accelerated=("websockets", "wsproto", *(("uvicorn",) if numbers >= (0, 54) else ())),
        modules="tests/protocols/test_websocket.py",
        edits=(STARTED,) if numbers < (0, 44) else (),
        needs=uvicorn_needs(numbers),
        environment={"WSFRAME_OWN_PROTOCOL": "0", **(OLD_UVICORN if numbers < (0, 53) else {})},
    )


# The tests give a server 0.1 s to start, which may not be enough on a busy machine. Newer ones wait for it.
STARTED = Edit(
    "tests/utils.py",
    "    await asyncio.sleep(0.1)\n    try:\n",
    "    while not server.started:\n        await asyncio.sleep(0.05)\n    try:\n",
)
# The tests of uvicorn name classes; an application names them in its settings.
BY_NAME = """import contextlib
import functools
import importlib.util

from uvicorn import config as _config

_NAMES = {path: name for name, path in _config.WS_PROTOCOLS.items() if path and name != "auto"}


def _by_name(init):
    @functools.wraps(init)
    def __init__(self, *args, ws="auto", **options):
        path = f"{ws.__module__}:{ws.__name__}" if isinstance(ws, type) else ws
        init(self, *args, ws=_NAMES.get(path, ws), **options)

    return __init__


_config.Config.__init__ = _by_name(_config.Config.__init__)
"""


def uvicorn_class(version: str, *sources: Source) -> Suite:
    """Compare uvicorn's own classes with ours in their place, as `wsframe run` puts it there."""
    module = "tests/protocols/test_websocket.py"
    numbers = tuple(map(int, version.split(".")))
    edits = [Edit("tests/conftest.py", "import contextlib\nimport importlib.util\n", BY_NAME)]
    if numbers < (0, 44):
        edits.append(STARTED)
    if numbers >= (0, 44):  # whatever the class is, it has a timer for its Pings
        kind = "WebSocketsSansIOProtocol" if numbers < (0, 46) else "(_WSProtocol, WebSocketsSansIOProtocol)"
        old, new = f"isinstance(protocol, {kind})", "isinstance(protocol, asyncio.BaseProtocol)"
        edits.append(Edit(module, old, new, times=2))
    return Suite(
        "uvicorn",
        version,
        sources,
        accelerated=("uvicorn",),
        aspect="class",
        modules=module,
        edits=tuple(edits),
        needs=uvicorn_needs(numbers),
        environment=OLD_UVICORN if numbers < (0, 53) else {},
    )


def hypercorn(version: str, *sources: Source) -> Suite:
    return Suite(
        "hypercorn",
        version,
        sources,
        accelerated=("hypercorn", "wsproto"),
        needs=(WSPROTO, "h2==4.3.0", "httpx", "hypothesis", "pytest-asyncio", "pytest-trio", "trio"),
    )


def tornado(version: str, *sources: Source) -> Suite:
    quiet = 'logging.getLogger("tornado.access").setLevel("CRITICAL")'  # as its own runner does
    return Suite(
        "tornado",
        version,
        sources,
        accelerated=("tornado",),
        modules=TORNADO_TESTS,
        chosen="not runTest",
        edits=(
            Edit(TORNADO_TESTS, "\nimport traceback\n", f"\nimport traceback, logging\n{quiet}\n"),
            *((RUN_TEST,) if version[:3] in ("6.1", "6.2", "6.3") else ()),
        ),
    )


TORNADO_TESTS = "tests/websocket_test.py"
# pytest makes an object of every class, also of the two that are none for tests.
RUN_TEST = Edit(
    TORNADO_TESTS,
    "\nclass WebSocketBaseTestCase(",
    "\nAsyncHTTPTestCase.runTest = lambda self: None\nclass WebSocketBaseTestCase(",
)


def autobahn(version: str, flavour: str) -> Suite:
    return Suite(
        "autobahn",
        version,
        (Inside("autobahn/websocket/test"),),
        accelerated=("autobahn",),
        aspect=flavour,
        needs=("setuptools", "twisted"),
        environment={f"USE_{flavour.upper()}": "1", "PYTEST_PLUGINS": "txaio_framework"},
    )


def aiohttp(version: str, *sources: Source) -> Suite:
    return Suite(
        "aiohttp",
        version,
        sources,
        accelerated=("aiohttp",),
        modules="tests/test_[cw]*[bw]s*.py",
        needs=(
            "blockbuster",
            "isal",
            "pytest-mock",
            "re-assert",
            "time-machine",
            "trustme",
            "uvloop",
            "zlib-ng",
        ),
    )


def websocket_client(version: str, *sources: Source) -> Suite:
    return Suite(
        "websocket_client", version, sources, accelerated=("websocket_client",), needs=("python-socks",)
    )


MAKERS: dict[str, Callable[..., Suite]] = {
    "websockets": websockets,
    "websockets-legacy": websockets_legacy,
    "websockets-swap": websockets_swap,
    "websockets-swap-connection": websockets_swap_connection,
    "websockets-swap-sync": websockets_swap_sync,
    "wsproto": wsproto,
    "uvicorn": uvicorn,
    "uvicorn-class": uvicorn_class,
    "hypercorn": hypercorn,
    "tornado": tornado,
    "websocket_client": websocket_client,
    "aiohttp": aiohttp,
}

# Of these hosts any release will do: "NAME==VERSION" on the command line.
RELEASES: dict[str, Callable[[str], list[Suite]]] = {
    "wsproto": lambda version: [wsproto(version, Sdist(f"wsproto=={version}"))],
    "hypercorn": lambda version: [hypercorn(version, Sdist(f"hypercorn=={version}"))],
    "tornado": lambda version: [tornado(version, Inside("tornado/test"))],
    "aiohttp": lambda version: [aiohttp(version, Sdist(f"aiohttp=={version}"))],
    "autobahn": lambda version: [autobahn(version, flavour) for flavour in ("asyncio", "twisted")],
    "uvicorn": lambda version: [
        make(version, Sdist(f"uvicorn=={version}")) for make in (uvicorn, uvicorn_class)
    ],
    "websocket_client": lambda version: [websocket_client(version, Inside("websocket/tests"))],
}

SUITES = [
    wsproto("1.0.0", Sdist("wsproto==1.0.0")),
    wsproto("1.3.2", Sdist("wsproto==1.3.2")),
    hypercorn("0.18.0", Sdist("hypercorn==0.18.0")),
    uvicorn("0.54.0", Sdist("uvicorn==0.54.0")),
    uvicorn_class("0.54.0", Sdist("uvicorn==0.54.0")),
    tornado("6.1", Inside("tornado/test")),
    tornado("6.6.1", Inside("tornado/test")),
    *(autobahn(version, flavour) for version in ("22.4.2", "26.10.2") for flavour in ("asyncio", "twisted")),
    aiohttp("3.13.2", Sdist("aiohttp==3.13.2")),
    aiohttp("3.14.5", Sdist("aiohttp==3.14.5")),
    websocket_client("1.7.0", Inside("websocket/tests")),
    websocket_client("1.9.2", Inside("websocket/tests")),
    websockets("15.0.1", DEBIAN),
    websockets("16.1.1", DEBIAN, Sdist("websockets==16.1.1"), modules="tests/test_*.py"),
]

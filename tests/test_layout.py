"""From a source file its tests are found by name: those of `_http/uri.py` are in `test_uri.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "src" / "wsframe"

# Folders whose tests are in one of another name.
MIRRORS = {"_cli": "", "_http": "handshake", "_py": "codec"}

# Folders whose modules make sense together only, and are tested so: `test_aiohttp*.py`.
HOSTS = "accelerate/hosts/"
DEMO = "demo/"

# Modules whose tests have another name, by that name: they are seen through it, or share it.
TESTED_BY = {
    "accelerate/test_fingerprints.py": ("accelerate/untested",),
    "asyncio/test_endpoints.py": ("asyncio/connection",),
    "asyncio/test_engines.py": (
        *("asyncio/nats_engine", "asyncio/redis_engine"),
        *("asyncio/_recovery", "asyncio/_redis_history", "asyncio/_redis_link"),
    ),
    "asyncio/test_coalescer.py": ("_py/coalescer", "_sockets"),
    "asyncio/test_messages_iterated.py": ("_py/messages",),
    "asyncio/test_options.py": ("_options",),
    "asyncio/test_waiter.py": ("_py/waiter",),
    "asyncio/test_metrics.py": ("asyncio/_traffic",),
    "asyncio/test_names_of_websockets.py": ("_http/basic_auth", "_http/redirects", "asyncio/_basic_auth"),
    "asyncio/test_option_names.py": ("asyncio/_transport_options", "asyncio/_typed_options"),
    "asyncio/test_opening_failures.py": ("_http/logs",),
    "asyncio/test_proxies.py": (
        *("_http/connecting", "_http/proxies"),
        *("asyncio/_http_proxy", "asyncio/_proxy"),
    ),
    "asyncio/test_restart.py": ("asyncio/_draining",),
    "asyncio/test_router.py": ("_http/routing",),
    "asyncio/test_topics.py": ("asyncio/_counters", "asyncio/_delivery"),
    "codec/test_parity.py": ("_py/decoder", "_py/frame_decoder"),
    "codec/test_specification.py": ("_py/mask",),
    "handshake/test_usual_requests.py": ("_py/request",),
    "handshake/test_accept.py": ("_http/responses", "_py/accept"),
    "handshake/test_cases_handshake.py": ("_http/errors",),
    "handshake/test_reader.py": ("_http/messages",),
    "handshake/test_handshake_peers.py": ("handshake",),
    "hosts/test_websocket_client.py": ("accelerate/hosts/_shared/keys",),
    "hosts/test_websockets_broadcast.py": ("_py/broadcaster",),
    "hosts/test_websockets_fast_connection.py": ("_py/fast_connection",),
    "hosts/test_wsproto.py": ("accelerate/hosts/_shared/frames",),
    "proxies/test_forwarded.py": ("_http/forwarded",),
    "proxies/test_proxy_protocol.py": (
        *("_http/proxy_protocol", "asyncio/_proxy_protocol", "sync/_proxy_protocol"),
    ),
    "sync/test_sync_background.py": ("sync/_keepalive",),
    "sync/test_sync_messages.py": (
        *("sync/_socket", "sync/_tls", "sync/connection"),
        *("sync/_endpoint", "sync/_receiving", "sync/_sending"),
    ),
    "sync/test_sync_opening.py": ("sync/_basic_auth", "sync/_client_opening", "sync/client"),
    "sync/test_sync_option_names.py": ("sync/_typed_options",),
    "sync/test_sync_proxies.py": ("sync/_proxy",),
    "sync/test_sync_shutdown.py": ("sync/_server", "sync/server"),
    "sync/test_sync_threads.py": ("sync/_outbox",),
    "test_cli.py": ("_next_steps", "_report"),
    "test_cli_connect.py": (
        *("_cli/bench", "_cli/commands", "_cli/histogram", "_cli/load"),
        *("_cli/plot", "_cli/progress"),
    ),
    "test_cli_environments.py": ("accelerate/ready",),
    "codec/test_spec.py": ("_errors", "_spec"),
    "test_exceptions.py": ("asyncio/exceptions",),
    "test_typing_names.py": ("asyncio/typing", "sync/typing"),
    "uvicorn/test_asgi_functions.py": ("_py/asgi",),
    "uvicorn/test_asgi_topics.py": ("asgi",),
    "uvicorn/test_dialogs.py": ("uvicorn/_behaviour",),
    "uvicorn/test_handshake.py": ("uvicorn/_opening", "uvicorn/_refusing", "uvicorn/_scope"),
    "uvicorn/test_order.py": ("uvicorn/_close_reply", "uvicorn/_receiving", "uvicorn/_sending"),
    "uvicorn/test_silent_peers.py": ("uvicorn/_base",),
}
LISTED = {module: file for file, modules in TESTED_BY.items() for module in modules}


def modules() -> Iterator[str]:
    """Those with code of their own: no stubs, no `__init__.py`, no program."""
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE).with_suffix("").as_posix()
        if not (name.startswith("_c/") or file.stem.startswith("__") or file.stem == "sitecustomize"):
            yield name


def beginnings(module: str) -> tuple[str, ...]:
    """How the name of a file with tests of a module may begin."""
    folder, _, stem = module.rpartition("/")
    if module.startswith(DEMO):
        return ("test_demo",)
    if module.startswith(HOSTS) and not folder.endswith("_shared"):
        return (f"test_{folder.removeprefix(HOSTS)}",)
    stem = stem.strip("_")
    return (f"test_{stem}", f"test_{folder.rpartition('/')[2].strip('_')}_{stem}")


def mirror(module: str) -> Path:
    """The folder in which the tests of a module are looked for."""
    if module.startswith(DEMO):
        return TESTS
    folder = module.rpartition("/")[0]
    return TESTS / ("hosts" if module.startswith(HOSTS) else MIRRORS.get(folder, folder))


@pytest.mark.skipif(not PACKAGE.is_dir(), reason="no sources here")
@pytest.mark.parametrize("module", list(modules()))
def test_each_module_has_tests_named_after_it(module: str) -> None:
    if module in LISTED:
        assert (TESTS / LISTED[module]).is_file()
    else:
        names = beginnings(module)
        assert any(file.name.startswith(names) for file in mirror(module).glob("test_*.py")), (
            f"no tests of {module} in {mirror(module).name}: name them {names[0]}*.py, or list it here"
        )


def test_listed_modules_exist() -> None:
    assert LISTED.keys() <= {*modules()}

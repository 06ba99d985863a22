"""The fixture `impl`: every test of behaviour runs on the pure twin and on every kernel of this CPU."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings
from support import twins

# `ci` repeats itself, so that a red run is red again; `thorough` looks further, elsewhere each time.
settings.register_profile("ci", deadline=None, derandomize=True, max_examples=60, print_blob=True)
settings.register_profile("thorough", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


# A shell that starts the tests in the background has SIGINT ignored, in them and in all they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Windows has two event loops; by default asyncio takes the proactor.
if sys.platform == "win32" and os.environ.get("WSFRAME_TEST_LOOP") == "selector":
    asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse names that differ from process to process: pytest-xdist needs the same ones in all of them."""
    for item in items:
        if getattr(item, "callspec", None) and item.callspec.params.get("impl") in twins.NAMES[1:-1]:
            item.add_marker("slow")  # `make quick` runs the pure twin and the kernel of this CPU
        if " at 0x" in item.nodeid:
            raise pytest.UsageError(f"{item.nodeid}: an address in a name; give the parameter an id")


@pytest.fixture(scope="session", params=twins.NAMES)
def impl(request: pytest.FixtureRequest) -> Iterator[twins.Impl]:
    """One twin; the compiled one with each kernel forced."""
    with twins.running(request.param) as one:
        yield one


@pytest.fixture(scope="session")
def pure() -> twins.Impl:
    """The pure twin, which the others are compared with."""
    return twins.PURE


@pytest.fixture(scope="session")
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS of a server on loopback, and of a client that trusts it."""
    authority = pytest.importorskip("trustme").CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    return server, client

"""Hosts with another zlib: the same messages, exceptions and close codes, and a stock peer can read them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import assume, example, given
from support.compressed import HOSTS, Plan, any_plan, deflated, has_limits
from support.frames import BINARY

from wsframe import accelerate
from wsframe.accelerate.compression import resolved_zlib
from wsframe.deflate.modules import MODULES

MATCH = 258  # bytes that one code of DEFLATE represents, at most


@pytest.fixture(scope="module", params=["isal", "zlib-ng", "auto"])
def name(request: pytest.FixtureRequest) -> Any:
    if resolved_zlib(request.param) == "zlib":
        pytest.skip("neither isal nor zlib-ng is installed")
    pytest.importorskip(MODULES[resolved_zlib(request.param)])
    return request.param


@pytest.fixture(scope="module", params=HOSTS)
def host(request: pytest.FixtureRequest, name: str) -> Iterator[Any]:
    with installed(request.param, name):
        yield request.param


@contextmanager
def installed(host: str, name: str) -> Iterator[None]:
    if host == "autobahn":
        pytest.importorskip("twisted.python", exc_type=ImportError)
    pytest.importorskip(host, exc_type=ImportError)
    HOSTS[host](sent(b"Hello"))
    accelerate.install(host, zlib=name)
    assert [line.zlib for line in accelerate.status() if line.host == host] == [resolved_zlib(name)]
    try:
        yield
    finally:
        accelerate.uninstall(host)


def both(host: str, name: str, plan: Plan) -> list[Any]:
    """Return the events of a plan, which must not depend on the zlib module."""
    accelerate.uninstall(host)
    before = HOSTS[host](plan)
    accelerate.install(host, zlib=name)
    assert list(map(in_one_text, HOSTS[host](plan))) == list(map(in_one_text, before))
    return before


def in_one_text(seen: Any) -> Any:
    """Take one text for a message over the limit, where a host has two: by what is inflated, or is to be.

    zlib may keep the last bytes of a fragment to itself; then the next one finds them out.
    """
    if isinstance(seen, tuple):
        return tuple(map(in_one_text, seen))
    if isinstance(seen, bytes):
        return seen[:2] + b"over the limit" if b"exceeds" in seen and b"limit" in seen else seen
    return "over the limit" if isinstance(seen, str) and "exceeds" in seen and "limit" in seen else seen


def sent(message: bytes, *, over: int = 0, **agreed: Any) -> Plan:
    """A plan of one message that is so many bytes over the limit."""
    terms = {"server_resets": False, "client_resets": False, "server_bits": 15, "client_bits": 15, **agreed}
    payload = deflated(zlib.compressobj(wbits=-terms["client_bits"]), message)
    return Plan(
        **terms, limit=len(message) - over, messages=[[(BINARY, True, 4, payload)]] * 2, sizes=[len(message)]
    )


@given(plan=any_plan())
@example(plan=sent(b"Hello" * 10_000))
@example(plan=sent(b"Hello" * 10_000, over=1))
@example(plan=sent(b"\x00" * 100_000, over=99_000))
@example(plan=sent(b"Hello" * 10_000, client_resets=True, server_resets=True, client_bits=9, server_bits=9))
def test_any_compressed_conversation_is_the_same(host, name, plan):
    assume(host != "autobahn" or not any(plan.limit < size <= plan.limit + MATCH for size in plan.sizes))
    both(host, name, plan)


@pytest.mark.parametrize("over", [0, 1, 2, 300])
def test_message_limits_are_exact_to_the_byte(host, name, over):
    """Also for what is longer than isal puts out at once."""
    for message in (b"x" * 400, bytes(range(256)) * 400, b"x" * 10**6):
        if host == "autobahn" and 0 < over <= MATCH:
            continue
        seen = both(host, name, sent(message, over=over, client_resets=True))
        if has_limits(host):
            assert (seen[0] == message) == (over == 0)


def test_autobahn_refuses_a_message_that_zlib_would_truncate(name):
    """What the limit leaves of a match, zlib keeps to itself; autobahn takes the message for complete."""
    if name == "auto":
        pytest.skip("zlib inflates small messages")
    plan = sent(b"x" * 10**6, over=1)
    with installed("autobahn", name):
        if not has_limits("autobahn"):
            pytest.skip("this version has no limit")
        assert HOSTS["autobahn"](plan)[1:] == [1009, True]
    assert len(HOSTS["autobahn"](plan)[0]) == plan.limit

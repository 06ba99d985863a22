"""A wrong option of an engine is an error of its constructor that names it."""

from __future__ import annotations

import pytest

from wsframe.asyncio import NatsEngine, RedisClusterEngine, RedisEngine

COMMON = {
    "prefix": ([5, b"x", None], []),
    "text": ([1, "yes", None], []),
    "max_queued": (["x", 1.5, None, True], [-1]),
    "timeout": (["5", None, True], [-1, 0, float("nan"), float("inf")]),
    "health_interval": (["5", None], [-1, 0, float("nan")]),
    "first_delay": (["x", None], [-1, 0, float("inf")]),
    "max_delay": (["x", None], [-1, 0, float("inf")]),
}
REDIS = {
    "url": ([5, None], []),
    "history": (["9", 1.5, None, True], [-1]),
    "history_ttl": (["a", 1.5, None], [0, -3]),
}
NATS = {
    "servers": ([5, None, [5]], []),
    "prefix": ([], ["a b", ">.", "a.>.", "a.*", "a..", ".a", "a\tb", "a\r\nPUB x"]),
}


def check(engine, right, options):
    for name, (types, values) in options.items():
        for kind, wrong in [*((TypeError, each) for each in types), *((ValueError, each) for each in values)]:
            with pytest.raises(kind, match=name):
                engine(**{**right, name: wrong})


@pytest.mark.parametrize("engine", [RedisEngine, RedisClusterEngine])
def test_options_of_redis(engine):
    pytest.importorskip("redis")
    check(engine, {"url": "redis://127.0.0.1:1"}, COMMON | REDIS)
    engine("redis://127.0.0.1:1", history=0, history_ttl=1, timeout=1, max_queued=0)


def test_options_of_nats():
    pytest.importorskip("nats")
    right = {"servers": "nats://127.0.0.1:1"}
    check(NatsEngine, right, COMMON)
    check(NatsEngine, right, NATS)
    for prefix in ("", "app", "app.", "app.news.", "\u00fc."):
        NatsEngine(["nats://127.0.0.1:1"], prefix=prefix)

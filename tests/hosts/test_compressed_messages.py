"""Compressed messages take the fast path of each host, with the compressor of the host."""

from __future__ import annotations

from collections import Counter

import pytest
from support import exchanges

from wsframe import accelerate
from wsframe.accelerate.host import imported_as

# Functions of the original code that each compressed message goes through, there and back.
ORIGINAL = {
    "aiohttp, compressed": ("send_frame", "compress_sync", "flush"),
    "autobahn, compressed": ("onFrameBegin", "onFrameData", "sendFrame", "end_compress_message"),
    "hypercorn, compressed": ("parse_header", "process_frame", "_serialize_frame", "_send_wsproto_event"),
    "tornado, compressed": ("_read_bytes", "_write_frame"),
    "uvicorn, websockets-sansio, compressed": ("decode", "encode", "recv_frame", "send_frame"),
    "websockets, compressed": ("decode", "encode", "recv_frame", "send_frame"),
    "websockets.legacy, compressed": ("decode", "encode", "read_frame", "write_frame"),
}


def test_every_compressed_kind_is_here() -> None:
    assert set(ORIGINAL) == {kind for kind in exchanges.KINDS if "compressed" in kind}


@pytest.mark.parametrize("kind", ORIGINAL)
def test_compressed_messages_take_the_fast_path(kind: str) -> None:
    run, hosts = exchanges.KINDS[kind]
    for host in hosts:
        pytest.importorskip(imported_as(host))
    if kind.startswith("aiohttp"):
        writer = pytest.importorskip("aiohttp._websocket.writer").WebSocketWriter
        if not hasattr(writer, "_get_compressor"):
            pytest.skip("this version of aiohttp compresses in send_frame")

    def count() -> Counter[str]:
        counted: Counter[str] = Counter()
        for code, calls in exchanges.calls(run, tuple(map(imported_as, hosts))).items():
            counted[code.co_name] += calls
        return counted

    run()  # imports what it needs
    before = count()
    accelerate.install(*hosts)
    try:
        now = count()
    finally:
        accelerate.uninstall(*hosts)
    for name in ORIGINAL[kind]:
        assert before[name] >= exchanges.MESSAGES, name
        # The rest are control frames, and the first read of a connection.
        assert now[name] <= exchanges.MESSAGES // 2, name

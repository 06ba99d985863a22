"""Which module compresses: what is chosen, how much of it is kept, and that any peer can read it."""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
import sysconfig
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import samples

from wsframe import Role
from wsframe.deflate import Deflate, Parameters, ServerPolicy, codec, in_use, modules, use

BIG = 2**30
RESETS = Parameters(server_no_context_takeover=True, client_no_context_takeover=True)


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(modules, "_chosen", "auto")
    yield
    gc.collect()


@pytest.fixture(params=["isal", "zlib-ng", "zlib"])
def best(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The best module, as if those before it were not installed."""
    pytest.importorskip(modules.MODULES[request.param])
    monkeypatch.setattr(modules, "best", lambda: request.param)
    monkeypatch.setattr(codec, "_idle", {})
    modules.module_of.cache_clear()
    yield request.param
    modules.module_of.cache_clear()


def python(code: str, **more: str) -> str:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **more}
    return subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    ).stdout.strip()


# One of each, made before a test has anything to say about which.
KINDS = {}
for name in modules.MODULES:
    try:
        module = modules.module_of(name)
    except ImportError:
        continue
    KINDS[name] = (type(module.compressobj()), type(module.decompressobj()))


def of_module(name: str, made: object) -> bool:
    """Tell whether a module made a compressor or an inflater, that has a place or not."""
    if isinstance(made, modules.Kept):
        made = made.compress.__self__
    return type(made) in KINDS[name]


def test_use_selects_the_compression_module(module: str) -> None:
    before = in_use()
    try:
        use(module)
        assert in_use() == (before if module == "auto" else module)
        one = Deflate(Role.SERVER)
        use("zlib")
        assert one.settings == Deflate(Role.SERVER, module=module).settings
        assert in_use() == "zlib"
    finally:
        use("auto")
    with pytest.raises(ValueError, match="zlib, zlib-ng, isal, not 'gzip'"):
        use("gzip")
    assert in_use() == before


def test_zlib_ng_may_be_written_as_it_is_imported() -> None:
    pytest.importorskip("zlib_ng")
    use("zlib_ng")
    assert in_use() == "zlib-ng"
    named = Deflate(Role.SERVER, module="zlib_ng")
    assert named.settings == Deflate(Role.SERVER, module="zlib-ng").settings


HIDDEN = """
import sys
sys.modules.update(dict.fromkeys({hidden!r}))
from wsframe.deflate import in_use
print(in_use())
"""
# Where the GIL can be off, what is best depends on what has been imported.
GIL = not sysconfig.get_config_var("Py_GIL_DISABLED")


@pytest.mark.skipif(not GIL, reason="nothing that may need the GIL is imported")
def test_default_is_the_best_installed_module() -> None:
    names = ["isal", "zlib-ng", "zlib"]
    for absent in range(3):
        if absent < 2:
            pytest.importorskip(modules.MODULES[names[absent]])
        hidden = [name.replace("-", "_") for name in names[:absent]]
        assert python(HIDDEN.format(hidden=hidden), WSFRAME_ZLIB="") == names[absent]


def test_environment_variable_selects_the_module() -> None:
    pytest.importorskip("zlib_ng")
    for name, expected in (("zlib-ng", "zlib-ng"), ("zlib_ng", "zlib-ng"), ("zlib", "zlib")):
        assert python(HIDDEN.format(hidden=["isal"]), WSFRAME_ZLIB=name) == expected
    for name in ("isal", "auto", "zopfli", ""):  # absent, or none
        assert python(HIDDEN.format(hidden=["isal", "zlib_ng"]), WSFRAME_ZLIB=name) == "zlib"


def test_free_threaded_python_imports_only_zlib() -> None:
    code = "import sys; sys._is_gil_enabled = lambda: False" + HIDDEN.format(hidden=[])
    assert python(code + "print('isal.isal_zlib' in sys.modules)", WSFRAME_ZLIB="").split() == [
        "zlib",
        "False",
    ]


@pytest.mark.skipif(sys.implementation.name == "pypy", reason="places are given back later")
def test_kept_contexts_of_the_best_module_are_bounded(best: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules, "_places", [None] * 3)
    monkeypatch.setattr(modules.Place, "__del__", lambda _: modules._places.append(None))
    data = samples.text(20_000)
    codecs = [Deflate(Role.SERVER, Parameters()) for _ in range(4)]
    peers = [Deflate(Role.CLIENT, Parameters(), module="zlib") for _ in codecs]
    for _ in range(2):
        for one, peer in zip(codecs, peers, strict=True):
            assert peer.inflate(one.deflate(data), True, BIG) == data
    assert [of_module(best, one._deflater) for one in codecs] == [True] * 3 + [best == "zlib"]
    if best == "zlib":
        return
    codecs[0].reset()  # gives its place back
    peers[3].inflate(codecs[3].deflate(data), True, BIG)
    assert not of_module(best, codecs[3]._deflater)  # its peer refers to what this one has compressed
    codecs[3].reset()
    peers[3].inflate(codecs[3].deflate(data), True, BIG)
    assert of_module(best, codecs[3]._deflater)
    assert codecs[0].inflate(peers[0].deflate(data), True, BIG) == data
    assert not of_module(best, codecs[0]._inflater)
    del codecs[1:], one
    gc.collect()
    fresh = Deflate(Role.SERVER, Parameters())
    assert fresh.inflate(Deflate(Role.CLIENT, Parameters()).deflate(data), True, BIG) == data
    assert of_module(best, fresh._inflater)
    del codecs[:], fresh
    gc.collect()
    assert len(modules._places) == 3


def test_codec_without_context_uses_the_best_module(best: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules, "_places", [])
    data = samples.text(20_000)
    server, client = Deflate(Role.SERVER, RESETS), Deflate(Role.CLIENT, RESETS)
    for _ in range(2):
        assert client.inflate(server.deflate(data), True, BIG) == data
    assert (server._deflater, client._inflater) == (None, None)
    assert of_module(best, server._idle[-1])  # type: ignore[index]


def test_small_messages_are_inflated_by_zlib() -> None:
    pytest.importorskip("isal")
    for size, small in ((300, True), (50_000, False)):
        data = samples.noise(size)
        one = Deflate(Role.SERVER, Parameters())
        assert one.inflate(Deflate(Role.CLIENT, Parameters()).deflate(data), True, BIG) == data
        assert of_module("zlib" if small or in_use() == "zlib" else in_use(), one._inflater)


@pytest.mark.parametrize("level", range(-1, 10))
def test_every_zlib_level_is_accepted(best: str, level: int) -> None:
    data = samples.text(5000)
    for bits in (9, 12, 15):
        server = Deflate(Role.SERVER, Parameters(server_max_window_bits=bits), level=level)
        inflater = zlib.decompressobj(-bits)
        for _ in range(2):
            assert inflater.decompress(server.deflate(data) + b"\0\0\xff\xff") == data
    assert ServerPolicy(level=level).level == level


def test_zlib_has_a_default_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    data = samples.text(5000)
    by_zlib = zlib.compressobj(4, wbits=-15, memLevel=5)
    expected = by_zlib.compress(data) + by_zlib.flush(zlib.Z_SYNC_FLUSH)
    assert Deflate(Role.SERVER, module="zlib").deflate(data) + b"\0\0\xff\xff" == expected
    monkeypatch.setattr(modules, "_places", [])  # "auto" has to take zlib
    assert Deflate(Role.SERVER).deflate(data) + b"\0\0\xff\xff" == expected


def test_invalid_level_raises_value_error() -> None:
    for level in (-2, 10):
        with pytest.raises(ValueError, match=f"level {level} is not a level of zlib"):
            ServerPolicy(level=level)


DOCUMENTED = re.compile(r"isal needs up to (\d+) KiB for sending and up to (\d+) KiB for receiving")
HELD = """
import samples
from wsframe import Role
from wsframe.deflate import Deflate, Parameters

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4

terms = Parameters(server_max_window_bits=15, client_max_window_bits=15)
data = samples.text(300_000)
packed = Deflate(Role.CLIENT, terms, module="zlib").deflate(data)
held = []
for work in (lambda one: one.deflate(data), lambda one: one.inflate(packed, True, 2**30)):
    codecs = [Deflate(Role.SERVER, terms) for _ in range(100)]
    work(Deflate(Role.SERVER, terms))
    before = resident()
    for one in codecs:
        work(one)
    print((resident() - before) // len(codecs))
    held.append(codecs)
"""


@pytest.mark.alone
@pytest.mark.skipif(not GIL, reason="zlib may be the best")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_per_connection_is_as_documented() -> None:
    pytest.importorskip("isal")
    documents = Path(__file__).parents[2] / "docs"
    for page in ("how-to/zlib.md", "explanation/compression.md"):
        (told,) = DOCUMENTED.findall(" ".join((documents / page).read_text().split()))
        held = list(map(int, python(HELD, WSFRAME_ZLIB="").split()))
        for most, measured in zip(map(int, told), held, strict=True):
            assert most / 2 < measured <= most

"""Another module in place of zlib: it keeps the contract of zlib; `install` sets and removes it."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from wsframe import accelerate
from wsframe.accelerate import compression
from wsframe.accelerate.compression import resolved_zlib
from wsframe.deflate.modules import MODULES

TAIL = b"\0\0\xff\xff"
WORDS = [b"symbol", b"bid", b"ask", b'": ', b"1234.5", b"\xff\x00"]


@pytest.fixture(scope="module", params=["isal", "zlib-ng", "auto"])
def name(request: pytest.FixtureRequest) -> Any:
    if compression.resolved_zlib(request.param) == "zlib":
        pytest.skip("neither isal nor zlib-ng is installed")
    pytest.importorskip(MODULES[compression.resolved_zlib(request.param)])
    return request.param


@pytest.fixture(scope="module")
def module(name: str) -> Any:
    return compression.substitute(name)


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("WSFRAME_ZLIB", raising=False)
    yield
    accelerate.uninstall()


texts = st.one_of(
    st.binary(max_size=300),
    st.builds(lambda piece, count: piece * count, st.binary(min_size=1, max_size=5), st.integers(0, 20_000)),
    st.lists(st.sampled_from(WORDS), max_size=400).map(b"".join),
)
settings = st.fixed_dictionaries(
    {
        "level": st.integers(-1, 9),
        "wbits": st.integers(-15, -9),
        "memLevel": st.integers(1, 9),
        "strategy": st.sampled_from([0, 0, 0, 1, 2, 3, 4]),
    }
)


def deflated(messages: list[bytes], **chosen: Any) -> list[bytes]:
    """Compress messages as a peer with the standard zlib does."""
    squeeze = zlib.compressobj(**chosen)
    return [squeeze.compress(message) + squeeze.flush(zlib.Z_SYNC_FLUSH) for message in messages]


# Inflating.


@given(messages=st.lists(texts, min_size=1, max_size=4), chosen=settings, room=st.integers(-3, 3))
@example(messages=[b"x" * 100_000], chosen={"wbits": -15}, room=-3)
@example(messages=[b"x" * 100_000], chosen={"wbits": -15}, room=0)
def test_limited_decompress_returns_the_same_as_zlib(module, messages, chosen, room):
    """Hosts give whole messages and a limit, and then look whether there is an `unconsumed_tail`."""
    stock, ours = zlib.decompressobj(chosen["wbits"]), module.decompressobj(chosen["wbits"])
    for message, data in zip(messages, deflated(messages, **chosen), strict=True):
        limit = max(1, len(message) + room)
        expected = stock.decompress(data, limit)
        assert ours.decompress(data, limit) == expected == message[:limit]
        assert bool(ours.unconsumed_tail) == bool(stock.unconsumed_tail) == (len(message) > limit)
        if ours.unconsumed_tail:
            return
        assert (ours.decompress(b"", 1), ours.flush()) == (b"", b"")


@given(
    messages=st.lists(texts, min_size=1, max_size=3),
    chosen=settings,
    cuts=st.lists(st.integers(0, 2000), max_size=4),
    limits=st.lists(st.sampled_from([0, 1, 7, 100, 5000, sys.maxsize]), min_size=1, max_size=5),
    rest=st.sampled_from([None, b"", b"behind"]),
)
def test_feeding_unconsumed_tail_returns_all_data(module, messages, chosen, cuts, limits, rest):
    data = b"".join(deflated(messages, **chosen))
    if rest is not None:
        data = data + b"\x03\x00" + rest
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    inflater, out, index = module.decompressobj(chosen["wbits"]), b"", 0
    for start, end in pairwise(edges):
        piece = data[start:end]
        while True:
            limit = limits[index % len(limits)]
            index += 1
            got = inflater.decompress(piece, limit)
            assert not limit or len(got) <= limit
            out += got
            piece = inflater.unconsumed_tail
            if not piece or (inflater.eof and module.__name__ == "auto"):  # zlib leaves a tail then
                break
            assert not inflater.eof
            assert not inflater.unused_data
    assert (inflater.eof, inflater.unused_data) == (rest is not None, rest or b"")
    assert out + inflater.flush() == b"".join(messages)


def test_decompress_limit_bounds_the_output_of_a_bomb(module):
    """Of a message that inflates to 100 MB, a host that allows 1000 bytes gets 1000, and none is hidden."""
    (bomb,) = deflated([bytes(10**8)], level=9, wbits=-15)
    inflater = module.decompressobj(-15)
    assert inflater.decompress(bomb, 1000) == bytes(1000)
    assert len(inflater.unconsumed_tail) > 0.9 * len(bomb)


@pytest.mark.parametrize("data", [b"\xff" * 20, b"\x00\x05\x00\x00\x00", b"\x02\x01\x03"], ids=bytes.hex)
def test_invalid_data_raises_zlib_error(module, data):
    for inflate in (zlib.decompressobj(-15).decompress, module.decompressobj(-15).decompress):
        with pytest.raises(zlib.error):
            inflate(data)
    assert module.error is zlib.error


def test_decompress_after_flush_at_the_end_raises_zlib_error(module):
    """wsproto does that, and continues with the next message."""
    got = []
    for inflater in (zlib.decompressobj(-15), module.decompressobj(-15)):
        assert (inflater.decompress(b"\x03\x00"), inflater.flush(), inflater.eof) == (b"", b"", True)
        with pytest.raises(zlib.error) as caught:
            inflater.decompress(b"")
        got.append(str(caught.value))
    assert got[0] == got[1]


@pytest.mark.parametrize("limit", [-1, sys.maxsize + 1, "9", None])
def test_invalid_max_length_raises_as_in_zlib(module, limit):
    (data,) = deflated([b"Hello"], wbits=-15)
    errors = []
    for inflate in (zlib.decompressobj(-15).decompress, module.decompressobj(-15).decompress):
        with pytest.raises((ValueError, OverflowError, TypeError)) as caught:
            inflate(data, limit)
        errors.append(caught.type)
    assert errors[0] is errors[1]


# Compressing.


@given(messages=st.lists(texts, min_size=1, max_size=4), chosen=settings)
@example(messages=[b"", b"", b"a", b""], chosen={"wbits": -9})
def test_output_is_inflated_by_stock_zlib(module, messages, chosen):
    squeeze, peer = module.compressobj(**chosen), zlib.decompressobj(chosen["wbits"])
    for message in messages:
        data = squeeze.compress(message) + squeeze.flush(module.Z_SYNC_FLUSH)
        assert data.endswith(TAIL)
        assert peer.decompress(data) == message


def test_compressor_keeps_within_small_windows(module):
    """The second half repeats the first, but further back than the window reaches."""
    for bits in range(9, 15):
        half = os.urandom(2**bits)
        squeeze, peer = module.compressobj(wbits=-bits), zlib.decompressobj(-bits)
        for message in (half, half, half * 3):
            data = squeeze.compress(message) + squeeze.flush(zlib.Z_FULL_FLUSH)
            # In small pieces: zlib takes distances within what one call puts out.
            assert b"".join(peer.decompress(data[n : n + 50]) for n in range(0, len(data), 50)) == message


def test_compression_level_affects_the_size(module):
    message = b" ".join(b"%d" % (n * n) for n in range(5000))
    fast, usual, best = (len(deflate(module, message, level)) for level in (1, -1, 9))
    assert max(best, usual) <= fast < len(message)
    assert best < fast
    assert len(deflate(module, message, 0)) > len(message)  # stored, as zlib does


def deflate(module: Any, message: bytes, level: int) -> bytes:
    squeeze = module.compressobj(level, wbits=-15)
    return squeeze.compress(message) + squeeze.flush()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "wrong",
    [
        {"level": 10},
        {"level": "9"},
        {"wbits": -8},
        {"wbits": -16},
        {"memLevel": 0},
        {"memLevel": 10},
        {"method": 7},
    ],
    ids=str,
)
def test_invalid_compressobj_arguments_raise_as_in_zlib(module, wrong):
    got = []
    for made in (zlib, module):
        with pytest.raises((ValueError, TypeError)) as caught:
            made.compressobj(**{"wbits": -15, **wrong})
        got.append((caught.type, str(caught.value)))
    assert got[0] == got[1]


def test_formats_other_than_raw_deflate_use_zlib(module):
    assert type(module.decompressobj(31)) is type(zlib.decompressobj())
    assert type(module.decompressobj(-15, zdict=b"words")) is type(zlib.decompressobj())
    assert type(module.compressobj(wbits=31)) is type(zlib.compressobj())
    assert type(module.compressobj(wbits=-15, zdict=b"words")) is type(zlib.compressobj())
    names = {each for each in vars(zlib) if not each.startswith("_")} - {"compressobj", "decompressobj"}
    assert all(getattr(module, each) is getattr(zlib, each) for each in names)


# In a process.

HOSTS = {
    "aiohttp": ("aiohttp.compression_utils", "ZLibBackend._zlib_backend"),
    "autobahn": ("autobahn.websocket.compress_deflate", "zlib"),
    "tornado": ("tornado.websocket", "zlib"),
    "websockets": ("websockets.extensions.permessage_deflate", "zlib"),
    "wsproto": ("wsproto.extensions", "zlib"),
}


def found(host: str) -> Any:
    """Return the module that a host uses as zlib."""
    module, way = HOSTS[host]
    value: Any = pytest.importorskip(module, exc_type=ImportError)
    for step in way.split("."):
        value = getattr(value, step)
    return value


def record(host: str) -> accelerate.HostStatus:
    (line,) = [line for line in accelerate.status() if line.host == host]
    return line


@pytest.mark.parametrize("host", HOSTS)
def test_install_and_uninstall_switch_the_zlib_of_a_host(host, name, module, capfd):
    assert found(host) is zlib
    accelerate.install(host)
    assert (found(host), record(host).zlib) == (zlib, "")
    accelerate.install(host, zlib=name)
    assert (found(host), record(host).zlib, record(host).stale) == (
        module,
        compression.resolved_zlib(name),
        (),
    )
    accelerate.install(host)
    assert found(host) is module
    accelerate.install(host, zlib="zlib")
    assert (found(host), record(host).zlib) == (zlib, "")
    accelerate.install(host, zlib=name)
    accelerate.uninstall(host)
    assert (found(host), record(host).zlib) == (zlib, "")
    assert capfd.readouterr().err == ""


def test_install_can_switch_between_zlib_modules():
    pytest.importorskip("isal")
    pytest.importorskip("zlib_ng")
    for name in ("isal", "zlib-ng", "isal"):
        accelerate.install("wsproto", zlib=name)
        assert found("wsproto") is compression.substitute(name)
        assert record("wsproto").zlib == name
    accelerate.install("wsproto", zlib="zlib_ng")  # as it is imported
    assert record("wsproto").zlib == "zlib-ng"


def test_environment_variable_selects_the_zlib_module(name, module, monkeypatch):
    found("wsproto")
    monkeypatch.setenv("WSFRAME_ZLIB", name)
    accelerate.install("wsproto")
    assert found("wsproto") is module
    accelerate.uninstall()
    accelerate.install("wsproto", zlib="zlib")
    assert found("wsproto") is zlib


def test_reloaded_module_gets_the_zlib_module_again(name, module):
    found("wsproto")
    accelerate.install("wsproto", zlib=name)
    extensions = sys.modules["wsproto.extensions"]
    before = vars(extensions).copy()
    try:
        importlib.reload(extensions)
        assert found("wsproto") is module
        accelerate.uninstall()
        assert found("wsproto") is zlib
    finally:  # the rest of wsproto still has the classes that were there before
        vars(extensions).update(before, zlib=zlib)


def test_zlib_replaced_by_somebody_else_is_left_alone(name, capfd):
    compression = pytest.importorskip("aiohttp.compression_utils")
    backend = SimpleNamespace(**vars(zlib))  # the library's own code can use it
    try:
        compression.set_zlib_backend(backend)
        accelerate.install("aiohttp", zlib=name)
        assert compression.ZLibBackend._zlib_backend is backend
        why = "RuntimeError: aiohttp.compression_utils.ZLibBackend._zlib_backend is not zlib"
        got = record("aiohttp")
        assert (got.active, got.coalesces, got.zlib, got.why_not) == (True, True, "", why)
        assert (got.stale, got.unpatched) == ((), ())
        assert capfd.readouterr().err == f"wsframe: the zlib of aiohttp left alone: {why}\n"
        accelerate.uninstall()
        compression.set_zlib_backend(zlib)
        accelerate.install("aiohttp", zlib=name)
        assert record("aiohttp").zlib == resolved_zlib(name)
        compression.set_zlib_backend(backend)
        assert (record("aiohttp").active, record("aiohttp").zlib) == (True, "")
        accelerate.uninstall()
        assert compression.ZLibBackend._zlib_backend is backend
        assert "ZLibBackendWrapper._zlib_backend replaced by somebody else" in capfd.readouterr().err
    finally:
        compression.set_zlib_backend(zlib)


@pytest.mark.parametrize("name", ["zopfli", ""])
def test_an_unknown_name_is_an_error_and_changes_nothing(name):
    with pytest.raises(ValueError, match=f"unknown zlib '{name}', only auto, zlib, isal, zlib-ng"):
        accelerate.install("wsproto", zlib=name)
    assert record("wsproto").why_not == "install() was not called"


HIDE = """
import sys
sys.modules["isal"] = None
import wsproto, wsproto.extensions
from wsframe import accelerate
"""


def python(code: str, **more: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **more}
    return subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True)


def test_missing_zlib_package_error_says_what_to_install():
    done = python(HIDE + 'accelerate.install(zlib="isal")')
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: ")
    assert last.endswith(": pip install isal")


def test_missing_zlib_package_of_the_environment_is_only_reported():
    code = HIDE + 'accelerate.install("wsproto"); print(*[s for s in accelerate.status() if s.active])'
    done = python(code, WSFRAME_ZLIB="isal")
    assert "active=True" in done.stdout
    assert "zlib=''" in done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith("wsframe: the zlib of wsproto left alone: ImportError: ")
    assert line.endswith(": pip install isal")

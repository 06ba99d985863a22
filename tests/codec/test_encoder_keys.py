"""Masking keys (RFC 6455, 5.3): new for each frame, unpredictable, never shared; on every twin.

Old curl masked a whole connection with one key (CVE-2025-10148); ws #636 asked for unpredictable ones.
"""

from __future__ import annotations

import base64
import os
import random
import threading
from collections import Counter
from typing import Any

import pytest
from support.processes import run
from support.twins import Impl

from wsframe import Role
from wsframe._spec import KEY_POOL

# More than one call of os.urandom.
MANY = 3000


def keys_of_frames(impl: Impl, count: int) -> list[bytes]:
    keys = [impl.encode_text("x", masked=True)[2:6] for _ in range(count // 2)]
    return keys + [impl.encode_binary(b"x", masked=True)[2:6] for _ in range(count - len(keys))]


def assert_distinct(keys: list[bytes]) -> None:
    # Of 6000 random keys a pair is equal by chance in one run of 240; two pairs hardly ever.
    assert len(set(keys)) >= len(keys) - 1


def test_case_25_every_frame_has_a_new_key(impl: Impl) -> None:
    keys = keys_of_frames(impl, MANY)
    assert {len(key) for key in keys} == {4}
    assert_distinct(keys + [impl.new_mask_key() for _ in range(MANY)])


def test_case_25_frames_are_masked_with_the_key_they_carry(impl: Impl) -> None:
    decoder = impl.MessageDecoder(Role.SERVER)
    assert decoder.feed(impl.encode_text("Hello", masked=True)) == ["Hello"]
    assert decoder.feed(impl.encode_binary(b"Hello", masked=True)) == [b"Hello"]
    frame = impl.encode_text("Hello", masked=True)
    assert impl.parse_header(frame).mask_key == frame[2:6]


def test_case_25_every_bit_of_the_keys_varies(impl: Impl) -> None:
    ones: Counter[int] = Counter()
    for key in keys_of_frames(impl, MANY):
        number = int.from_bytes(key, "big")
        ones.update(bit for bit in range(32) if number >> bit & 1)
    # Ten standard deviations either side of one half.
    assert all(abs(ones[bit] - MANY / 2) < 10 * (MANY / 4) ** 0.5 for bit in range(32))


def test_case_25_random_seed_does_not_repeat_keys(impl: Impl) -> None:
    state = random.getstate()
    try:
        produced = []
        for _ in range(2):
            random.seed(0)
            produced += keys_of_frames(impl, 10)
    finally:
        random.setstate(state)
    assert_distinct(produced)


def test_case_25_threads_use_different_keys(impl: Impl) -> None:
    produced: list[list[bytes]] = []
    start = threading.Barrier(8)

    def produce() -> None:
        start.wait()
        produced.append(keys_of_frames(impl, MANY))

    threads = [threading.Thread(target=produce) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keys = [key for one in produced for key in one]
    assert len(keys) == 8 * MANY
    # 24 000 random keys: 0.07 pairs are equal by chance.
    assert len(set(keys)) >= len(keys) - 4


class Sub(bytes):
    pass


@pytest.mark.parametrize(
    ("produced", "error"),
    [
        (b"", RuntimeError),
        (b"\1\2\3\4", RuntimeError),
        (bytes(KEY_POOL - 1), RuntimeError),
        (bytes(KEY_POOL + 4), RuntimeError),
        (None, TypeError),
        ("text" * 4 * KEY_POOL, TypeError),
        (bytearray(KEY_POOL), TypeError),
        (Sub(KEY_POOL), TypeError),
        ([0] * KEY_POOL, TypeError),
    ],
    ids=["nothing", "4", "too few", "too many", "None", "str", "bytearray", "subclass", "list"],
)
def test_case_48_invalid_result_of_a_replaced_urandom_raises(
    impl: Impl, produced: Any, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not used, and nothing beyond its end is read; later calls get new keys."""
    monkeypatch.setattr(os, "urandom", lambda size: produced)
    said = (
        f"bytes, not {len(produced)}$" if error is RuntimeError else f"bytes, not {type(produced).__name__}$"
    )

    def spend() -> None:
        for _ in range(KEY_POOL // 4 + 1):  # use up the keys in the pool
            impl.encode_text("x", masked=True)

    for produce in (spend, impl.new_mask_key, lambda: impl.encode_binary(b"x", masked=True), impl.new_key):
        with pytest.raises(error, match=rf"^os\.urandom must return .*{said}"):
            produce()
    monkeypatch.undo()
    assert_distinct([impl.new_mask_key() for _ in range(MANY)])
    assert len(impl.new_key()) == 24


def test_case_48_replaced_urandom_provides_the_keys(impl: Impl, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def urandom(size: int) -> bytes:
        asked.append(size)
        return b"abcd" * (size // 4)

    monkeypatch.setattr(os, "urandom", urandom)
    while impl.new_mask_key() != b"abcd":
        assert not asked
    for _ in range(KEY_POOL // 4 - 1):
        assert impl.encode_binary(b"", masked=True)[2:] == b"abcd"
    assert asked == [KEY_POOL]
    assert impl.new_key() == base64.b64encode(b"abcd" * 4).decode()


FORKS = """
import ctypes, os, sys
from wsframe import encode_text

def fork():
    return ctypes.PyDLL(None).fork() if sys.argv[1] == "libc" else os.fork()

def keys():
    return b"".join(encode_text("x", masked=True)[2:6] for _ in range(5))

encode_text("x", masked=True)  # fills the pool that a child would inherit
said = []
for _ in range(3):
    readable, writable = os.pipe()
    if not fork():
        # A child of a child inherits as well.
        inner = fork()
        os.write(writable, keys())
        if inner:
            os.waitpid(inner, 0)
        os._exit(0)
    os.close(writable)
    os.wait()
    with open(readable, "rb") as stream:
        said.append(stream.read())
said.append(keys())
print(" ".join(part[i : i + 4].hex() for part in said for i in range(0, len(part), 4)))
"""


def keys_of_forks(impl: Impl, kind: str) -> list[bytes]:
    done = run(FORKS, kind, impl=impl)
    return [bytes.fromhex(key) for key in done.stdout.split()]


@pytest.mark.skipif("not hasattr(os, 'fork')")
def test_case_25_forked_children_use_different_keys(impl: Impl) -> None:
    keys = keys_of_forks(impl, "os")
    assert len(keys) == 5 * (3 * 2 + 1)
    assert len(set(keys)) == len(keys)


@pytest.mark.skipif("not hasattr(os, 'fork')")
def test_case_25_children_of_a_libc_fork_use_different_keys(impl: Impl) -> None:
    if impl.pure:
        pytest.skip("the pure twin knows of the forks of the os module alone")
    keys = keys_of_forks(impl, "libc")
    assert len(keys) == 5 * (3 * 2 + 1)
    assert len(set(keys)) == len(keys)

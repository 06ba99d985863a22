"""Masking keys (RFC 6455, 5.3): fresh, unpredictable, never shared; on every twin.

Old curl masked a whole connection with one key (CVE-2025-10148); ws #636 asked for unpredictable ones.
"""

from __future__ import annotations

import random
import threading
from collections import Counter

import pytest
from processes import run
from twins import Impl

from wsframe import Role

# More than one drawing from the system's generator.
MANY = 3000


def keys_of_frames(impl: Impl, count: int) -> list[bytes]:
    keys = [impl.encode_text("x", masked=True)[2:6] for _ in range(count // 2)]
    return keys + [impl.encode_binary(b"x", masked=True)[2:6] for _ in range(count - len(keys))]


def assert_distinct(keys: list[bytes]) -> None:
    # Of 6000 random keys a pair is equal by chance in one run of 240; two pairs hardly ever.
    assert len(set(keys)) >= len(keys) - 1


def test_case_25_a_fresh_key_for_every_frame(impl: Impl) -> None:
    keys = keys_of_frames(impl, MANY)
    assert {len(key) for key in keys} == {4}
    assert_distinct(keys + [impl.fresh_key() for _ in range(MANY)])


def test_case_25_frames_say_their_key(impl: Impl) -> None:
    decoder = impl.MessageDecoder(Role.SERVER)
    assert decoder.feed(impl.encode_text("Hello", masked=True)) == ["Hello"]
    assert decoder.feed(impl.encode_binary(b"Hello", masked=True)) == [b"Hello"]
    frame = impl.encode_text("Hello", masked=True)
    assert impl.parse_header(frame).mask_key == frame[2:6]


def test_case_25_every_bit_varies(impl: Impl) -> None:
    ones: Counter[int] = Counter()
    for key in keys_of_frames(impl, MANY):
        number = int.from_bytes(key, "big")
        ones.update(bit for bit in range(32) if number >> bit & 1)
    # Ten standard deviations either side of one half.
    assert all(abs(ones[bit] - MANY / 2) < 10 * (MANY / 4) ** 0.5 for bit in range(32))


def test_case_25_a_seed_does_not_repeat_keys(impl: Impl) -> None:
    state = random.getstate()
    try:
        drawn = []
        for _ in range(2):
            random.seed(0)
            drawn += keys_of_frames(impl, 10)
    finally:
        random.setstate(state)
    assert_distinct(drawn)


def test_case_25_threads_draw_different_keys(impl: Impl) -> None:
    drawn: list[list[bytes]] = []
    start = threading.Barrier(8)

    def draw() -> None:
        start.wait()
        drawn.append(keys_of_frames(impl, MANY))

    threads = [threading.Thread(target=draw) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keys = [key for one in drawn for key in one]
    assert len(keys) == 8 * MANY
    # 24 000 random keys: 0.07 pairs are equal by chance.
    assert len(set(keys)) >= len(keys) - 4


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
def test_case_25_forked_children_draw_different_keys(impl: Impl) -> None:
    keys = keys_of_forks(impl, "os")
    assert len(keys) == 5 * (3 * 2 + 1)
    assert len(set(keys)) == len(keys)


@pytest.mark.skipif("not hasattr(os, 'fork')")
def test_case_25_a_fork_that_python_does_not_see(impl: Impl) -> None:
    if impl.pure:
        pytest.skip("the pure twin knows of the forks of the os module alone")
    keys = keys_of_forks(impl, "libc")
    assert len(keys) == 5 * (3 * 2 + 1)
    assert len(set(keys)) == len(keys)

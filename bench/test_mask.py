"""Masking at every size: around the steps of the kernels, and through every level of cache."""

import pytest

from bench.peers import wsframe_pure
from bench.sweep import sweep
from bench.texts import KEY, text

KIB, MIB = 2**10, 2**20
STEPS = [0, 1, 2, 3, 4, 7, 8, 16, 31, 32, 33, 64, 125, 126, 1000]
LARGE = [KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB, 16 * MIB]


def skip_below(peer, size):
    if size < getattr(peer, "MASK_FROM", 0):
        pytest.skip(f"says nothing below {peer.MASK_FROM} bytes")


@sweep("mask", STEPS + LARGE)
def test_mask(measure, peer, case, repeat):
    skip_below(peer, case)
    data = text("ascii", case).encode()
    expected = data[:-1] if peer.__name__.endswith("copy") else wsframe_pure.mask(data, KEY)
    assert peer.mask(data, KEY) == expected
    measure(peer.mask, data, KEY)


@sweep("mask_into", [32, KIB, 16 * KIB, 256 * KIB, MIB, 16 * MIB])
def test_mask_into(measure, peer, case, repeat):
    skip_below(peer, case)
    data = text("ascii", case).encode()
    buffer = getattr(peer, "buffer", bytearray)(data)
    peer.mask_into(buffer, KEY)
    assert bytes(buffer) == wsframe_pure.mask(data, KEY)
    measure(peer.mask_into, buffer, KEY)

"""Bytes of one read to texts."""

from bench.sweep import sweep
from bench.texts import KINDS, SMALL, SMALL_OF, read_of, text

MESSAGES = {
    "100 x 32 B": [SMALL] * 100,
    **{f"100 x 32 B {kind}": [small] * 100 for kind, small in SMALL_OF.items()},
    **{f"1 MiB {kind}": [text(kind, 2**20)] for kind in KINDS},
}


@sweep("decoder", MESSAGES)
def test_decode(measure, peer, case, repeat):
    messages = MESSAGES[case]
    data = read_of(messages)
    feed = peer.decoder()
    result = feed(data)
    assert getattr(peer, "texts", list)(result) == messages
    measure(feed, data)

"""A text to the frame that carries it."""

from bench.sweep import sweep
from bench.texts import KINDS, SMALL, SMALL_OF, text
from wsframe import MessageDecoder, Role

TEXTS = {
    "32 B": SMALL,
    **{f"32 B {kind}": small for kind, small in SMALL_OF.items()},
    **{f"16 KiB {kind}": text(kind, 2**14) for kind in KINDS},
    **{f"1 MiB {kind}": text(kind, 2**20) for kind in KINDS},
}


def whole(frame):
    """Join what a peer writes in parts."""
    return b"".join(frame) if isinstance(frame, list) else frame


@sweep("encode_text", TEXTS)
def test_encode_text(measure, peer, case, repeat):
    message = TEXTS[case]
    frame = whole(peer.encode_text(message))
    if peer.__name__.endswith("copy"):
        assert frame.decode() == message
    else:
        assert MessageDecoder(Role.CLIENT).feed(frame) == [message]
    measure(peer.encode_text, message)


@sweep("encode_text_masked", TEXTS)
def test_encode_text_masked(measure, peer, case, repeat):
    message = TEXTS[case]
    frames = [whole(peer.encode_text_masked(message)) for _ in range(2)]
    assert frames[0] != frames[1]
    assert MessageDecoder(Role.SERVER).feed(b"".join(frames)) == [message, message]
    measure(peer.encode_text_masked, message)

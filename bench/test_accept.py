"""The key of the handshake; the sample is RFC 6455's, 1.3."""

from bench.sweep import sweep

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


@sweep("accept_key", ["24 B"])
def test_accept_key(measure, peer, case, repeat):
    assert peer.accept_key(KEY) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    measure(peer.accept_key, KEY)

"""Where libraries get their masking keys from.

A program that replaces one of these wants its own keys: a fast path checks a watch of it before it masks.
"""

from __future__ import annotations

from ...ownership import Bypassed

URANDOM: Bypassed = ("os", ("urandom",))
TOKEN_BYTES: Bypassed = ("secrets", ("token_bytes",))
GETRANDBITS: Bypassed = ("random", ("getrandbits",))

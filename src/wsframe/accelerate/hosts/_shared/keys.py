"""Where libraries get their masking keys from.

Who replaces one of these wants keys of their own: where a fast path is to mask, it asks a watch of it first.
"""

from __future__ import annotations

from ...ownership import Bypassed

URANDOM: Bypassed = ("os", ("urandom",))
TOKEN_BYTES: Bypassed = ("secrets", ("token_bytes",))
GETRANDBITS: Bypassed = ("random", ("getrandbits",))

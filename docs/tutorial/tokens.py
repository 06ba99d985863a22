"""Tokens that say who somebody is: `python tokens.py ann` prints one."""

import hashlib
import hmac
import os
import sys

SECRET = os.environ.get("CHAT_SECRET", "for the tutorial only").encode()


def sign(name: str) -> str:
    """Make the token of a name."""
    return f"{name}.{hmac.new(SECRET, name.encode(), hashlib.sha256).hexdigest()}"


def name_of(token: str) -> str | None:
    """Return the name in a token, or None when the token is not ours."""
    name = token.rpartition(".")[0]
    if not name or not hmac.compare_digest(token.encode(), sign(name).encode()):
        return None
    return name


if __name__ == "__main__":
    print(sign(sys.argv[1]))

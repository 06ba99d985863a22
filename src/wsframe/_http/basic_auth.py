"""HTTP Basic authentication of clients (RFC 7617): credentials, and the challenge."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Iterable
from typing import Any

from .messages import Request, Response
from .responses import plain_response

Credentials = tuple[str, str]


class Realm:
    """A protection space (RFC 9110, 11.5), and who may enter it.

    Args:
        realm: its name, ASCII.
        credentials: one pair of name and password, or several.
        check_credentials: instead of them, a function of name and password that tells whether they are valid.

    Raises:
        TypeError: credentials are not pairs of str.
        ValueError: both credentials and check_credentials are given, or neither.
    """

    def __init__(
        self,
        realm: str,
        credentials: Credentials | Iterable[Credentials] | None,
        check_credentials: Callable[[str, str], Any] | None,
    ) -> None:
        if (credentials is None) == (check_credentials is None):
            raise ValueError("provide either credentials or check_credentials")
        quoted = realm.replace("\\", "\\\\").replace('"', '\\"')
        self._challenge = f'Basic realm="{quoted}", charset="UTF-8"'
        self.check = _checker(_pairs(credentials)) if check_credentials is None else check_credentials

    def refusal(self, why: str) -> Response:
        """Make the 401 for a client."""
        response = plain_response(401, f"{why}\n")
        response.headers["WWW-Authenticate"] = self._challenge
        return response

    def read(self, request: Request) -> Credentials | Response:
        """Return the name and the password of a request, or the refusal of one without."""
        given = request.headers.get_all("Authorization")
        if not given:
            return self.refusal("Missing credentials")
        return (_parse(given[0]) if len(given) == 1 else None) or self.refusal("Unsupported credentials")


def _is_pair(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) == 2 and all(isinstance(one, str) for one in value)


def _pairs(credentials: Any) -> dict[str, str]:
    pairs = [credentials] if _is_pair(credentials) else credentials
    if isinstance(pairs, Iterable) and not isinstance(pairs, str):
        pairs = list(pairs)
        if all(map(_is_pair, pairs)):
            return dict(pairs)
    raise TypeError(f"invalid credentials argument: {credentials}")


def _checker(passwords: dict[str, str]) -> Callable[[str, str], bool]:
    def check(name: str, password: str) -> bool:
        # A name that is not known takes as long as one that is.
        expected = passwords.get(name, "").encode()
        return hmac.compare_digest(expected, password.encode()) and name in passwords

    return check


def _parse(authorization: str) -> Credentials | None:
    """Read the value of an Authorization header; None if it has another scheme."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, password) if colon else None

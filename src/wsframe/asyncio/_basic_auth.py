"""HTTP Basic authentication of clients (RFC 7617)."""

from __future__ import annotations

import base64
import binascii
import hmac
import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..handshake import Request, Response

if TYPE_CHECKING:
    from .server import ProcessRequest, ServerConnection

Credentials = tuple[str, str]


def basic_auth(
    realm: str = "",
    credentials: Credentials | Iterable[Credentials] | None = None,
    check_credentials: Callable[[str, str], Awaitable[bool] | bool] | None = None,
) -> ProcessRequest:
    """Make a `process_request` that asks for a user name and a password.

    The connection of a client that knows them has its name as `username`; another one gets a 401.

    Args:
        realm: what they are for, ASCII (RFC 9110, 11.5).
        credentials: one pair of name and password, or several.
        check_credentials: instead of them: called with both, it returns, or awaits, whether they are right.

    Raises:
        TypeError: credentials are not pairs of str.
        ValueError: both credentials and check_credentials are given, or neither.
    """
    if (credentials is None) == (check_credentials is None):
        raise ValueError("provide either credentials or check_credentials")
    if check_credentials is None:
        check_credentials = _checker(_pairs(credentials))
    quoted = realm.replace("\\", "\\\\").replace('"', '\\"')
    challenge = f'Basic realm="{quoted}", charset="UTF-8"'

    def refuse(connection: ServerConnection, why: str) -> Response:
        response = connection.respond(401, f"{why}\n")
        response.headers["WWW-Authenticate"] = challenge
        return response

    async def process_request(connection: ServerConnection, request: Request) -> Response | None:
        given = request.headers.get("Authorization")
        if given is None:
            return refuse(connection, "Missing credentials")
        pair = _parse(given)
        if pair is None:
            return refuse(connection, "Unsupported credentials")
        valid = check_credentials(*pair)
        if inspect.isawaitable(valid):
            valid = await valid
        if not valid:
            return refuse(connection, "Invalid credentials")
        connection.username = pair[0]
        return None

    return process_request


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
        # In the same time for a name that is known and one that is not.
        expected = passwords.get(name, "").encode()
        return hmac.compare_digest(expected, password.encode()) and name in passwords

    return check


def _parse(authorization: str) -> Credentials | None:
    """Read the value of an Authorization header; None where it is none of this scheme."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, password) if colon else None

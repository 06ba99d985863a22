"""HTTP Basic authentication of clients (RFC 7617)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from .._http.basic_auth import Credentials, Realm
from ..handshake import Request, Response

if TYPE_CHECKING:
    from .server import ProcessRequest, ServerConnection


def basic_auth(
    realm: str = "",
    credentials: Credentials | Iterable[Credentials] | None = None,
    check_credentials: Callable[[str, str], bool] | None = None,
) -> ProcessRequest:
    """Return a `process_request` that requires a user name and a password.

    The connection of an authenticated client has the user name as `username`; others get a 401.

    Args:
        realm: the protection space, ASCII (RFC 9110, 11.5).
        credentials: one pair of name and password, or several.
        check_credentials: instead of them, a function of name and password that tells whether they are valid.

    Raises:
        TypeError: credentials are not pairs of str.
        ValueError: both credentials and check_credentials are given, or neither.
    """
    protected = Realm(realm, credentials, check_credentials)

    def process_request(connection: ServerConnection, request: Request) -> Response | None:
        given = protected.read(request)
        if isinstance(given, Response):
            return given
        if not protected.check(*given):
            return protected.refusal("Invalid credentials")
        connection.username = given[0]
        return None

    return process_request

"""What `wsframe connect` and `wsframe bench` take to open a connection."""

from __future__ import annotations

import argparse
import errno
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._escape import escape

if TYPE_CHECKING:
    from .._http.errors import InvalidStatus


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the URI, and the options of the opening handshake and of TLS."""
    parser.add_argument("uri", metavar="URI", help="ws:// or wss://")
    parser.add_argument(
        "-H",
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="of the request; may be given again",
    )
    parser.add_argument(
        "-s",
        "--subprotocol",
        action="append",
        default=[],
        metavar="NAME",
        help="to offer; may be given again",
    )
    parser.add_argument("--origin", metavar="ORIGIN", help="the field Origin of the request")
    parser.add_argument("--no-compression", action="store_true", help="do not offer permessage-deflate")
    parser.add_argument(
        "--proxy", metavar="URI", help="http://, https:// or socks5h:// (the one of the system)"
    )
    parser.add_argument("--no-proxy", action="store_true", help="connect directly")
    parser.add_argument("--cacert", type=Path, metavar="FILE", help="PEM file of the authorities to trust")
    parser.add_argument("--cert", type=Path, metavar="FILE", help="PEM file of the certificate to show")
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help="PEM file of its key (in the file of --cert)"
    )
    parser.add_argument("-k", "--insecure", action="store_true", help="trust any certificate")
    parser.add_argument(
        "--open-timeout", type=seconds, default=10, metavar="SECONDS", help="for the opening handshake (10)"
    )


def seconds(text: str) -> float:
    """Take a duration or a rate: a number from 0."""
    number = float(text)
    if not number >= 0:  # nan, too
        raise argparse.ArgumentTypeError("from 0 on")
    return number


def connect_options(options: argparse.Namespace) -> dict[str, Any]:
    """Make the keyword arguments of `wsframe.asyncio.connect`.

    Raises:
        ValueError: a header has no colon, a certificate is missing, or a file of TLS cannot be used.
    """
    if options.key and not options.cert:
        raise ValueError("--key needs the certificate of that key: --cert FILE")
    found: dict[str, Any] = {
        "additional_headers": [_header(line) for line in options.header],
        "subprotocols": options.subprotocol or None,
        "origin": options.origin,
        "compression": None if options.no_compression else "deflate",
        "proxy": None if options.no_proxy else options.proxy or True,
        "open_timeout": options.open_timeout,
    }
    if options.uri.lower().startswith("wss:"):
        found["ssl"] = _tls(options)
    return found


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise ValueError(f"header {line!r} has no colon: write 'NAME: VALUE'")
    return name.strip(), value.strip()


def _tls(options: argparse.Namespace) -> ssl.SSLContext:
    with _named("no certificate in it, in PEM", options.cacert):
        context = ssl.create_default_context(cafile=options.cacert)
    if options.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if options.cert:
        lacking = "not a certificate and its key, in PEM"
        with _named(
            lacking if options.key else f"{lacking}; --key FILE if that is another file",
            options.cert,
            options.key,
        ):
            context.load_cert_chain(options.cert, options.key)
    return context


@contextmanager
def _named(invalid: str, *files: Path | None) -> Iterator[None]:
    """Name the files in errors of OpenSSL, which does not.

    Args:
        invalid: what is wrong with files that can be read.
        files: those that there are.
    """
    try:
        yield
    except OSError as exc:
        names = " and ".join(str(file) for file in files if file)
        raise ValueError(
            f"{names}: {invalid if isinstance(exc, ssl.SSLError) else exc.strerror or exc}"
        ) from exc


def failure(exc: Exception, uri: str) -> str:
    """Say in one line why no connection was opened, and what can be done.

    Args:
        exc: what `connect` or `connect_options` raised.
        uri: of the server.
    """
    from .._http.errors import InvalidStatus, InvalidURI
    from .._http.proxies import proxy_of_error

    if isinstance(exc, ImportError):
        return str(exc).replace("proxy=None", "--no-proxy")  # its name on the command line
    proxy = proxy_of_error(exc)
    if proxy is not None:
        return escape(f"proxy {proxy}: {_reason_of_proxy(exc)}; --no-proxy connects directly")
    if isinstance(exc, InvalidStatus):
        return escape(f"{uri} rejected the connection: {_response(exc)}")
    if isinstance(exc.__cause__, InvalidStatus):
        if isinstance(exc, InvalidURI):
            return escape(f"{uri}: the server redirects to {exc.uri}: {exc.msg}")
        return escape(f"{uri}: {exc}")
    if isinstance(exc, InvalidURI):
        return escape(f"{exc.uri or 'an empty text'} isn't a valid URI: {exc.msg}")
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"{exc.verify_message}; --cacert FILE trusts the authority in a file, -k any certificate"
    return _reason_of_server(exc, uri)


def _response(exc: InvalidStatus) -> str:
    response = exc.response
    body = bytes(response.body or b"").decode("utf-8", "replace").strip().partition("\n")[0]
    said = f"HTTP {response.status_code} {response.reason_phrase}".rstrip()
    return said + (f": {body}" if body else "")


def _reason_of_server(exc: Exception, uri: str) -> str:
    """Say what went wrong between the two, with the URI where the network or TLS failed."""
    from .._http.errors import InvalidMessage

    secure = uri.lower().startswith("wss:")
    if isinstance(exc, ssl.SSLError) and exc.reason == "WRONG_VERSION_NUMBER":
        return f"{uri}: the server does not speak TLS there; ws:// is without"
    if secure and isinstance(exc, ConnectionResetError):  # later it is an InvalidMessage
        return f"{uri}: the server closed the connection in the TLS handshake; ws:// is without TLS"
    if isinstance(exc, InvalidMessage):
        cause = f": {exc.__cause__}" if exc.__cause__ else ""
        hint = "" if secure else "; if the server speaks TLS there, wss:// is with it"
        return escape(f"{uri}: {exc}{cause}{hint}")
    if isinstance(exc, OSError) and not exc.filename:
        return f"{uri}: {_reason(exc)}"
    return str(exc) or type(exc).__name__


def _reason_of_proxy(exc: Exception) -> str:
    from .._http.errors import InvalidProxyStatus

    if isinstance(exc, InvalidProxyStatus):
        response = exc.response
        return f"HTTP {response.status_code} {response.reason_phrase}".rstrip()
    return f"{exc}: {exc.__cause__}" if exc.__cause__ and not isinstance(exc, OSError) else _reason(exc)


def _reason(exc: Exception) -> str:
    if isinstance(exc, OSError):
        if exc.errno == errno.ECONNREFUSED:
            return "connection refused"
        return exc.strerror or str(exc) or "connection lost"
    return str(exc) or type(exc).__name__

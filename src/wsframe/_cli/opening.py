"""What `wsframe connect` and `wsframe bench` take to open a connection."""

from __future__ import annotations

import argparse
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .._escape import escape


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
        ValueError: a header has no colon, or a file of TLS cannot be used.
    """
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
    if options.key and not options.cert:
        raise ValueError("--key needs the certificate of that key: --cert FILE")
    with _named(options.cacert):
        context = ssl.create_default_context(cafile=options.cacert)
    if options.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if options.cert:
        with _named(options.cert, options.key):
            context.load_cert_chain(options.cert, options.key)
    return context


@contextmanager
def _named(*files: Path | None) -> Iterator[None]:
    """Name the files in errors of OpenSSL, which does not."""
    try:
        yield
    except OSError as exc:
        names = " and ".join(str(file) for file in files if file)
        raise ValueError(f"{names}: {exc.strerror or exc}") from exc


def failure(exc: Exception, uri: str) -> str:
    """Say in one line why no connection was opened, and what can be done.

    Args:
        exc: what `connect` or `connect_options` raised.
        uri: of the server.
    """
    from .._http.errors import InvalidStatus

    if isinstance(exc, InvalidStatus):
        response = exc.response
        body = bytes(response.body or b"").decode("utf-8", "replace").strip().partition("\n")[0]
        said = f"HTTP {response.status_code} {response.reason_phrase}".rstrip()
        return escape(f"{uri} rejected the connection: {said}" + (f": {body}" if body else ""))
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"{exc.verify_message}; --cacert FILE trusts the authority in a file, -k any certificate"
    if isinstance(exc, ssl.SSLError) and exc.reason == "WRONG_VERSION_NUMBER":
        return f"{uri}: the server does not speak TLS there; ws:// is without"
    if isinstance(exc, ConnectionRefusedError):
        return f"{uri}: connection refused"
    if isinstance(exc, OSError) and exc.strerror and not exc.filename:
        return f"{uri}: {exc.strerror}"
    return str(exc) or type(exc).__name__

"""What `wsframe connect` and `wsframe bench` take to open a connection."""

from __future__ import annotations

import argparse
import ssl
from pathlib import Path
from typing import Any


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
    parser.add_argument("--open-timeout", type=float, default=10, metavar="SECONDS", help="(10)")


def connect_options(options: argparse.Namespace) -> dict[str, Any]:
    """Make the keyword arguments of `wsframe.asyncio.connect`.

    Raises:
        ValueError: a header has no colon.
        OSError: a file cannot be read, or is no PEM file (ssl.SSLError).
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
    context = ssl.create_default_context(cafile=options.cacert)
    if options.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if options.cert:
        context.load_cert_chain(options.cert, options.key)
    return context

"""Compression of messages, permessage-deflate: its negotiation and its codec (RFC 7692).

The codec uses the standard zlib, or a module with the same interface: see `use`.
"""

from .codec import Deflate, Parameters
from .modules import in_use, use
from .negotiation import ClientPolicy, ServerPolicy

__all__ = [
    "ClientPolicy",
    "Deflate",
    "Parameters",
    "ServerPolicy",
    "in_use",
    "use",
]

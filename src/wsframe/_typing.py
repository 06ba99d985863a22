"""Types for annotations, as programs for websockets use them."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NewType

from ._http.messages import HeadersLike

__all__ = [
    "BytesLike",
    "Data",
    "DataLike",
    "ExtensionName",
    "ExtensionParameter",
    "HeadersLike",
    "LoggerLike",
    "Origin",
    "StatusLike",
    "Subprotocol",
]

Data = str | bytes  # a message: text, or binary
BytesLike = bytes | bytearray | memoryview
DataLike = str | bytes | bytearray | memoryview  # what can be sent as a message

# The class takes no parameter at run time before CPython 3.11.
if TYPE_CHECKING:
    LoggerLike = logging.Logger | logging.LoggerAdapter[Any]
else:
    LoggerLike = logging.Logger | logging.LoggerAdapter

StatusLike = HTTPStatus | int

Origin = NewType("Origin", str)
Subprotocol = NewType("Subprotocol", str)
ExtensionName = NewType("ExtensionName", str)
ExtensionParameter = tuple[str, str | None]

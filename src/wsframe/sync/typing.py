"""The types of `wsframe.asyncio.typing`."""

from .._typing import (
    BytesLike,
    Data,
    DataLike,
    ExtensionName,
    ExtensionParameter,
    HeadersLike,
    LoggerLike,
    Origin,
    StatusLike,
    Subprotocol,
)

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

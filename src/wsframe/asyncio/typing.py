"""Types for annotations, for programs that look for them in a module of this name."""

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

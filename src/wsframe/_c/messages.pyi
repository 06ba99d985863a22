from collections.abc import Awaitable, Coroutine
from typing import Any, final

from typing_extensions import Self, disjoint_base

from .receiver import Receiver

@final
@disjoint_base
class Messages:
    def __init__(self, receiver: Receiver, end: Any) -> None: ...
    def __aiter__(self) -> Self: ...
    def __anext__(self) -> Awaitable[Any]: ...
    def aclose(self) -> Coroutine[Any, Any, None]: ...

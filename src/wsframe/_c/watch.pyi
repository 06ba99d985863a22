from collections.abc import Callable, Iterable
from typing import Any

from typing_extensions import Self, disjoint_base

@disjoint_base
class Watch:
    def __new__(
        cls,
        approve: Callable[[Any], object],
        kinds: Iterable[Iterable[str]] = (),
        fixed: Iterable[tuple[Any, Iterable[str]]] = (),
    ) -> Self: ...
    def holds(self, first: object = None, second: object = None) -> bool: ...

from collections.abc import Callable, Iterable
from typing import Any, final

from typing_extensions import Self

from .watch import Watch

@final
class Broadcaster:
    def __new__(
        cls,
        *,
        connection_class: type,
        watch: Watch,
        protocol: str | None,
        transport: str,
        output: str,
        fragmenting: str,
        equal: dict[str, Any],
        empty: Iterable[str],
        deflate_class: type,
        unused_class: type,
        output_for: Callable[[Any], Any],
        failed: Callable[[Any, Exception], object],
    ) -> Self: ...
    def write(
        self, connections: list[Any], uncompressed: bytes, frame_for: Callable[[Any], bytes]
    ) -> list[Any]: ...

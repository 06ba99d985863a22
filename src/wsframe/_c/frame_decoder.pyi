from typing_extensions import Buffer, Self, disjoint_base

from .._spec import DEFAULT_MAX_MESSAGE as DEFAULT_MAX_MESSAGE, Frame, Role
from .decoder import _Decoder

@disjoint_base
class FrameDecoder(_Decoder):
    def __new__(cls, role: Role, *, max_frame: int | None = ..., rsv: int = 0) -> Self: ...
    @property
    def buffered(self) -> int: ...
    def feed(self, data: Buffer) -> list[Frame]: ...

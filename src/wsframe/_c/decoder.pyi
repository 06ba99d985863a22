from typing_extensions import Buffer, Self, disjoint_base

from .._errors import ProtocolError
from .._py.decoder import (
    Message,
    cut_frames as cut_frames,
    take_frame as take_frame,
    take_message as take_message,
)
from .._spec import (
    DEFAULT_MAX_FRAGMENTS as DEFAULT_MAX_FRAGMENTS,
    DEFAULT_MAX_MESSAGE as DEFAULT_MAX_MESSAGE,
    DEFLATED_COST as DEFLATED_COST,
    DEFLATED_PIECE as DEFLATED_PIECE,
    FRAME_COST as FRAME_COST,
    MAX_LENGTH as MAX_LENGTH,
    MAX_MESSAGES as MAX_MESSAGES,
    STREAM_COST as STREAM_COST,
    Frame,
    Inflater,
    Role,
)

__pyx_capi__: dict[str, object]

@disjoint_base
class _Decoder:
    @property
    def error(self) -> ProtocolError | None: ...

@disjoint_base
class FrameDecoder(_Decoder):
    def __new__(cls, role: Role, *, max_frame: int | None = ..., rsv: int = 0) -> Self: ...
    @property
    def buffered(self) -> int: ...
    def feed(self, data: Buffer) -> list[Frame]: ...

@disjoint_base
class MessageDecoder(_Decoder):
    skipping: bool
    def __new__(
        cls,
        role: Role,
        *,
        max_message: int | None = ...,
        max_fragments: int | None = ...,
        deflate: Inflater | None = None,
    ) -> Self: ...
    @property
    def buffered(self) -> int: ...
    @property
    def closed(self) -> bool: ...
    @property
    def controls(self) -> int: ...
    @property
    def unread(self) -> int: ...
    @property
    def inflated(self) -> int: ...
    def feed(self, data: Buffer, budget: int | None = None) -> list[Message]: ...

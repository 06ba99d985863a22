from typing_extensions import Buffer, Self, disjoint_base

from .._py.message_decoder import Message
from .._spec import (
    DEFAULT_MAX_FRAGMENTS as DEFAULT_MAX_FRAGMENTS,
    DEFAULT_MAX_MESSAGE as DEFAULT_MAX_MESSAGE,
    Inflater,
    Role,
)
from .decoder import _Decoder

@disjoint_base
class MessageDecoder(_Decoder):
    skipping: bool
    streaming: int
    def __new__(
        cls,
        role: Role,
        *,
        max_message: int | None = ...,
        max_fragments: int | None = ...,
        max_frame: int | None = None,
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

from typing_extensions import disjoint_base

from .._errors import ProtocolError
from .._spec import MAX_MESSAGES as MAX_MESSAGES

__pyx_capi__: dict[str, object]

@disjoint_base
class _Decoder:
    @property
    def error(self) -> ProtocolError | None: ...

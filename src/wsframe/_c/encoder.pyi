from .._py.encoder import (
    encode_binary as encode_binary,
    encode_deflated as encode_deflated,
    encode_frame as encode_frame,
    encode_text as encode_text,
    fresh_key as fresh_key,
)

__pyx_capi__: dict[str, object]

from .._py.encoder import (
    encode_binary as encode_binary,
    encode_deflated as encode_deflated,
    encode_frame as encode_frame,
    encode_text as encode_text,
    new_mask_key as new_mask_key,
)

__pyx_capi__: dict[str, object]

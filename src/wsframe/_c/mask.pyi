from .._py.mask import mask as mask, mask_into as mask_into

__pyx_capi__: dict[str, object]

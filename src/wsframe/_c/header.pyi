from .._py.header import build_header as build_header, parse_header as parse_header

__pyx_capi__: dict[str, object]

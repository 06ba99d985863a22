"""The two twins of the codec, loaded side by side."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

# Where the public functions live; the file names are the same in both twins.
MODULES = {
    "mask": ("mask", "mask_into"),
    "header": ("parse_header", "build_header"),
    "accept": ("accept_key", "new_key"),
    "encoder": ("new_mask_key", "encode_frame", "encode_text", "encode_binary", "encode_deflated"),
    "frame_decoder": ("FrameDecoder",),
    "message_decoder": ("MessageDecoder",),
    "whole_frames": ("cut_frames", "take_frame", "take_message"),
}


@dataclass(frozen=True, repr=False)
class Impl:
    """The public functions of one twin."""

    name: str
    mask: Any
    mask_into: Any
    parse_header: Any
    build_header: Any
    accept_key: Any
    new_key: Any
    new_mask_key: Any
    encode_frame: Any
    encode_text: Any
    encode_binary: Any
    encode_deflated: Any
    FrameDecoder: Any
    MessageDecoder: Any
    cut_frames: Any
    take_frame: Any
    take_message: Any

    def __repr__(self) -> str:
        return self.name

    @property
    def pure(self) -> bool:
        return self.name == "py"


def _load(name: str, package: str) -> Impl:
    functions = {
        function: getattr(import_module(f"wsframe.{package}.{module}"), function)
        for module, names in MODULES.items()
        for function in names
    }
    return Impl(name, **functions)


PURE = _load("py", "_py")

try:
    from wsframe._c import kernel
except ImportError:
    if os.environ.get("WSFRAME_REQUIRE_EXTENSIONS", "0") not in ("", "0"):
        raise
    kernel = None  # type: ignore[assignment]

KERNELS: tuple[str, ...] = kernel.available() if kernel else ()
NAMES = ("py", *(f"c-{name}" for name in KERNELS))


@contextmanager
def running(name: str) -> Iterator[Impl]:
    """One twin, with its kernel forced for as long as the block runs."""
    if name == "py":
        yield PURE
        return
    before = kernel.selected()
    wanted = name.removeprefix("c-")
    kernel.select(wanted)
    assert kernel.selected() == wanted
    try:
        yield _load(name, "_c")
        assert kernel.selected() == wanted, "a test left another kernel behind"
    finally:
        kernel.select(before)

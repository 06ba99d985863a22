"""What older versions have in another way: the name of an attribute, and what holds a pair.

The code of the library is run to find out. Before 1.7 a mask is called `mask`, and a message comes in a list.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ...._spec import Opcode
from .bypassed import ABNF

__all__ = ["mask_attribute", "pairs_are_lists"]


def mask_attribute() -> str:
    """Return the name that buffers and frames have for their mask."""
    abnf: Any = import_module(ABNF)
    return "mask_value" if "mask_value" in vars(abnf.frame_buffer(None, False)) else "mask"


def pairs_are_lists() -> bool:
    """Tell whether `recv_data_frame` returns a list for a message."""
    abnf: Any = import_module(ABNF)
    frame = abnf.ABNF(1, 0, 0, 0, int(Opcode.BINARY), 0, b"")
    fragments = abnf.continuous_frame(False, False)
    fragments.add(frame)
    return type(fragments.extract(frame)) is list

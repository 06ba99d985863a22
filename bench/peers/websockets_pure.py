"""websockets without its C extension."""

from websockets.utils import apply_mask as mask

__all__ = ["mask"]

DISTRIBUTION = "websockets"

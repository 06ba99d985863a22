"""A plugin of pytest: modules of wsframe are imported under the names of those of websockets."""

from __future__ import annotations

import logging
import sys
from importlib import import_module

MODULES = {
    "websockets.asyncio.server": "wsframe.asyncio.server",
    "websockets.asyncio.client": "wsframe.asyncio.client",
    "websockets.asyncio.router": "wsframe.asyncio.router",
    "websockets.asyncio.connection": "wsframe.asyncio.connection",
    "websockets.sync.server": "wsframe.sync.server",
    "websockets.sync.client": "wsframe.sync.client",
    "websockets.sync.router": "wsframe.sync.router",
    "websockets.client": "wsframe.asyncio.client",
    "websockets.datastructures": "wsframe.asyncio",
    "websockets.exceptions": "wsframe.asyncio",
    "websockets.http11": "wsframe.asyncio",
}

for theirs in MODULES:  # all of websockets first: its modules import each other
    import_module(theirs)
for theirs, ours in MODULES.items():
    sys.modules[theirs] = module = import_module(ours)
    package, _, name = theirs.rpartition(".")
    setattr(sys.modules[package], name, module)

for name in ("", ".server", ".client"):
    logging.getLogger(f"wsframe{name}").parent = logging.getLogger(f"websockets{name}")

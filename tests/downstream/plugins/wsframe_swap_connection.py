"""A plugin of pytest: connections of wsframe stand under the names of those of websockets.

The tests make a connection from a protocol without I/O of websockets and a transport. Here that makes one of
ours for the same side; the other end of each test stays theirs. Nothing else is in between.
"""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from types import ModuleType

from wsframe import Role, asyncio as ours
from wsframe.connection import SansIOConnection as WithoutIO

import_module("tests.asyncio.connection")  # the other end


class Connection(ours.Connection):
    response = None

    def __init__(self, protocol, **options):
        super().__init__(**options)
        self.made_for = Role.CLIENT if protocol.side.name == "CLIENT" else Role.SERVER

    def connection_made(self, transport):
        super().connection_made(transport)
        self._open(WithoutIO(self.made_for))


swapped = ModuleType("websockets.asyncio.connection")
swapped.Connection = Connection
swapped.broadcast = ours.broadcast
swapped.__all__ = ["Connection"]

for name, module in {
    "websockets.asyncio.connection": swapped,
    "websockets.exceptions": import_module("wsframe.asyncio"),
}.items():
    sys.modules[name] = module
    package, _, last = name.rpartition(".")
    setattr(sys.modules[package], last, module)

logging.getLogger("wsframe").parent = logging.getLogger("websockets")

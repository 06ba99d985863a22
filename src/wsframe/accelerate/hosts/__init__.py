"""The libraries that can be accelerated: a folder for each, which defines its `HOST`."""

from __future__ import annotations

# What a library is called in an `import` statement, where that is not the name of its folder.
IMPORTED_AS = {"websocket_client": "websocket"}

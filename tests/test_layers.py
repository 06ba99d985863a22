"""Who may import whom, and what the twins share; read from the sources, so that the rules cannot rot."""

from __future__ import annotations

from pathlib import Path

import pytest
import twins

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "wsframe"
EXTENSIONS = ROOT / "ext" / "wsframe" / "_c"
KERNELS = ROOT / "ext" / "kernels"

TWINS = sorted(file.stem for file in (PACKAGE / "_py").glob("*.py") if file.stem != "__init__")

compiled = pytest.mark.skipif(not twins.KERNELS, reason="no compiled twin here")
sources = pytest.mark.skipif(not KERNELS.exists(), reason="no sources here")

# Each room by its name in the package, and which rooms it may look into; "" is __init__ itself.
# A room that is not here is for users: it may look anywhere but into the twins, nobody here into it.
SHARED = {"_spec", "_errors"}
SANS_IO = {"_escape", "handshake", "deflate", "connection", "_http"}
BELOW = {"", "_backend", *SHARED, *SANS_IO}
ROOMS: dict[str, set[str]] = {
    "_spec": set(),
    "_errors": {"_spec"},
    "_py": {"_py", *SHARED},
    "_c": {"_c"},
    "_backend": {"_py", "_c"},
    "": {"_backend", *SHARED},
    **dict.fromkeys(SANS_IO, BELOW),
    "_sockets": {"_backend"},
    "_options": BELOW,
    "asyncio": {"asyncio", "_options", "_sockets", *BELOW},
    "sync": {"sync", "_options", *BELOW},
    "_uvicorn_classes": BELOW,
    "uvicorn": {"asyncio", "_uvicorn_classes", *BELOW},
    "compat": {"compat", "_backend", *SHARED},
    "accelerate": {"accelerate", "compat", "deflate", "uvicorn", "", "_backend", "_sockets", *SHARED},
}
# Sockets, threads, queues and clocks are the business of endpoints.
INPUT_AND_OUTPUT = {
    "asyncio",
    "multiprocessing",
    "queue",
    "sched",
    "select",
    "selectors",
    "signal",
    "socket",
    "socketserver",
    "ssl",
    "subprocess",
    "threading",
    "time",
}
# Distributions that may be imported at the top of a file, for without them it has no purpose.
HOSTS = {"uvicorn": {"uvicorn"}, "demo": {"matplotlib", "rich", "websockets", "uvicorn"}}
# Distributions that may be imported when a function needs them.

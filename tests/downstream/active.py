"""Exit with the reason unless the hosts named are accelerated, in all parts that can be had here."""

import os
import sys
from contextlib import suppress
from importlib import import_module

from wsframe import accelerate
from wsframe.accelerate.host import load_host

for plugin in filter(None, os.environ.get("PYTEST_PLUGINS", "").split(",")):
    import_module(plugin)
for name in sys.argv[1:]:
    host = load_host(name)
    for module in [module for part in (host, *host.parts) for module in part.modules]:
        with suppress(ModuleNotFoundError, RuntimeError):  # of another library, or for another event loop
            import_module(module)
for line in accelerate.status():
    if line.host in sys.argv[1:] and (line.why_not or not line.active):
        raise SystemExit(f"{line.host}: {line.why_not}")

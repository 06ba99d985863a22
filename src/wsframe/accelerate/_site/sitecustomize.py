"""Run by every Python below `wsframe run`, because its directory is the first of PYTHONPATH.

It waits for the first import of a host library; a program that imports none pays for one look-up in a set. It
runs before wsframe is imported, so it imports next to nothing; in whatever Python reads PYTHONPATH, so its
syntax is that of Python 2.7 too. Where Python is older than 3.10, which wsframe needs, it does nothing.
"""
# mypy: allow-untyped-defs, allow-untyped-calls

import os
import sys

_MISSING = ImportError if sys.version_info < (3, 6) else ModuleNotFoundError


class _Trigger(object):  # noqa: UP004
    """The first finder until a host is imported."""

    def __init__(self, hosts):
        self.hosts = hosts

    def find_spec(self, fullname, path=None, target=None):
        if fullname not in self.hosts:
            return None
        if self not in sys.meta_path:  # another thread has removed it; its install() waits for this import
            return None
        # A new list: an import in another thread may be going over the old one, and would skip a finder.
        sys.meta_path = [finder for finder in sys.meta_path if finder is not self]
        try:
            from wsframe import accelerate

            accelerate.install(*self.hosts.values())
        except Exception as exc:  # the program must run, even if it is not accelerated
            if os.environ.get("WSFRAME_WITHOUT") != sys.executable:  # `wsframe run` has reported it
                sys.stderr.write("wsframe: nothing accelerated in %s: %s\n" % (sys.executable, exc))  # noqa: UP031
        # This search has already passed the place of the import hook in sys.meta_path.
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            spec = find(fullname, path, target) if find else None
            if spec is not None:
                return spec
        return None


def _run_the_next():
    """Run the next sitecustomize on the path, which this one hides, if there is one."""
    here = os.path.dirname(os.path.abspath(__file__))
    hidden = [entry for entry in sys.path if os.path.abspath(entry) == here]
    this = sys.modules.pop("sitecustomize")
    sys.path[:] = [entry for entry in sys.path if entry not in hidden]
    try:
        __import__("sitecustomize")
    except _MISSING as exc:
        if getattr(exc, "name", "sitecustomize") != "sitecustomize":
            raise
        sys.modules["sitecustomize"] = this
    finally:
        sys.path[:0] = hidden


# "host", or "package=host" where the package a host is imported as has another name.
_entries = [entry.partition("=") for entry in os.environ.get("WSFRAME_RUN", "").split(",") if entry]
_hosts = {package: host or package for package, _, host in _entries}
if _hosts and sys.version_info >= (3, 10) and os.environ.get("WSFRAME_ACCELERATE") != "0":
    sys.meta_path.insert(0, _Trigger(_hosts))
_run_the_next()

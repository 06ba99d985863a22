"""What all echoes here share: they count, and send their counters in reply to "tally".

Before they do they free what they can, so that what they hold can be told, too.
"""

import ctypes
import gc
import json
import sys
import threading
from contextlib import contextmanager, suppress

# The largest message of the Autobahn TestSuite has 16 MiB.
MAX_MESSAGE = 2**25


class Tally:
    def __init__(self):
        self.counters = {"opened": 0, "closed": 0, "messages": 0}
        self._lock = threading.Lock()

    def count(self, name):
        with self._lock:
            self.counters[name] += 1

    @contextmanager
    def connection(self):
        self.count("opened")
        try:
            yield
        finally:
            self.count("closed")

    def reply(self, message):
        if message == "tally":
            give_back()
            return json.dumps({**self.counters, "accelerated": accelerated()})
        self.count("messages")
        return message


def give_back():
    """Free what is garbage, and give what is free back to the system, as far as glibc is there to do it."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def accelerated():
    """Name the libraries whose code is replaced in this process."""
    if "wsframe.accelerate" not in sys.modules:
        return []
    from wsframe.accelerate import status

    return [host.host for host in status() if host.active and not host.why_not]


tally = Tally()

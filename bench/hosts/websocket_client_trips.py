"""websocket-client: round trips. `python -m bench.hosts.websocket_client_trips PORT SIZE SECONDS`"""

import json
import sys
import time
from dataclasses import asdict

from bench.endpoints import HOST, Span, text_of

sys.modules["wsaccel"] = None  # a rival here, and nothing that websocket-client brings
from websocket import create_connection  # noqa: E402

port, size, seconds = map(float, sys.argv[1:])
text = text_of(int(size))
ws = create_connection(f"ws://{HOST}:{port:.0f}/")


def trips(seconds):
    """Make round trips for so long; return how many."""
    count, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        for _ in range(10):
            ws.send(text)
            if ws.recv() != text:
                raise SystemExit("another text came back")
        count += 10
    return count


trips(0.3)
span = Span.begin()
calls = trips(seconds)
print(json.dumps({"calls": calls, **asdict(span.end())}))
ws.close()

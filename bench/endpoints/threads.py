"""Jobs as one writes them for websockets.sync, and for what has its interface."""

from __future__ import annotations

from bench.endpoints import HOST, Span, text_of
from bench.endpoints.iterating import PLAIN


class Jobs:
    """Those of one library, of which `serve` and `connect` are given."""

    def __init__(self, serve, connect):
        self._serve = serve
        self._connect = connect

    def echo_by_iteration(self, size):
        def handler(ws):
            for message in ws:
                ws.send(message)

        return self._serve(handler, HOST, 0, **PLAIN)

    def round_trips(self, port, size, messages):
        text = text_of(size)
        with self._connect(f"ws://{HOST}:{port}/", proxy=None, **PLAIN) as ws:
            ws.send(text)
            ws.recv()
            span = Span.begin()
            for _ in range(messages):
                ws.send(text)
                ws.recv()
            return span.end()

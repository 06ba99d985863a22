"""Metrics of servers and topics, computed when they are read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from .._options import check_all, check_type
from ..connection import State
from ..handshake import Headers, Request, Response
from ._server import Server
from ._traffic import Group, traffic_of
from .topics import Topics

if TYPE_CHECKING:
    from .server import ServerConnection

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metric(NamedTuple):
    """A metric.

    Attributes:
        name: as Prometheus has it: that of a counter ends in "_total".
        kind: a gauge may fall, a counter only grows.
        help: a description.
        value: the current value.
    """

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    value: float


class Metrics:
    """Figures of servers and topics: connections, messages, bytes, latency, and what topics have delivered.

    They cost nothing while nobody reads them: `read` adds up what connections and topics have counted.
    As text for Prometheus they are at a path of the same port with
    `serve(..., process_request=metrics.process_request)`, or as an ASGI application, `metrics.asgi`; and
    `REGISTRY.register(metrics)` adds them to those of prometheus_client (`pip install 'wsframe[metrics]'`).

    Args:
        servers: those of this process.  `process_request` adds its own.
        topics: Topics objects; their counters are added up.
        path: of `process_request`.

    Raises:
        TypeError: they are of other types.
    """

    def __init__(
        self, *, servers: tuple[Server, ...] = (), topics: tuple[Topics, ...] = (), path: str = "/metrics"
    ):
        check_all("servers", servers, Server)
        check_all("topics", topics, Topics)
        check_type("path", path, str)
        self._servers = set(servers)
        self._topics = tuple(topics)
        self._path = path

    def read(self) -> list[Metric]:
        """Return the figures as they are now."""
        return [*self._of_connections(), *self._of_traffic(), *self._of_topics()]

    def _groups(self) -> list[Group]:
        """Return the connections of each server."""
        return [server._group for server in self._servers]

    def _of_connections(self) -> Iterator[Metric]:
        connections = [
            ws for group in self._groups() for ws in list(group.connections) if ws.state is State.OPEN
        ]
        latencies = [ws.latency for ws in connections if ws.latency]
        unsent = sum(ws._flushed_transport.get_write_buffer_size() for ws in connections)
        mean = sum(latencies) / len(latencies) if latencies else 0.0
        yield Metric("wsframe_connections", "gauge", "open connections", len(connections))
        yield Metric(
            "wsframe_congested_connections",
            "gauge",
            "connections over their write_limit",
            sum(ws.congested for ws in connections),
        )
        yield Metric("wsframe_unsent_bytes", "gauge", "bytes that wait for peers to read", unsent)
        yield Metric("wsframe_latency_mean_seconds", "gauge", "mean of the last latencies", mean)
        yield Metric("wsframe_latency_max_seconds", "gauge", "longest of them", max(latencies, default=0.0))

    def _of_traffic(self) -> Iterator[Metric]:
        total = traffic_of(self._groups())
        for name, about, value in (
            ("opened_connections", "connections that have opened", total.connections),
            ("received_messages", "messages that were received whole", total.messages_received),
            ("sent_messages", "messages that were sent whole", total.messages_sent),
            ("received_bytes", "bytes of frames that were received", total.bytes_received),
            ("sent_bytes", "bytes of frames that were sent, or wait for peers to read", total.bytes_sent),
        ):
            yield Metric(f"wsframe_{name}_total", "counter", about, value)

    def _of_topics(self) -> Iterator[Metric]:
        if not self._topics:
            return
        yield Metric(
            "wsframe_topics", "gauge", "topics with members", sum(len(each.topics) for each in self._topics)
        )
        for field in fields(self._topics[0].counters):
            total = sum(getattr(topics.counters, field.name) for topics in self._topics)
            yield Metric(
                f"wsframe_topics_{field.name}_total", "counter", "see wsframe.asyncio.Counters", total
            )

    def text(self) -> str:
        """Return the figures in the text format of Prometheus."""
        lines: list[str] = []
        for name, kind, about, value in self.read():
            lines += (f"# HELP {name} {about}", f"# TYPE {name} {kind}", f"{name} {value}")
        return "\n".join(lines) + "\n"

    def process_request(self, ws: ServerConnection, request: Request) -> Response | None:
        """Return the figures for a request of the path, None for others: for `serve`."""
        self._servers.add(ws.server)
        if request.path.partition("?")[0] != self._path:
            return None
        body = self.text().encode()
        headers = Headers({"Content-Type": CONTENT_TYPE, "Content-Length": str(len(body))})
        return Response(200, "OK", headers, body)

    async def asgi(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Return the figures: an ASGI application to mount."""
        if scope["type"] != "http":
            raise ValueError(f"metrics are read by HTTP, not {scope['type']}")
        body = self.text().encode()
        headers = [(b"content-type", CONTENT_TYPE.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def collect(self) -> Iterator[Any]:
        """Yield the figures as prometheus_client has them: it calls this."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        for name, kind, about, value in self.read():
            if kind == "counter":
                yield CounterMetricFamily(name.removesuffix("_total"), about, value=value)
            else:
                yield GaugeMetricFamily(name, about, value=value)

"""An engine on NATS."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Coroutine
from typing import Any
from urllib.parse import quote

from .._options import check_engine, check_type
from ._engine import FIRST_DELAY, MAX_DELAY, MAX_QUEUED, TIMEOUT, Engine

# Characters of a topic that a subject may have, besides letters, digits and "_.-~".
SAFE = "!#$&'()+,/:;<=?@[]^`{|}"

# What a subject may begin with: whole tokens, and a part of one.
PREFIX = re.compile(r"([^\s\0.*>]+\.)*[^\s\0.*>]*")

# Bytes of messages of a topic that wait to be delivered, over which some are lost, which is a gap.
MAX_PENDING = 2**26

# Bytes of a subject: a server takes lines of 4096 (its max_control_line), and ends the connection for more.
MAX_SUBJECT = 4000

# What it says then, also with a smaller max_control_line.
LINE_TOO_LONG = "maximum control line exceeded"

# Bytes that a character takes at most, percent-encoded.
ENCODED_SIZE = 12

# What the server says of a subject that it does not allow; nats-py makes small letters of it.
VIOLATION = re.compile(r'permissions violation for (publish|subscription) to "(.*?)"')


class NatsEngine(Engine):
    """Has Topics of several processes share their messages through NATS.

    It needs nats-py: `pip install 'wsframe[nats]'`.  A topic is a subject, `prefix` and the name, that is
    subscribed to while a connection of this process has joined it; the payload is the message and nothing
    else, so that any program may publish.  A message is delivered at most once: see `Topics`.

    Args:
        servers: as nats-py takes them: "nats://localhost:4222", or a list.
        prefix: of the subjects.  Characters that a subject cannot have are percent-encoded.  A subject has at
            most 4000 bytes, with the prefix; fewer once a server with a smaller max_control_line has ended
            the connection for a longer one, which is a gap.
        text: whether messages are text, or binary.
        max_queued: bytes that may wait to be published; `publish` refuses more.
        timeout: seconds within which the server must reply.
        health_interval: seconds between two questions whether it is still there.
        first_delay, max_delay: seconds between attempts to connect, which grow and are random.
        options: those of nats-py's `connect`: tls, user_credentials, name, ...

    Raises:
        TypeError: an option has no such name, or is of the wrong type.
        ValueError: the value of an option is out of range, or the prefix cannot begin a subject.
    """

    def __init__(
        self,
        servers: str | list[str],
        *,
        prefix: str = "wsframe.",
        text: bool = True,
        max_queued: int = MAX_QUEUED,
        timeout: float = TIMEOUT,
        health_interval: float = 15.0,
        first_delay: float = FIRST_DELAY,
        max_delay: float = MAX_DELAY,
        **options: Any,
    ) -> None:
        from nats.aio.client import Client

        check_engine(
            prefix=prefix,
            text=text,
            max_queued=max_queued,
            timeout=timeout,
            health_interval=health_interval,
            first_delay=first_delay,
            max_delay=max_delay,
        )
        for server in servers if isinstance(servers, list) else [servers]:
            check_type("servers", server, str)
        if not PREFIX.fullmatch(prefix):
            raise ValueError(f"prefix must begin a subject: no space, wildcard or empty token in {prefix!r}")
        super().__init__(
            text=text, max_queued=max_queued, timeout=timeout, first_delay=first_delay, max_delay=max_delay
        )
        self._make_client = Client
        self._prefix = prefix
        self._options = {
            "servers": servers,
            "connect_timeout": timeout,
            "ping_interval": health_interval,
            "max_outstanding_pings": 1,
            # Attempts of one session; `Engine` has the delays between sessions.
            "max_reconnect_attempts": 1,
            "reconnect_time_wait": 0,
            **options,
            # A connection that comes back by itself would hide that messages were missed.
            "allow_reconnect": False,
        }
        inspect.signature(Client.connect).bind(None, **self._options)  # raises for an unknown option
        self._client: Client | None = None
        self._subscriptions: dict[str, Any] = {}  # of nats-py, by topic
        self._names: dict[str, str] = {}  # topics by subject
        self._max_subject = MAX_SUBJECT
        self._published: list[tuple[str, bytes]] = []  # the last batch
        self._refused_messages = 0  # of the batch that is being sent
        self._end: asyncio.Future[None]

    @property
    def _connection_errors(self) -> tuple[type[BaseException], ...]:
        from nats.errors import Error, NoServersError

        return (*super()._connection_errors, Error, NoServersError)

    async def _connect(self) -> None:
        from nats.errors import NoServersError, SlowConsumerError, UnexpectedEOF

        last_error: Exception | None = None
        end: asyncio.Future[None]
        end = self._end = asyncio.get_running_loop().create_future()
        self._subscriptions.clear()
        self._names.clear()

        async def closed() -> None:
            if not end.done():
                end.set_result(None)

        async def failed(exc: Exception) -> None:
            nonlocal last_error
            last_error = exc
            if isinstance(exc, SlowConsumerError):
                if exc.subject in self._names:
                    self._topics._gap([self._names[exc.subject]])
            elif isinstance(exc, (OSError, UnexpectedEOF)):
                await closed()  # nats-py does not call that if it cannot write any more
            elif violation := VIOLATION.search(str(exc).lower()):
                self._not_allowed(violation[1], violation[2], str(exc))
            else:
                self._topics.logger.error("the engine reports an error: %s", exc)

        self._client = self._make_client()
        try:
            await self._client.connect(**self._options, closed_cb=closed, error_cb=failed)
        except NoServersError as exc:
            raise last_error or exc from exc

    def _not_allowed(self, action: str, subject: str, reason: str) -> None:
        if action == "publish":
            self._refused_messages += 1
            self._topics.logger.error("the engine refuses 1 message(s): %s", reason)
            return
        for name, topic in self._names.items():
            if name.lower() == subject:
                self._refused[topic] = reason

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None and LINE_TOO_LONG in str(client.last_error).lower():
            self._lower_max_subject()
        try:
            if client is not None and not client.is_closed:
                await client.close()
        finally:  # nats-py leaves these tasks running if it cannot write any more
            for subscription in self._subscriptions.values():
                subscription._stop_processing()
            self._subscriptions.clear()

    def _lower_max_subject(self) -> None:
        """Send no subject as long as the longest one, for which the server has ended the connection."""
        published = (self._subject(topic) for topic, _ in self._published)
        longest = max((len(subject.encode()) for subject in (*self._names, *published)), default=MAX_SUBJECT)
        self._max_subject = min(self._max_subject, longest - 1)
        self._topics.logger.error(
            "the max_control_line of the server is too small for a subject of %d bytes", longest
        )

    def _tasks(self) -> list[Coroutine[Any, Any, None]]:
        return [self._until_closed()]

    async def _until_closed(self) -> None:
        await asyncio.shield(self._end)

    def _subject(self, topic: str) -> str:
        """The subject of a topic: no empty token, no wildcard, no space."""
        name = quote(topic, safe=SAFE)
        if not name or "" in name.split("."):
            name = name.replace(".", "%2E") or "%"
        return self._prefix + name

    def check_topic(self, topic: str) -> None:
        if ENCODED_SIZE * (len(self._prefix) + len(topic)) <= self._max_subject:
            return  # nearly all of them
        size = len(self._subject(topic).encode())
        if size > self._max_subject:
            raise ValueError(
                f"a topic of NATS must have at most {self._max_subject} bytes, not {size}: with the prefix, "
                "and percent-encoded"
            )

    async def _subscribe_to(self, topics: list[str]) -> None:
        client = self._client
        assert client is not None
        for topic in topics:
            try:
                self.check_topic(topic)
            except ValueError as exc:
                self._refused[topic] = str(exc)
                continue
            subject = self._subject(topic)
            self._names[subject] = topic
            self._subscriptions[topic] = await client.subscribe(
                subject, cb=self._take, pending_msgs_limit=0, pending_bytes_limit=MAX_PENDING
            )
        await self._flush(client)

    async def _flush(self, client: Any) -> None:
        """Wait until the server has processed all that was written."""
        await client.flush()  # its Ping overtakes what is pending, and has it sent
        await client.flush()

    async def _take(self, message: Any) -> None:
        topic = self._names.get(message.subject)
        if topic is not None:
            self._topics._received(topic, message.data, None)

    async def _unsubscribe_from(self, topics: list[str]) -> None:
        for topic in topics:
            self._names.pop(self._subject(topic), None)
            if topic in self._subscriptions:
                await self._subscriptions.pop(topic).unsubscribe()

    async def _send(self, messages: list[tuple[str, bytes]]) -> int:
        from nats.errors import MaxPayloadError

        client = self._client
        assert client is not None
        self._refused_messages = 0
        self._published = messages
        for topic, payload in messages:
            try:
                self.check_topic(topic)  # the limit may be lower now
                await client.publish(self._subject(topic), payload)
            except (MaxPayloadError, ValueError) as exc:
                self._refused_messages += 1
                self._topics.logger.error("the engine refuses 1 message(s): %s", exc)
        await self._flush(client)
        self._published = []
        return self._refused_messages

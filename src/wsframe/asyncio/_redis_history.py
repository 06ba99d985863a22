"""The history of topics in Redis: a stream and the position of its newest message, for each topic."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from ._engine import EngineUnavailable, History, Position

if TYPE_CHECKING:
    from ._redis_link import Command, RedisLink

# KEYS: the stream, the hash with its position. ARGV: payload, channel, a new epoch, the length, seconds to
# live, and the command that publishes.
PUBLISH = """
local epoch = redis.call('HGET', KEYS[2], 'epoch')
if not epoch then
    epoch = ARGV[3]
    redis.call('DEL', KEYS[1])
    redis.call('HSET', KEYS[2], 'epoch', epoch, 'offset', 0)
end
local offset = redis.call('HINCRBY', KEYS[2], 'offset', 1)
redis.call('XADD', KEYS[1], 'MAXLEN', '=', ARGV[4], '0-' .. offset, 'p', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[5])
redis.call('EXPIRE', KEYS[2], ARGV[5])
return redis.call(ARGV[6], ARGV[2], epoch .. ':' .. offset .. ':' .. ARGV[1])
"""

# KEYS: as above. ARGV: a new epoch, the epoch and the offset to go on from, seconds to live.
READ = """
local epoch = redis.call('HGET', KEYS[2], 'epoch')
if not epoch then
    epoch = ARGV[1]
    redis.call('DEL', KEYS[1])
    redis.call('HSET', KEYS[2], 'epoch', epoch, 'offset', 0)
    redis.call('EXPIRE', KEYS[2], ARGV[4])
end
local offset = redis.call('HGET', KEYS[2], 'offset')
local entries = {}
if epoch == ARGV[2] then
    entries = redis.call('XRANGE', KEYS[1], '(0-' .. ARGV[3], '+')
end
return {epoch, offset, entries}
"""


class RedisHistory:
    """Makes the commands of the history, and reads their replies.

    Args:
        length: messages that are kept for each topic.
        ttl: seconds that they are kept after the last one.
        publish: the command that publishes: "PUBLISH" or "SPUBLISH".
    """

    def __init__(self, length: int, ttl: int, publish: str) -> None:
        self._length = length
        self._ttl = ttl
        self._publish = publish
        self._scripts: dict[str, Any] = {}  # their digests

    async def load(self, link: RedisLink) -> None:
        """Have a server store the scripts."""
        scripts = (PUBLISH, READ)
        replies = await link.execute([("SCRIPT", "LOAD", script) for script in scripts])
        for script, reply in zip(scripts, replies, strict=True):
            if isinstance(reply, Exception):
                raise reply
            self._scripts[script] = reply

    def publish_command(self, channel: bytes, payload: bytes) -> Command:
        arguments = payload, channel, secrets.token_hex(8), self._length, self._ttl, self._publish
        return "EVALSHA", self._scripts[PUBLISH], 2, *_keys(channel), *arguments

    async def read(self, link: RedisLink, channel: bytes, since: Position | None) -> History:
        """Return what was published after a position."""
        from redis.exceptions import NoScriptError

        epoch, offset = since or ("", 0)
        arguments = secrets.token_hex(8), epoch, offset, self._ttl
        command = "EVALSHA", self._scripts[READ], 2, *_keys(channel), *arguments
        reply = (await link.execute([command]))[0]
        if isinstance(reply, NoScriptError):  # somebody has flushed them
            await self.load(link)
            reply = (await link.execute([command]))[0]
        if isinstance(reply, Exception):
            raise EngineUnavailable(f"the history cannot be read: {reply}") from reply
        now, newest, entries = reply
        position = Position(now.decode(), int(newest))
        messages = [
            (Position(position.epoch, int(name.partition(b"-")[2])), fields[1]) for name, fields in entries
        ]
        known = position.epoch == epoch and len(messages) == position.offset - offset
        return History(position, messages if known else None)


def split_position(payload: bytes) -> tuple[Position, bytes]:
    """Return the position and the message of a payload.

    Raises:
        ValueError: it has no position: another program has published it.
    """
    epoch, offset, message = payload.split(b":", 2)
    return Position(epoch.decode(), int(offset)), message


def _keys(channel: bytes) -> tuple[bytes, bytes]:
    """The stream and the hash of a topic, in the slot of the channel in a cluster."""
    tag = b"{%b}" % channel
    return tag + b":history", tag + b":position"

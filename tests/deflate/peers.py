"""Connections of other libraries, and a minimal one of ours, with the same methods."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)
from websockets.frames import Opcode as FrameKind
from websockets.server import ServerProtocol
from websockets.uri import parse_uri as websockets_uri
from wsproto import ConnectionType, WSConnection, events
from wsproto.extensions import PerMessageDeflate

from wsframe import MessageDecoder, Opcode, Role, encode_frame
from wsframe.deflate import ClientPolicy, ServerPolicy
from wsframe.handshake import (
    RequestReader,
    ResponseReader,
    accept,
    check_response,
    new_key,
    open_request,
    parse_uri,
)

URI = "ws://example.com/chat"
SUBPROTOCOLS = ["b", "a"]


class Ours:
    """wsframe; `deflate` and `subprotocol` are what was negotiated."""

    def __init__(self, role: Role, policy: ServerPolicy | ClientPolicy | None) -> None:
        self.role = role
        self.policy: Any = policy
        self.key = new_key()

    def request(self) -> bytes:
        return open_request(
            parse_uri(URI), self.key, compression=self.policy, subprotocols=SUBPROTOCOLS, origin="http://a"
        ).serialize()

    def respond(self, data: bytes) -> bytes:
        request = RequestReader().feed(data)
        assert request is not None
        accepted = accept(
            request.method,
            request.http_version,
            request.headers.raw,
            compression=self.policy,
            subprotocols=["a", "b"],
            origins=["http://a"],
        )
        self._open(accepted.deflate, accepted.subprotocol)
        return accepted.response

    def finish(self, data: bytes) -> None:
        reader = ResponseReader()
        response = reader.feed(data)
        assert response is not None
        assert reader.rest == b""
        agreed = check_response(response, self.key, subprotocols=SUBPROTOCOLS, compression=self.policy)
        self._open(agreed.deflate, agreed.subprotocol)

    def _open(self, deflate: Any, subprotocol: str | None) -> None:
        self.deflate = deflate
        self.subprotocol = subprotocol
        self.decoder: Any = MessageDecoder(self.role, max_message=None, deflate=deflate)

    def send(self, fragments: list[bytes]) -> bytes:
        out = []
        for number, fragment in enumerate(fragments, 1):
            final = number == len(fragments)
            out.append(
                encode_frame(
                    Opcode.BINARY if number == 1 else Opcode.CONTINUATION,
                    self.deflate.deflate(fragment, final) if self.deflate else fragment,
                    fin=final,
                    rsv=4 if number == 1 and self.deflate else 0,
                    mask_key=os.urandom(4) if self.role is Role.CLIENT else None,
                )
            )
        return b"".join(out)

    def receive(self, pieces: Iterable[bytes]) -> list[bytes]:
        out = []
        for piece in pieces:
            out += self.decoder.feed(piece)
            assert self.decoder.error is None
        return out


class Websockets:
    """websockets' sans-I/O connection."""

    def __init__(self, role: Role, settings: dict[str, Any] | None) -> None:
        self.extensions: Any = None
        if role is Role.SERVER:
            if settings is not None:
                self.extensions = [ServerPerMessageDeflateFactory(**settings)]
            self.protocol: Any = ServerProtocol(
                extensions=self.extensions, subprotocols=["a", "b"], origins=["http://a"], max_size=None
            )
        else:
            if settings is not None:
                self.extensions = [ClientPerMessageDeflateFactory(**settings)]
            self.protocol = ClientProtocol(
                websockets_uri(URI),
                origin="http://a",
                extensions=self.extensions,
                subprotocols=SUBPROTOCOLS,
                max_size=None,
            )

    def request(self) -> bytes:
        self.protocol.send_request(self.protocol.connect())
        return b"".join(self.protocol.data_to_send())

    def respond(self, data: bytes) -> bytes:
        self.protocol.receive_data(data)
        (request,) = self.protocol.events_received()
        self.protocol.send_response(self.protocol.accept(request))
        return b"".join(self.protocol.data_to_send())

    def finish(self, data: bytes) -> None:
        self.protocol.receive_data(data)
        self.protocol.events_received()
        if self.protocol.handshake_exc is not None:
            raise self.protocol.handshake_exc

    @property
    def compressed(self) -> bool:
        return bool(self.protocol.extensions)

    @property
    def subprotocol(self) -> str | None:
        return self.protocol.subprotocol

    def send(self, fragments: list[bytes]) -> bytes:
        for number, fragment in enumerate(fragments, 1):
            send = self.protocol.send_binary if number == 1 else self.protocol.send_continuation
            send(fragment, fin=number == len(fragments))
        return b"".join(self.protocol.data_to_send())

    def receive(self, pieces: Iterable[bytes]) -> list[bytes]:
        out: list[bytes] = []
        for piece in pieces:
            self.protocol.receive_data(piece)
            for frame in self.protocol.events_received():
                assert frame.opcode in (FrameKind.BINARY, FrameKind.CONT)
                if frame.opcode is FrameKind.BINARY:
                    out.append(b"")
                out[-1] += frame.data
        return out


class Wsproto:
    """wsproto's connection."""

    def __init__(self, role: Role, settings: dict[str, Any] | None) -> None:
        self.connection = WSConnection(
            ConnectionType.SERVER if role is Role.SERVER else ConnectionType.CLIENT
        )
        self.extensions: Any = [] if settings is None else [PerMessageDeflate(**settings)]
        self.subprotocol: str | None = None

    def request(self) -> bytes:
        return self.connection.send(
            events.Request(
                host="example.com",
                target="/chat",
                extensions=self.extensions,
                subprotocols=SUBPROTOCOLS,
                extra_headers=[(b"Origin", b"http://a")],
            )
        )

    def respond(self, data: bytes) -> bytes:
        self.connection.receive_data(data)
        (request,) = self.connection.events()
        assert isinstance(request, events.Request)
        self.subprotocol = next(name for name in ("a", "b") if name in request.subprotocols)
        return self.connection.send(
            events.AcceptConnection(subprotocol=self.subprotocol, extensions=self.extensions)
        )

    def finish(self, data: bytes) -> None:
        self.connection.receive_data(data)
        (accepted,) = self.connection.events()
        assert isinstance(accepted, events.AcceptConnection)
        self.subprotocol = accepted.subprotocol

    @property
    def compressed(self) -> bool:
        return any(extension.enabled() for extension in self.extensions)

    def send(self, fragments: list[bytes]) -> bytes:
        return b"".join(
            self.connection.send(events.BytesMessage(fragment, message_finished=number == len(fragments)))
            for number, fragment in enumerate(fragments, 1)
        )

    def receive(self, pieces: Iterable[bytes]) -> list[bytes]:
        out = [b""]
        for piece in pieces:
            self.connection.receive_data(piece)
            for event in self.connection.events():
                assert isinstance(event, events.BytesMessage)
                out[-1] += event.data
                if event.message_finished:
                    out.append(b"")
        return out[:-1]

"""The functions that the fast paths bypass or replace: a wrapper of one of them is noticed."""

from __future__ import annotations

from ...ownership import Bypassed
from ..websockets.bypassed import PROTOCOL_CLASS as CONN_CLASS

FOLDER = "uvicorn.protocols.websockets"
WSPROTO, SANSIO = f"{FOLDER}.wsproto_impl", f"{FOLDER}.websockets_sansio_impl"
WSPROTO_CLASS, SANSIO_CLASS = f"{WSPROTO}:WSProtocol", f"{SANSIO}:WebSocketsSansIOProtocol"

AUTO_ZTTP, ZTTP_H2 = "uvicorn.protocols.http.auto_zttp_impl", "uvicorn.protocols.http.zttp_h2_impl"

WSPROTO_RECEIVING: tuple[Bypassed, ...] = (
    (WSPROTO_CLASS, ("handle_message",)),
    (f"{WSPROTO}:WebsocketBuffer", ("extend", "to_message", "clear")),
)
SANSIO_RECEIVING: tuple[Bypassed, ...] = (
    (SANSIO_CLASS, ("handle_events", "handle_text", "handle_bytes", "send_receive_event_to_app")),
)
SANSIO_SENDING: tuple[Bypassed, ...] = ((CONN_CLASS, ("send_text", "send_binary", "data_to_send")),)

# The classes whose behaviour wsframe's own protocol copies, and the code that makes and closes it.
OWN_PROTOCOL: tuple[Bypassed, ...] = (
    (f"{FOLDER}.websockets_impl:WebSocketProtocol", ("*",)),
    (SANSIO_CLASS, ("*",)),
    (WSPROTO_CLASS, ("*",)),
    ("uvicorn.config:Config", ("__init__", "load")),
    ("uvicorn.protocols.http.h11_impl:H11Protocol", ("handle_websocket_upgrade",)),
    ("uvicorn.protocols.http.httptools_impl:HttpToolsProtocol", ("handle_websocket_upgrade",)),
    ("uvicorn.server:Server", ("shutdown", "startup")),
    ("uvicorn.server:ServerState", ("__init__",)),
)

# What hands a stream of HTTP/2 to a WebSocket class relies on all of uvicorn's connection.
HTTP2: tuple[Bypassed, ...] = (
    (f"{ZTTP_H2}:ZttpH2Protocol", ("*",)),
    (f"{AUTO_ZTTP}:AutoZttpProtocol", ("*",)),
    ("uvicorn.protocols.http.flow_control:FlowControl", ("*",)),
)

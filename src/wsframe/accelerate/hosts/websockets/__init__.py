"""websockets: its parser and serialiser, and the work around a message in its connections."""

from __future__ import annotations

from ...host import Deflating, Host, Part
from .bypassed import (
    ASYNCIO,
    CONNECTION_CLASS,
    CONNECTION_MODULE,
    DECODING,
    ENCODING,
    LEGACY,
    LEGACY_CLASS,
    LEGACY_MODULE,
    PROTOCOL,
    PROTOCOL_CLASS,
    SYNC,
    SYNC_CLASS,
)

HOST = Host(
    name="websockets",
    first=(10, 0),
    before=(18, 0),
    since=(11, 0, 3),
    packages=("asyncio",),
    modules=("websockets.protocol",),
    seams={
        PROTOCOL_CLASS: {
            "parse": "receive.parse",
            "receive_data": "receive.receive_data",
            "send_text": "send.send_text",
            "send_binary": "send.send_binary",
        }
    },
    adds={
        PROTOCOL_CLASS: {
            "_wsframe_boundary": None,  # the parser, while it waits for the start of a frame
            "_wsframe_large": None,  # the reads of a large frame that is not whole
        }
    },
    prove="proof.prove",
    bypasses=PROTOCOL,
    relies_on=ENCODING + DECODING,
    parts=(
        Part(
            since=(13, 0),
            modules=(CONNECTION_MODULE,),
            seams={
                CONNECTION_CLASS: {
                    "transport": "asyncio_send.transport",
                    "data_received": "asyncio_receive.data_received",
                    "recv": "asyncio_receive.recv",
                    "send": "asyncio_send.send",
                },
                CONNECTION_MODULE: {"broadcast": "asyncio_broadcast.broadcast"},
            },
            adds={
                CONNECTION_CLASS: {
                    "_wsframe_transport": None,  # the transport of a connection that may take the fast path
                    "_wsframe_output": None,  # where messages are written to, once one was
                    "_wsframe_fast": None,  # its compiled fast paths, once a message was received
                }
            },
            prove="proof.prove_asyncio",
            settle="asyncio_send.settle",
            bypasses=ASYNCIO,
        ),
        Part(
            since=(11, 0, 3),
            modules=("websockets.sync.connection",),
            seams={SYNC_CLASS: {"send": "sync.send", "recv": "sync.recv"}},
            prove="proof.prove_sync",
            bypasses=SYNC,
        ),
        # The only one for versions before 11.0.3.
        Part(
            modules=(LEGACY_MODULE,),
            seams={
                LEGACY_CLASS: {
                    "data_received": "legacy_receive.data_received",
                    "read_message": "legacy_receive.read_message",
                    "recv": "legacy_receive.recv",
                    "send": "legacy_send.send",
                },
                LEGACY_MODULE: {"broadcast": "legacy_broadcast.broadcast"},
            },
            adds={
                LEGACY_CLASS: {
                    "_wsframe_idle": False,  # whether the task waits for the start of a frame
                    "_wsframe_left": None,  # messages of a read, and an error, left to the task
                    "_wsframe_task": None,  # the task that resumes `recv` when it ends
                }
            },
            prove="proof.prove_legacy",
            bypasses=LEGACY,
        ),
    ),
    coalesces=True,
    deflating=Deflating(owner="websockets.extensions.permessage_deflate", round_trip="proof.round_trip"),
    subclass="fast_classes.with_protocol",
)

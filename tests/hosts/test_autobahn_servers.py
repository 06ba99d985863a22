"""autobahn over real sockets, unaccelerated and under `wsframe run`: the same output."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import wsframe

pytest.importorskip("autobahn", exc_type=ImportError)
pytest.importorskip("twisted", exc_type=ImportError)

COMMON = """
import sys

MESSAGES = [(b"", False), (("\\u00e9" * 70).encode(), False), (b"\\xff" * 300, True)]
MESSAGES += [(b"x" * 70000, True), (b"y" * 3, False)] * 3
NOTES = []


def note(who, *what):
    NOTES.append(f"{who}: {what}")


class Server(WebSocketServerProtocol):
    def onOpen(self):
        self.got = 0

    HANDLER

    def onClose(self, clean, code, reason):
        stats = self.trafficStats
        note("server closed", clean, code, reason)
        note("server got", stats.incomingWebSocketMessages, stats.incomingOctetsAppLevel)
        note("server sent", stats.outgoingWebSocketFrames, stats.outgoingOctetsAppLevel)


class Client(WebSocketClientProtocol):
    def onOpen(self):
        self.got = 0
        for payload, binary in MESSAGES:
            self.sendMessage(payload, binary)
        self.sendPing(b"ping")

    def onPong(self, payload):
        note("client pong", payload)

    def onMessage(self, payload, binary):
        assert (payload, binary) == MESSAGES[self.got]
        self.got += 1
        note("client got", self.got, len(payload), binary)
        if self.got == len(MESSAGES):
            self.sendClose(1000, "enough")

    def onClose(self, clean, code, reason):
        note("client closed", clean, code, reason, self.trafficStats.incomingWebSocketMessages)
        end()


def options(factory, accept, offers):
    if "compress" in sys.argv:
        factory.setProtocolOptions(perMessageCompressionAccept=accept, **offers)
    return factory


def offered(offers):
    return PerMessageDeflateOfferAccept(offers[0])


def factories(port=None, **more):
    if port is None:
        factory = WebSocketServerFactory(**more)
        factory.protocol = Server
        return options(factory, offered, {})
    factory = WebSocketClientFactory(f"ws://127.0.0.1:{port}", **more)
    factory.protocol = Client
    return options(
        factory, PerMessageDeflateResponseAccept, {"perMessageCompressionOffers": [PerMessageDeflateOffer()]}
    )
"""
IMPORTS = """
import txaio
txaio.use_{0}()  # which old versions do too late
from autobahn.{0}.websocket import WebSocketClientFactory, WebSocketClientProtocol
from autobahn.{0}.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept
from autobahn.websocket.compress import PerMessageDeflateResponseAccept
"""
ASYNCIO = """
import asyncio

async def main():
    global end
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    end = lambda: ended.set_result(None)
    server = await loop.create_server(factories(loop=loop), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await loop.create_connection(factories(port, loop=loop), "127.0.0.1", port)
    await asyncio.wait_for(ended, 30)
    await asyncio.sleep(0.05)
    server.close()

asyncio.run(main())
print(*sorted(NOTES), sep="\\n")
"""
TWISTED = """
from twisted.internet import reactor

end = lambda: reactor.callLater(0.05, reactor.stop)
listening = reactor.listenTCP(0, factories(), interface="127.0.0.1")
port = listening.getHost().port
reactor.connectTCP("127.0.0.1", port, factories(port))
reactor.callLater(30, reactor.stop)
reactor.run()
print(*sorted(NOTES), sep="\\n")
"""
SYNCHRONOUS = """
    def onMessage(self, payload, binary):
        self.sendMessage(payload, binary)
"""
ASYNCHRONOUS = SYNCHRONOUS.replace("def ", "async def ")
PROGRAMS = {
    "asyncio": IMPORTS.format("asyncio") + COMMON.replace("    HANDLER\n", SYNCHRONOUS) + ASYNCIO,
    "asyncio, coroutines": IMPORTS.format("asyncio")
    + COMMON.replace("    HANDLER\n", ASYNCHRONOUS)
    + ASYNCIO,
    "twisted": IMPORTS.format("twisted") + COMMON.replace("    HANDLER\n", SYNCHRONOUS) + TWISTED,
}


def output(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout


@pytest.mark.parametrize("compress", ["plain", "compress"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_server_and_client_behave_the_same_under_run(program: str, compress: str, tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(PROGRAMS[program], "utf-8")
    launch = (sys.executable, "-m", "wsframe", "run", "--quiet", "--only", "autobahn", "--")
    expected = output(sys.executable, str(file), compress)
    assert expected.count("client got") == 9
    assert "client closed: (True, 1000, None, 9)" in expected
    assert output(*launch, str(file), compress) == expected
    if wsframe.backend != "py":
        assert output(*launch, str(file), compress, WSFRAME_PURE="1") == expected


BATCH = """
import asyncio
from asyncio import selector_events
from autobahn.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol
from wsframe import build_header, mask
from wsframe.accelerate.hosts._shared.coalesce import Output

make = Output.__init__

def patient(self, *args, **kwargs):
    make(self, *args, **kwargs)
    self._gap = 60

Output.__init__ = patient

class Echo(WebSocketServerProtocol):
    HANDLER

REQUEST = (
    b"GET / HTTP/1.1\\r\\nHost: x\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\nSec-WebSocket-Version: 13\\r\\n\\r\\n"
)
Transport = selector_events._SelectorSocketTransport
write, writes = Transport.write, []

def counted(self, data):
    writes.append(data[:1])
    write(self, data)

async def main():
    factory = WebSocketServerFactory()
    factory.protocol = Echo
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(REQUEST)
    await reader.readuntil(b"\\r\\n\\r\\n")
    for count in (64, 1):
        texts = [b"%02d" % number for number in range(count)]
        writer.write(b"".join(build_header(1, 2, mask_key=b"abcd") + mask(text, b"abcd") for text in texts))
        Transport.write = counted
        got = await reader.readexactly(4 * count)
        Transport.write = write
        assert got == b"".join(b"\\x81\\x02" + text for text in texts)
        print(len(writes))
        writes.clear()
    writer.close()

asyncio.run(main())
"""


@pytest.mark.parametrize("handler", [SYNCHRONOUS, ASYNCHRONOUS])
def test_replies_to_one_read_are_coalesced(handler: str, tmp_path: Path) -> None:
    if version("autobahn").startswith("22.4"):
        pytest.skip("this autobahn cannot be imported before a framework is chosen")
    file = tmp_path / "program.py"
    file.write_text(BATCH.replace("    HANDLER\n", handler), "utf-8")
    launch = (sys.executable, "-m", "wsframe", "run", "--quiet", "--only", "autobahn", "--")
    assert output(sys.executable, str(file)).split() == ["64", "1"]
    assert output(*launch, str(file)).split() == ["2", "1"]  # the first at once: its write is watched
    assert output(*launch, str(file), WSFRAME_COALESCE="0").split() == ["64", "1"]

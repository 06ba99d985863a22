"""autobahn. `python on_autobahn.py asyncio|twisted`"""

import sys

import txaio
from tally import tally

if sys.argv[1] == "asyncio":
    import asyncio

    from autobahn.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol
else:
    from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
    from twisted.internet import reactor
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept


class Echo(WebSocketServerProtocol):
    def onOpen(self):
        tally.count("opened")

    def onMessage(self, payload, isBinary):
        reply = tally.reply(payload if isBinary else payload.decode())
        self.sendMessage(reply if isBinary else reply.encode(), isBinary)

    def onClose(self, wasClean, code, reason):
        tally.count("closed")


def accept(offers):
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer):
            return PerMessageDeflateOfferAccept(offer)
    return None


def factory():
    made = WebSocketServerFactory()
    made.protocol = Echo
    made.setProtocolOptions(perMessageCompressionAccept=accept)
    return made


def started(port):
    print("listening on port", port, flush=True)
    txaio.start_logging(level="warn")  # from here on Twisted takes what is printed


async def main():
    server = await asyncio.get_running_loop().create_server(factory(), "127.0.0.1", 0)
    started(server.sockets[0].getsockname()[1])
    await server.serve_forever()


if sys.argv[1] == "asyncio":
    asyncio.run(main())
else:
    started(reactor.listenTCP(0, factory(), interface="127.0.0.1").getHost().port)
    reactor.run()

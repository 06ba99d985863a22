from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side
from websockets.speedups import apply_mask as mask
from websockets.utils import accept_key

__all__ = ["accept_key", "mask"]

DISTRIBUTION = "websockets"


def decoder():
    protocol = Protocol(Side.SERVER)

    def feed(data):
        protocol.receive_data(data)
        return [frame.data.decode() for frame in protocol.events_received()]

    return feed


def encode_text(text):
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


def encode_text_masked(text):
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=True)

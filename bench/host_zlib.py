"""What `--zlib` does for a host: a message inflated, and its reply compressed, by websockets.

python -m bench.host_zlib       prints a table

A server's PerMessageDeflate, as websockets sets it up by default, takes messages in and sends them back. The
modules alternate; times are those of the fastest.
"""

from __future__ import annotations

import json
import random
import zlib
from time import perf_counter

from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

from bench import machine
from wsframe import accelerate

MODULES = ("zlib", "isal", "zlib-ng")
SIZES = {"256 B": 256, "16 KiB": 2**14}
BITS = 12
REPEATS = 7
BYTES = 2**22  # of each repeat


def messages(size: int) -> list[bytes]:
    """JSON, of about so many bytes each."""
    draw = random.Random(1)

    def row() -> dict[str, object]:
        symbol = draw.choice(["ABC", "XYZ", "FOO", "BAR"])
        return {"symbol": symbol, "bid": draw.randrange(10**6) / 100, "time": draw.randrange(10**9)}

    count = round(size / len(json.dumps(row())))
    return [json.dumps([row() for _ in range(count)]).encode() for _ in range(50)]


def frames(texts: list[bytes]) -> list[Frame]:
    """What a stock client sends."""
    squeeze = zlib.compressobj(wbits=-BITS)
    payloads = [(squeeze.compress(text) + squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4] for text in texts]
    return [Frame(Opcode.TEXT, payload, rsv1=True) for payload in payloads]


def measure(sent: list[Frame], times: int) -> tuple[float, float, int]:
    """Seconds to inflate and to compress all messages so many times, and the bytes of the replies."""
    inflating = compressing = 0.0
    size = 0
    for _ in range(times):
        codec = PerMessageDeflate(False, False, BITS, BITS, {"memLevel": 5})
        started = perf_counter()
        received = [codec.decode(frame, max_size=2**20) for frame in sent]
        between = perf_counter()
        replies = [codec.encode(frame) for frame in received]
        compressing += perf_counter() - between
        inflating += between - started
        size += sum(len(reply.data) for reply in replies)
    return inflating, compressing, size


def main() -> None:
    machine.pin()
    print("| message | module | to inflate | to compress | size |\n|---|---|---|---|---|")
    for name, size in SIZES.items():
        texts = messages(size)
        sent, length = frames(texts), sum(map(len, texts))
        times = max(1, BYTES // length)
        found: dict[str, list[tuple[float, float, int]]] = {module: [] for module in MODULES}
        for module in MODULES * REPEATS:
            accelerate.install("websockets", zlib=module)
            found[module].append(measure(sent, times))
        for module, repeats in found.items():
            inflate, compress, _ = (
                min(column) / times / len(texts) * 1e6 for column in zip(*repeats, strict=True)
            )
            left = 100 * repeats[0][2] / times / length
            print(f"| {name} | {module} | {inflate:.1f} µs | {compress:.1f} µs | {left:.0f} % |", flush=True)


if __name__ == "__main__":
    main()

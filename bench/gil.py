"""Would it pay to release the GIL while a kernel runs?  `python -m bench.gil` tells for this machine.

The same kernel is called through ctypes twice: with the GIL held, and released for the call.

- Two threads that do nothing but mask: how many times as much they get done as one.
- A thread that masks beside one that computes in Python, as an event loop beside a worker: how long
  a call takes.  Who lets the GIL go has to wait for it, up to `sys.getswitchinterval()`.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path
from statistics import median
from time import perf_counter

import wsframe
from bench.texts import KEY
from wsframe._c import kernel

KERNELS = Path(__file__).parent.parent / "ext" / "kernels"
KIB, MIB = 2**10, 2**20
SIZES = {"16 KiB": 16 * KIB, "256 KiB": 256 * KIB, "1 MiB": MIB, "16 MiB": 16 * MIB}
ROUND = 0.5  # seconds
REPEATS = 5

Call = Callable[[], object]


class Kernel(ctypes.Structure):
    """The head of wsf_kernel, as kernels.h has it."""

    _fields_ = (("name", ctypes.c_char_p), ("xor", ctypes.c_void_p), ("rest", ctypes.c_void_p * 6))


def build() -> ctypes.CDLL:
    """The kernels as a library, for the compiled modules do not let them out."""
    folder = tempfile.mkdtemp()
    library = Path(folder, "kernels.so")
    command = [*sysconfig.get_config_var("CC").split(), "-O3", "-shared", "-fPIC", "-o", library]
    subprocess.run([*command, *KERNELS.glob("*.c")], check=True)
    loaded = ctypes.CDLL(str(library))
    shutil.rmtree(folder)
    return loaded


@cache
def xor_address() -> int:
    library = build()
    library.wsf_kernels.restype = ctypes.POINTER(Kernel)
    count = ctypes.c_size_t()
    kernels = library.wsf_kernels(ctypes.byref(count))
    (found,) = (k.xor for k in kernels[: count.value] if k.name.decode() == kernel.selected())
    return found


def calls(size: int) -> dict[str, Call]:
    """Mask so many bytes, holding the GIL or not."""
    signature = None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p
    made = {}
    for name, prototype in (("held", ctypes.PYFUNCTYPE), ("released", ctypes.CFUNCTYPE)):
        xor = prototype(*signature)(xor_address())
        buffer = ctypes.create_string_buffer(size)
        made[name] = lambda xor=xor, buffer=buffer: xor(buffer, buffer, size, KEY)
    return made


def together(makers: list[Callable[[], Call]]) -> float:
    """How many calls a second several threads do, one call each at a time."""
    counts, stop = [], threading.Event()
    ready = threading.Barrier(len(makers) + 1)

    def work(call: Call) -> None:
        done = 0
        ready.wait()
        while not stop.is_set():
            call()
            done += 1
        counts.append(done)

    threads = [threading.Thread(target=work, args=[make()]) for make in makers]
    for thread in threads:
        thread.start()
    ready.wait()
    stop.wait(ROUND)
    stop.set()
    for thread in threads:
        thread.join()
    return sum(counts) / ROUND


def beside_python(call: Call) -> float:
    """The mean time of a call, in microseconds, while another thread computes in Python."""
    stop = False

    def compute() -> None:
        while not stop:
            pass

    thread = threading.Thread(target=compute)
    thread.start()
    done = 0
    start = perf_counter()
    while perf_counter() - start < ROUND:
        call()
        done += 1
    took = perf_counter() - start
    stop = True
    thread.join()
    return took / done * 1e6


def report() -> None:
    """Print a line for each size; every figure is the median of the repeats."""
    interval = f"switch interval {sys.getswitchinterval() * 1e3:g} ms"
    print(f"Python {sys.version.split()[0]}, {wsframe.backend}, {interval}\n")
    print(f"{'':8}{'a thread':>10}{'two together':>24}{'a call beside Python':>28}")
    print(f"{'mask':8}{'us a call':>10}{'held':>12}{'released':>12}{'held':>16}{'released':>12}")
    for name, size in SIZES.items():
        alone = median(together([lambda size=size: calls(size)["held"]]) for _ in range(REPEATS))
        pair, beside = defaultdict(list), defaultdict(list)
        for _ in range(REPEATS):
            for way in ("held", "released"):
                pair[way].append(together([lambda way=way, size=size: calls(size)[way]] * 2) / alone)
                beside[way].append(beside_python(calls(size)[way]))
        gains = "".join(f"{median(pair[way]):11.2f}x" for way in pair)
        waits = "".join(f"{median(beside[way]):12.1f}" for way in beside)
        print(f"{name:8}{1e6 / alone:10.1f}{gains}    {waits}")


if __name__ == "__main__":
    report()

"""The suite on all cores: `make test`, `make quick`.

Tests marked `alone` measure time or memory, or keep every core busy: they run after the others, one after the
other. The upper layers use one twin at a time, so their tests run once more, on the pure one.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"
PARALLEL = ("-n", "auto", "--dist", "worksteal")
UPPER = (
    *("connection", "asyncio", "uvicorn", "compat", "proxies/test_proxy_protocol.py"),
    *("hosts/test_aiohttp*.py", "hosts/test_autobahn*.py"),
)
# Not for `make quick`: they start programs, run whole libraries for long, or try very many inputs.
SLOW = ("accelerate", "hosts", "conformance", "downstream", "kernels", "native", "programs", "soak")
SLOW_FILES = (
    *("test_allocation.py", "test_cli.py", "test_cli_environments.py", "test_demo.py", "test_documents.py"),
    *(
        "codec/test_rfc_examples.py",
        "test_leaks.py",
        "codec/test_parity.py",
        "test_misuse.py",
        "test_tutorial.py",
        "codec/test_message_decoder_errors.py",
        "proxies/test_forward_proxies.py",
        "proxies/test_reverse_proxies.py",
    ),
)
SEED = str(random.randrange(2**32))
NO_TESTS = 5  # what pytest returns when it has collected none


def main(arguments: list[str]) -> int:
    quick = arguments[:1] == ["quick"]
    options = arguments[1:] if quick else arguments
    named = any((ROOT / option.partition("::")[0]).exists() for option in options)
    begun = time.monotonic()
    if quick:
        left_out = [] if named else [f"--ignore={TESTS / name}" for name in SLOW + SLOW_FILES]
        statuses = [pytest("not alone and not slow", *PARALLEL, *left_out, *options)]
    elif named:
        statuses = run(options) + run(options, WSFRAME_PURE="1")
    else:
        upper = [str(path) for pattern in UPPER for path in sorted(TESTS.glob(pattern))]
        statuses = run(options, str(TESTS)) + run(options, *upper, WSFRAME_PURE="1")
    print(f"\n{time.monotonic() - begun:.0f} s in all")
    return max((status for status in statuses if status != NO_TESTS), default=NO_TESTS)


def run(options: list[str], *paths: str, **variables: str) -> list[int]:
    """Run what can share the machine, then what cannot."""
    marked = [
        str(file) for path in paths for file in files(Path(path)) if "mark.alone" in file.read_text("utf-8")
    ]
    statuses = [pytest("not alone", *PARALLEL, *options, *paths, **variables)]
    if marked or not paths:
        statuses.append(pytest("alone", *options, *marked, **variables))
    return statuses


def files(path: Path) -> list[Path]:
    return sorted(path.rglob("test_*.py")) if path.is_dir() else [path]


def pytest(marks: str, *options: str, **variables: str) -> int:
    command = [sys.executable, "-m", "pytest", "-m", marks, *options]
    shown = {"PYTHONHASHSEED": SEED, **variables}
    print("\n$", *(f"{name}={value}" for name, value in shown.items()), *command[1:], flush=True)
    # One seed for all processes: tests made from a set have the same order in each.
    return subprocess.run(
        command, cwd=ROOT, env={"PYTHONHASHSEED": SEED, **os.environ, **variables}
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

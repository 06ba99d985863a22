"""Run the Autobahn TestSuite against the libraries that are accelerated, and against the same as they are.

    python tests/conformance/hosts.py --fast                    the cases of protocol, text and limits
    python tests/conformance/hosts.py tornado --cases '12.*'

Case by case, the accelerated library must do as well or better.  A case in which it does worse runs again,
both ways, ROUNDS times in all: some cases watch the clock.  Exit status: 0 when all is well, 1 when a case is
not, 2 when the run went wrong, 77 when there is no Python 2.7.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from suite import (
    HERE,
    Trouble,
    cases_of,
    free_port,
    numbers,
    parser,
    report,
    started,
    status_of,
    wait_for,
    wait_to_end,
    without_python,
    written,
    wstest,
)

sys.path.append(str(HERE.parent / "echoes"))

from echoes import ECHOES, Echo

from wsframe.asyncio import connect
from wsframe.demo.servers import UNDER_RUN, Program, running

ROUNDS = 3
AGENT = "host"

# How well a case went; what is not here is worst.  INFORMATIONAL is neither well nor badly.
RANKS = {"OK": 0, "INFORMATIONAL": 0, "NON-STRICT": 1, "UNIMPLEMENTED": 2}
WORST = 3

Verdicts = dict[str, tuple[str, str]]  # of each case: the behaviour, and the close


def client(library: str, replaced: str) -> Echo:
    command = (str(HERE / "clients.py"), library)
    return Echo(Program(library, command), frozenset({replaced}), client=True)


SERVERS = {name: echo for name, echo in ECHOES.items() if not echo.client}
CLIENTS = {
    "websockets client": client("websockets", "websockets"),
    "websocket-client": client("websocket-client", "websocket_client"),
}
HOSTS = SERVERS | CLIENTS


def examine(host: Echo, cases: list[str], accelerated: bool, timeout: float) -> Verdicts:
    """Run cases against a host one way."""
    attack = attack_client if host.client else attack_server
    with tempfile.TemporaryDirectory() as folder:
        active = attack(host, cases, accelerated, Path(folder), timeout)
        if not (active >= host.replaced if accelerated else not active):
            raise Trouble(f"{host.name}: accelerated are {', '.join(active) or 'none'}")
        cases_done = report(Path(folder), AGENT)
    return {name: (case["behavior"], case["behaviorClose"]) for name, case in cases_done.items()}


def attack_server(host: Echo, cases: list[str], accelerated: bool, folder: Path, timeout: float) -> set[str]:
    """Let the suite connect to a server; return which libraries are accelerated in it."""
    with running(host.program, folder / "server.log", accelerated=accelerated) as server:
        url = f"ws://127.0.0.1:{server.port()}"
        active = asyncio.run(ask(url))
        spec = written(folder, cases, servers=[{"agent": AGENT, "url": url}])
        with started(wstest("fuzzingclient", spec), folder / "suite.log", without_python()) as attacking:
            wait_to_end(attacking, folder / "suite.log", timeout)
    return active


def attack_client(host: Echo, cases: list[str], accelerated: bool, folder: Path, timeout: float) -> set[str]:
    """Let a client connect to the suite; return which libraries are accelerated in it."""
    port = free_port()
    url = f"ws://127.0.0.1:{port}"
    spec, logs = written(folder, cases, url=url), (folder / "suite.log", folder / "client.log")
    command = [*(UNDER_RUN if accelerated else [sys.executable]), *host.program.command, url]
    with started(wstest("fuzzingserver", spec), logs[0], without_python()) as listening:
        wait_for(port, listening, logs[0])
        with started(command, logs[1], dict(os.environ)) as attacking:
            wait_to_end(attacking, logs[1], timeout)
    return set(logs[1].read_text().rpartition("accelerated:")[2].split())


async def ask(url: str) -> set[str]:
    async with connect(url) as ws:
        await ws.send("tally")
        return set(json.loads(await ws.recv())["accelerated"])


def both(name: str, cases: list[str], timeout: float) -> tuple[Verdicts, Verdicts]:
    """Run cases against a host as it is, and accelerated."""
    before = examine(HOSTS[name], cases, False, timeout)
    return before, examine(HOSTS[name], cases, True, timeout)


def compare(name: str, cases: list[str], timeout: float) -> bool:
    """Run cases against a host both ways, and print what differs; return whether none went worse."""
    before, after = both(name, cases, timeout)
    print(f"{name}, as it is: {summary(before)}")
    print(f"{name}, accelerated: {summary(after)}", flush=True)
    worse = set(worse_cases(before, after))
    if worse:
        print(f"{name}, worse at first: {', '.join(sorted(worse, key=numbers))}")
    for _ in range(ROUNDS - 1):
        if worse:
            again = both(name, sorted(worse), timeout)
            before, after = before | again[0], after | again[1]
            worse &= set(worse_cases(*again))
    for case in sorted(before | after, key=numbers):
        if before.get(case) != after.get(case):
            verdicts = [" close ".join(way.get(case, ("missing",))) for way in (before, after)]
            print(f"  {case}: {' -> '.join(verdicts)}{', worse' * (case in worse)}", flush=True)
    return bool(after) and not worse


def worse_cases(before: Verdicts, after: Verdicts) -> Iterable[str]:
    for case, verdicts in before.items():
        new = after.get(case, ("missing", "missing"))
        if any(RANKS.get(b, WORST) > RANKS.get(a, WORST) for a, b in zip(verdicts, new, strict=True)):
            yield case


def summary(verdicts: Verdicts) -> str:
    behaviour, close = (Counter(part) for part in zip(*verdicts.values(), strict=True))
    return f"{len(verdicts)} cases: {counted(behaviour)}; close {counted(close)}"


def counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())


def main() -> int:
    arguments = parser(__doc__)
    arguments.add_argument("host", nargs="*", choices=[[], *HOSTS], help="all of them by default")
    options = arguments.parse_args()
    cases = cases_of(options)
    return status_of(compare(name, cases, options.timeout) for name in options.host or HOSTS)


if __name__ == "__main__":
    sys.exit(main())

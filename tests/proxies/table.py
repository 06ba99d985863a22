"""Run all checks of all proxies, and print the table of the documentation: `make proxies`."""

from __future__ import annotations

import sys

from proxy_checks import CHECKS, expected, run
from proxy_programs import find
from reverse_proxies import KINDS, rig_of


def main(names: list[str]) -> int:
    print("| proxy |", " | ".join(CHECKS), "|")
    print("|---" * (len(CHECKS) + 1) + "|", flush=True)
    wrong = []
    for kind in KINDS.values():
        if names and kind.name not in names:
            continue
        if find(kind.name) is None:
            print(f"{kind.name} is not installed: make proxy-programs", file=sys.stderr)
            continue
        cells = []
        with rig_of(kind) as rig:
            for check in CHECKS:
                try:
                    cells.append(run(check, rig))
                except Exception as exc:
                    cells.append("no")
                    log = (rig.folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:]
                    print(f"{kind.name}, {check}: {exc!r}\n{log}", file=sys.stderr)
                if cells[-1] != expected(kind.name, check):
                    wrong.append(f"{kind.name}, {check}: {cells[-1]}, not {expected(kind.name, check)}")
        print(f"| {kind.described()} |", " | ".join(cells), "|", flush=True)
    print(*wrong, sep="\n", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

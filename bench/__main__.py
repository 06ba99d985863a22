"""Measure, print what was reached, and write the table and the chart.

python -m bench                 all but the endpoints; writes docs/explanation/performance.md and both charts
python -m bench -k decode       a part, with pytest's own options; writes nothing
python -m bench -k endpoints    servers and clients, and a table of them; takes its time
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench import aims, compare, endpoint_aims, machine
from bench.results import Results

HERE = Path(__file__).parent
REPORT = HERE.parent / "build" / "bench.json"


def measure(options: list[str]) -> int:
    """Run pytest where malloc is steady."""
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.unlink(missing_ok=True)
    pytest = [sys.executable, "-m", "pytest", "-c", HERE / "pytest.ini", f"--rootdir={HERE.parent}"]
    pytest += [f"--benchmark-json={REPORT}", HERE, *options]
    return subprocess.run(pytest, env=machine.ENVIRONMENT, cwd=HERE.parent).returncode


def main(options: list[str]) -> int:
    status = measure(options or [f"--ignore={HERE / 'test_endpoints.py'}"])
    if status or not REPORT.exists():
        return status
    found = Results(REPORT)
    print(aims.report(found, aims.AIMS + endpoint_aims.AIMS))
    if found.cases("callback"):
        print(endpoint_aims.table(found))
    if not options:
        compare.write(found, HERE.parent)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

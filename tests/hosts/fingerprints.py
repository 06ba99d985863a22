"""Write the fingerprints of the versions of hosts that were tested.

    python tests/hosts/fingerprints.py NAME ...

The versions are those of `tests/hosts/versions.py`, all of them tested before. Every CPython writes the same.
"""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import fill

from versions import HOSTS, ROOT, prepare

from wsframe.accelerate.fingerprints import code_of
from wsframe.accelerate.host import load_host

HEAD = '''"""The code of the tested versions: what is replaced or relied on, and its fingerprints.

Written by `python tests/hosts/fingerprints.py {name}` (see `accelerate.fingerprints`).
"""

CODE = """\\
'''
WIDTH = 110


def main() -> None:
    for name in sys.argv[1:] or HOSTS:
        write(name)


def write(name: str) -> None:
    host, found = load_host(name), dict[str, dict[str, dict[str, None]]]()
    for version in (*HOSTS[name].elsewhere, *HOSTS[name].versions):
        for site, fingerprint in code_of(host, version, str(prepare(name, version))).items():
            path, _, function = site.rpartition("." if "." in site.partition(":")[2] else ":")
            if fingerprint:
                found.setdefault(path, {}).setdefault(function, {})[fingerprint] = None
    lines = []
    for path, functions in sorted(found.items()):
        lines.append(path)
        for function, fingerprints in sorted(functions.items()):
            start = f" {function} "
            text = fill(" ".join(fingerprints), WIDTH, initial_indent=start, subsequent_indent=start)
            lines += text.splitlines()
    text = HEAD.format(name=name) + "".join(f"{line}\n" for line in lines) + '"""\n'
    Path(ROOT, "src", "wsframe", "accelerate", "hosts", name, "known_code.py").write_text(text, "utf-8")


if __name__ == "__main__":
    main()

"""Fuzz one target: `make fuzz TIME=60`.  What it finds belongs in tests/fuzz/corpus/TARGET."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

VECTORS = Path("build/fuzz/vectors/differential")
WATCHED = [
    "wsframe._py",
    "wsframe._spec",
    "wsframe._http.messages",
    "wsframe._http.reader",
    "wsframe.connection",
    "wsframe.deflate",
    "differential",
    "conversation",
    "streams",
    "heads",
]


def main() -> None:
    try:
        import atheris
    except ImportError:
        sys.exit("no atheris, which needs CPython 3.11 to 3.13: make fuzz PYTHON=python3.13 VENV=.venv-fuzz")
    target = sys.argv.pop(1)
    with atheris.instrument_imports(include=WATCHED):
        module = import_module(target)
    if target == "differential":
        write_vectors(module.MESSAGES, module.SERVER)
    atheris.Setup(sys.argv, module.check)
    atheris.Fuzz()


def write_vectors(messages: int, server: int) -> None:
    """Let the shared specification be seeds as well."""
    from support import specification

    VECTORS.mkdir(parents=True, exist_ok=True)
    for kind, decoder in (("messages", messages), ("errors", messages), ("frames", 0)):
        entries = json.loads((specification.FOLDER / f"{kind}.json").read_text("utf-8"))["entries"]
        for number, entry in enumerate(entries):
            stream = specification.octets(f"{entry['bytes']} {entry.get('rest', '')}")
            options = decoder | (server if entry["role"] == "server" else 0)
            if len(stream) <= 4096:
                (VECTORS / f"{kind}-{number}").write_bytes(bytes([options, number % 256]) + stream)


if __name__ == "__main__":
    main()

"""What MSVC does not compile: each construct is in the files that guard it, and nowhere else.

No MSVC runs here; the table "MSVC" of CONTRIBUTING.md says what stands in for each of them there.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for path in (ROOT / "ext").rglob("*") if path.suffix in {".c", ".h", ".pyx", ".pxd"})
# Construct: what finds it, and the files that have it under an #if.
CONSTRUCTS: dict[str, tuple[str, set[str]]] = {
    "attributes": (r"__attribute__", {"target.h"}),
    "builtins": (r"__builtin_\w+|\b__(atomic|sync)_\w+", {"guard.h", "type_version.h"}),
    "assembler": (r"\b(__asm__|asm)\b\s*(volatile)?\s*\(", {"dispatch.c", "target.h"}),
    "pragmas of GCC": (r"_Pragma|#\s*pragma", {"target.h"}),
    "threads of C11": (r"_Thread_local|_Atomic|<(stdatomic|threads)\.h>", {"coalescer.h", "key_pool.h"}),
    "POSIX": (
        r"<(pthread|sched|unistd|sys/\w+)\.h>|\bssize_t\b",
        {"coalescer.h", "dispatch.c", "key_pool.h", "socket.h"},
    ),
    "C11 beyond what MSVC compiles without /std": (r"_Alignas|_Static_assert|_Generic|<stdalign\.h>", set()),
    "statement expressions": (r"\(\{", set()),
    "typeof": (r"\b__?typeof__|\btypeof\s*\(", set()),
    "integers of 128 bits": (r"__int128", set()),
    "ranges in cases": (r"case [^:]+ \.\.\. ", set()),
    "the conditional with two operands": (r"\?:", set()),
    "labels as values": (r"goto \*|&&\w+\s*[,}\]]", set()),
    "sizes of parameters": (r"\[static\b", set()),
    "vectors with operators": (r"vector_size", set()),
}


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_construct_is_only_where_it_is_guarded(name: str) -> None:
    pattern, guarded = CONSTRUCTS[name]
    found = {path.name for path in SOURCES if re.search(pattern, path.read_text("utf-8"))}
    assert found == guarded


@pytest.mark.parametrize("name", sorted(set().union(*(files for _, files in CONSTRUCTS.values()))))
def test_files_with_such_constructs_ask_for_the_compiler(name: str) -> None:
    (path,) = (path for path in SOURCES if path.name == name)
    assert re.search(r"#\s*(if|ifdef|ifndef|elif)\b.*(_MSC_VER|_WIN32|__GNUC__)", path.read_text("utf-8"))

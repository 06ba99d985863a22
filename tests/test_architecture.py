"""The page on the architecture names what exists, and every part of the package."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "wsframe"
PAGE = ROOT / "docs" / "explanation" / "architecture.md"

pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="no documentation here")

# Names of Python and of the command line.
OTHERS = {"asyncio.timeout", "bytes", "sitecustomize", "str", "wsframe run"}


def named() -> list[str]:
    """Read what the page has in backquotes."""
    return sorted(set(re.findall(r"`([^`\n]+)`", PAGE.read_text("utf-8"))) - OTHERS)


def sources() -> dict[Path, str]:
    files = [*PACKAGE.rglob("*.py"), *(ROOT / "ext" / "wsframe" / "_c").glob("*.p[yx]*")]
    return {file: file.read_text("utf-8") for file in files}


SOURCES = sources()


def is_file(name: str) -> bool:
    name = name.rstrip("/")
    return any((folder / name).exists() for folder in (ROOT, PACKAGE)) or any(PACKAGE.rglob(name))


def is_defined(name: str) -> bool:
    """Tell whether a source has a name, in the file of its class or module if it has one."""
    owner, _, last = name.partition("(")[0].rpartition(".")
    owner = owner.rpartition(".")[2]
    return any(
        re.search(rf"\b{last}\b", text)
        for file, text in SOURCES.items()
        if not owner or owner in (file.stem, file.parent.name) or re.search(rf"\bclass {owner}\b", text)
    )


@pytest.mark.parametrize("name", named())
def test_what_the_page_names_exists(name: str) -> None:
    if "/" in name or name.endswith(".py"):
        assert is_file(name)
    else:
        assert is_defined(name) or any(file.stem == name for file in SOURCES)


def test_the_page_has_every_part_of_the_package() -> None:
    parts = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in PACKAGE.iterdir()
        if (path.suffix == ".py" or (path / "__init__.py").exists()) and not path.name.startswith("__")
    }
    page = set(named())
    missing = {part for part in parts if part not in page and f"src/wsframe/{part.rstrip('/')}" not in page}
    assert missing == {"_c/"}  # the page has ext/wsframe/_c, where its sources are

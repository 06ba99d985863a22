"""What is published: the sdist contains the whole repository, and the description works outside of it."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tarfile
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
RELEASE = {
    "WSFRAME_PURE": "1",
    "WSFRAME_URL": "https://git.example/wsframe",
    "WSFRAME_EMAIL": "maintainers@git.example",
}


def tracked() -> list[str]:
    """Name the files of the repository, where this is one."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no repository here")
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"git: {done.stderr.strip()}")
    return [name for name in done.stdout.splitlines() if (ROOT / name).exists()]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An sdist of what is tracked, unpacked."""
    pytest.importorskip("setuptools")
    folder = tmp_path_factory.mktemp("sdist")
    for name in tracked():
        target = folder / "copy" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    subprocess.run(
        [sys.executable, "setup.py", "-q", "sdist", "--dist-dir", str(folder)],
        cwd=folder / "copy",
        env={**os.environ, **RELEASE},
        check=True,
    )
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder / "unpacked", **({"filter": "data"} if sys.version_info >= (3, 12) else {}))
    (unpacked,) = (folder / "unpacked").iterdir()
    return unpacked


def test_every_file_is_in_the_sdist(published: Path) -> None:
    assert [name for name in tracked() if not (published / name).exists()] == []


def test_every_file_that_the_makefile_names_is_in_the_sdist(published: Path) -> None:
    words = set(re.findall(r"[\w.*/-]+", (ROOT / "Makefile").read_text(encoding="utf-8")))
    named = {word for word in words if any(fnmatch(name, word) for name in tracked())}
    assert {"pyproject.toml", "setup.py", "tests/suite.py", "tests/kernels/qemu.sh"} <= named
    assert [word for word in named if not any(published.glob(word))] == []


def test_dependency_groups_are_not_published_as_extras(published: Path) -> None:
    text = (published / "PKG-INFO").read_text(encoding="utf-8")
    extras = set(re.findall(r"^Provides-Extra: (.*)$", text, re.MULTILINE))
    groups = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("\n[dependency-groups]\n")[1]
    assert {"asyncio", "demo"} <= extras
    assert extras.isdisjoint(re.findall(r"^(\w+) = \[", groups.split("\n[")[0], re.MULTILINE))


def test_a_release_says_who_to_write_to(published: Path) -> None:
    text = (published / "PKG-INFO").read_text(encoding="utf-8")
    assert "\nAuthor-email: the wsframe developers <maintainers@git.example>\n" in text
    assert "\nMaintainer-email: the wsframe developers <maintainers@git.example>\n" in text


def functions_of_setup() -> dict[str, Any]:
    tree = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    defined = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    space: dict[str, Any] = {"re": re, "Path": Path}
    exec(compile(ast.Module(defined, []), "setup.py", "exec"), space)
    return space


def test_links_of_a_release_are_absolute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    described = functions_of_setup()
    targets = r"\]\(([^)]+)\)"
    inside = re.findall(targets, described["description"]("", ""))
    outside = re.findall(targets, described["description"]("https://git.example/wsframe", ""))
    assert len(inside) == len(outside) > 10
    for relative, absolute in zip(inside, outside, strict=True):
        assert absolute.startswith("https://git.example/wsframe/")
        assert absolute.endswith(f"/{relative}")
        assert ("/raw/" in absolute) == relative.endswith(".svg")


def test_links_of_a_release_lead_to_the_site_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    site, repository = "https://docs.example", "https://git.example/wsframe"
    text = functions_of_setup()["description"](repository, site)
    pages = re.findall(rf"\]\({site}/([^)#]+)\.html(?:#[^)]+)?\)", text)
    assert len(pages) > 5 and all((ROOT / "docs" / f"{page}.md").exists() for page in pages)
    assert f"{repository}/raw/v" in text and f"{repository}/blob/v" in text
    assert not re.search(r"\]\([^)]*docs/[^)]*\.md", text)
    assert functions_of_setup()["urls"](repository, site)["Documentation"] == site


def test_links_of_the_project_lead_into_the_repository() -> None:
    urls = functions_of_setup()["urls"]
    assert urls("", "") == {}
    for address in urls("https://git.example/wsframe", "").values():
        path = address.removeprefix("https://git.example/wsframe")
        assert "/blob/main/" not in path or (ROOT / path.removeprefix("/blob/main/")).exists()


def test_authors_without_an_address_have_a_name() -> None:
    people = functions_of_setup()["people"]
    assert people("") == {"author": "the wsframe developers", "maintainer": "the wsframe developers"}

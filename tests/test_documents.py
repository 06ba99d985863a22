"""What README.md and docs/ say is true: their programs run, their links and commands are right."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from support.processes import environment

pytest.importorskip("httptools")
pytest.importorskip("trustme")

import trustme

import wsframe
from wsframe import cli
from wsframe.accelerate import known_hosts
from wsframe.accelerate.host import load_host

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
COMMANDS = {"cli", "demo"}  # run, not imported

pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="no documents here")

# A program, and what it prints if that is told.
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)


def programs() -> list[pytest.ParameterSet]:
    found = []
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for block in BLOCK.finditer(text):
            line = text[: block.start()].count("\n") + 1
            place = document.relative_to(ROOT).as_posix()
            found.append(pytest.param(block[1], block[2], id=f"{place}:{line}"))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the programs run: with a certificate for localhost."""
    folder = tmp_path_factory.mktemp("programs")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    return folder


@pytest.mark.parametrize(("program", "prints"), programs())
def test_documented_programs_run_and_print_as_shown(program: str, prints: str | None, folder: Path) -> None:
    if "unix_serve" in program and sys.platform == "win32":
        pytest.skip("no Unix sockets here")
    for module in re.findall(r"^(?:from|import) (\w+)", program, re.MULTILINE):
        pytest.importorskip(module)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    if prints is not None:
        assert done.stdout == prints


def test_every_python_block_is_tested() -> None:
    known = {"python", "text", "console", "ini", "dockerfile", "js", "{eval-rst}", "{literalinclude}"}
    known.add("{toctree}")
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        kinds = set(re.findall(r"^ *```+(\S+)", text, re.MULTILINE))
        assert kinds <= known, document
        assert text.count("```python") == len(BLOCK.findall(text)), document


def test_every_public_module_has_a_page_in_the_reference() -> None:
    package = Path(wsframe.__file__).parent
    names = {
        path.stem for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    public = {name for name in names - COMMANDS if name[0] != "_"}
    pages = {path.stem: path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("*.md")}
    index = pages["index"]
    for name in public:
        assert f".. automodule:: wsframe.{name}\n" in pages[name]
        assert f"[`wsframe.{name}`]({name}.md)" in index
    assert ".. automodule:: wsframe\n" in pages["wsframe"]


def functions() -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    package = Path(wsframe.__file__).parent
    found = []
    for path in sorted(package.rglob("*.py")):
        place = path.relative_to(package)
        if place.parts[0] not in ("_py", "_cli", "demo"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    found.append((f"{place.as_posix()}:{node.lineno}", node))
    return found


def test_docstrings_have_no_colon_that_the_site_reads_as_a_type() -> None:
    """Napoleon takes what is before the first colon for the type of a property or a result."""
    wrong = []
    for place, function in functions():
        text = re.sub(r"`[^`]*`", "", ast.get_docstring(function) or "")
        is_property = any(
            isinstance(each, ast.Name) and "property" in each.id for each in function.decorator_list
        )
        line = text.partition("\n")[0] if is_property else ""
        returns = re.search(r"^Returns:\n +(.*)$", text, re.MULTILINE)
        if ": " in line or (returns is not None and re.search(":( |$)", returns[1])):
            wrong.append(place)
    assert not wrong


def test_every_page_is_in_a_table_of_contents() -> None:
    for page in DOCS.rglob("*.md"):
        below_reference = page.parent.name == "reference" and page.name != "index.md"
        index = DOCS / "reference" / "index.md" if below_reference else DOCS / "index.md"
        entry = page.relative_to(index.parent).with_suffix("").as_posix()
        assert page == index or f"\n{entry}\n" in index.read_text(encoding="utf-8"), entry


def anchors(document: Path) -> set[str]:
    """The links to its headings, as GitHub and the site make them."""
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_between_documents_have_targets() -> None:
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", text):
            found = document.parent / target if target else document
            assert found.exists(), f"{document.name}: {target}"
            assert not anchor or anchor in anchors(found), f"{document.name}: {target}#{anchor}"


def test_documented_commands_are_parsed() -> None:
    """Every command of wsframe in a document is one."""
    told = 0
    for document in set(DOCUMENTS) - {ROOT / "CHANGELOG.md"}:
        text = document.read_text(encoding="utf-8")
        lines = re.findall(
            r"(?:^ *\$ |=\S*/|`|^web: )(wsframe (?:run|status|demo) [^`\n#\[]+)", text, re.MULTILINE
        )
        words = [*map(shlex.split, lines), *map(json.loads, re.findall(r"^CMD (.*)$", text, re.MULTILINE))]
        for _, *arguments in words:
            if arguments[1:]:
                cli._parse(arguments)
                told += 1
    assert told > 20


def test_documented_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    told = set()
    for document in DOCUMENTS:
        told |= set(re.findall(r"`make ([\w-]+)", document.read_text(encoding="utf-8")))
    assert told <= targets
    assert {"test", "lint", "docs", "coverage", "bench"} <= told
    phony = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)$", makefile, re.MULTILINE)
    assert phony is not None and targets == set(phony[1].replace("\\", " ").split())


def test_table_of_hosts_is_complete() -> None:
    text = (DOCS / "reference" / "hosts.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\w+)\]\(#[\w-]+\) \| (\S+) \|", text, re.MULTILINE)
    assert dict(rows) == {name: load_host(name).tested for name in known_hosts()}

"""What README.md and docs/ say is true: their programs run, and no public name is missing."""

from __future__ import annotations

import ast
import inspect
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from processes import environment
from twins import PURE

pytest.importorskip("httptools")
pytest.importorskip("trustme")

import trustme

import wsframe
import wsframe.asyncio
from wsframe import cli
from wsframe.accelerate import known_hosts
from wsframe.accelerate._slot import load_host

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"

pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="no documents here")

# A program, and what it prints if that is told.
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)


def programs() -> list[pytest.ParameterSet]:
    found = []
    for document in (ROOT / "README.md", DOCS / "guide.md", DOCS / "drop-in.md"):
        text = document.read_text(encoding="utf-8") if document.exists() else ""
        for block in BLOCK.finditer(text):
            line = text[: block.start()].count("\n") + 1
            found.append(pytest.param(block[1], block[2], id=f"{document.name}:{line}"))
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
def test_programs_run(program: str, prints: str | None, folder: Path) -> None:
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


@pytest.mark.parametrize("module", [wsframe, wsframe.asyncio], ids=lambda module: module.__name__)
def test_the_reference_names_everything(module) -> None:
    text = (DOCS / "reference.md").read_text(encoding="utf-8")
    section = text.split(f"\n## `{module.__name__}`\n")[1].split("\n## ")[0]
    told = re.findall(r"^### `(\w+)", section, re.MULTILINE)
    assert sorted(told) == sorted(module.__all__)
    for call in re.findall(r"^### `(\w+\(.*\))`", section, re.MULTILINE):
        (function,) = ast.parse(f"def {call}: pass").body
        assert isinstance(function, ast.FunctionDef)
        arguments = [node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)]
        twin = getattr(PURE, function.name, getattr(module, function.name))
        taken = inspect.signature(twin).parameters
        assert set(arguments) <= {*taken, "options"}, call
        assert len(arguments) == len(taken) or "options" in arguments, call


def test_links_lead_somewhere() -> None:
    for document in [*DOCS.glob("*.md"), ROOT / "README.md"]:
        text = document.read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_commands_are_understood() -> None:
    """Wherever a command of wsframe is told, it is one."""
    told = 0
    for document in [*DOCS.glob("*.md"), ROOT / "README.md"]:
        text = document.read_text(encoding="utf-8")
        lines = re.findall(
            r"(?:^ *\$ |=\S*/|`|^web: )(wsframe (?:run|status|demo) [^`\n#]+)", text, re.MULTILINE
        )
        words = [*map(shlex.split, lines), *map(json.loads, re.findall(r"^CMD (.*)$", text, re.MULTILINE))]
        for _, *arguments in words:
            cli._parse(arguments)
            told += 1
    assert told > 20


def test_the_table_of_hosts_is_whole() -> None:
    text = (DOCS / "drop-in.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\w+)\]\(#[\w-]+\) \| (\S+) \|", text, re.MULTILINE)
    assert dict(rows) == {name: load_host(name).tested for name in known_hosts()}

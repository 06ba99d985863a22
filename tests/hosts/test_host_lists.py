"""The lists that a new host must be added to (CONTRIBUTING, "Add a host")."""

from __future__ import annotations

import ast
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from support import exchanges

from wsframe.accelerate import known_hosts
from wsframe.accelerate.fingerprints import known_code

HERE = Path(__file__).parent
WORKFLOW = HERE.parents[1] / ".github" / "workflows" / "newest.yml"
VERSIONS = runpy.run_path(str(HERE / "versions.py"))


def test_every_host_has_an_exchange_that_counts_its_calls() -> None:
    assert {host for _, hosts in exchanges.KINDS.values() for host in hosts} == set(known_hosts())


def test_every_host_has_versions_and_tests_to_run_with_them() -> None:
    hosts: dict[str, Any] = VERSIONS["HOSTS"]
    assert set(hosts) == set(known_hosts())
    assert [name for name, dialogs in hosts.items() if not list(HERE.glob(dialogs.files))] == []
    assert [file.name for file in VERSIONS["SHARED"] if not file.exists()] == []


@pytest.mark.parametrize("host", known_hosts())
def test_every_host_has_the_fingerprints_of_its_tested_versions(host: str) -> None:
    assert known_code(host)


def test_newest_releases_are_tried_with_the_suites_that_take_any_release() -> None:
    suites = HERE.parent / "downstream" / "suites.py"
    (releases,) = re.findall(
        r"^RELEASES.*? = \{$(.*?)^\}", suites.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    (listed,) = re.findall(r"^WITH_SUITES = (.*)$", (HERE / "newest.py").read_text("utf-8"), re.MULTILINE)
    assert ast.literal_eval(listed) == set(re.findall(r'^    "(\w+)":', releases, re.MULTILINE))


@pytest.mark.skipif(not WORKFLOW.exists(), reason="no workflows here")
def test_every_host_is_in_the_workflow_that_looks_for_releases() -> None:
    (listed,) = re.findall(r"^ +host: \[(.*)\]$", WORKFLOW.read_text("utf-8"), re.MULTILINE)
    assert sorted(listed.split(", ")) == sorted(known_hosts())

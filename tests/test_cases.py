"""The list of cases that broke other implementations, and the tests that it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CASES = [
    (int(found[1]), re.findall(r"\]\(([^)]+)\)", found[2]))
    for line in (TESTS / "CASES.md").read_text().splitlines()
    if (found := re.match(r"\| (\d+) \|.*\| ([^|]+) \|$", line))
]
NUMBERED = {
    path.relative_to(TESTS).as_posix(): {int(number) for number in re.findall(r"def test_case_(\d+)", source)}
    for path in TESTS.rglob("test_*.py")
    if "def test_case_" in (source := path.read_text())
}


def test_every_number_occurs_once() -> None:
    assert [number for number, _ in CASES] == list(range(1, len(CASES) + 1))


@pytest.mark.parametrize(("number", "files"), CASES, ids=[str(number) for number, _ in CASES])
def test_a_case_names_files_with_tests(number: int, files: list[str]) -> None:
    assert files
    for file in files:
        assert "def test_" in (TESTS / file).read_text()


def test_a_test_with_a_number_is_where_the_list_says() -> None:
    listed = {(number, file) for number, files in CASES for file in files}
    assert {(number, file) for file, numbers in NUMBERED.items() for number in numbers} <= listed


def test_each_of_the_first_cases_has_tests_with_its_number() -> None:
    numbers = set().union(*NUMBERED.values())
    assert set(range(1, 37)) <= numbers

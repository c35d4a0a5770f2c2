"""docs/raft-in-this-code.md: whatever it names exists, and every rule has a test that shows it."""

import ast
import re

import pytest

from raftlock.raft.rules import Rules
from tests.house import ROOT, parsed, python_files

PAGE = ROOT / "docs" / "raft-in-this-code.md"
LINES = PAGE.read_text(encoding="utf-8").splitlines()
LINK = re.compile(r"\[`([\w.]+)`\]\(([^)]+)\)")
LINKS = sorted(set(LINK.findall("\n".join(LINES))))
CODE = ("../raftlock/raft/", "../raftlock/lock/")
LINES_MAX = 130


def defined_in(body, prefix=""):
    """The names of all functions, classes and methods, as `Class.method`."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield prefix + node.name
        if isinstance(node, ast.ClassDef):
            yield from defined_in(node.body, f"{prefix}{node.name}.")


@pytest.mark.parametrize(("name", "link"), LINKS)
def test_what_the_page_names_is_there(name, link):
    path = (PAGE.parent / link).resolve()
    assert path.is_file()
    assert name in set(defined_in(parsed(path).body))


def test_each_row_leads_to_the_code_and_to_a_test():
    rows = [line for line in LINES if line.startswith("| ") and "| --- |" not in line]
    rows = [row for row in rows if not row.endswith("| shown by |")]
    assert len(rows) > 25
    for row in rows:
        _, code, shown_by = row.strip("|").rsplit("|", 2)
        places, tests = LINK.findall(code), LINK.findall(shown_by)
        assert places, row
        assert tests, row
        assert all(link.startswith(CODE) for _, link in places)
        assert all(name.startswith("test_") for name, _ in tests)


@pytest.mark.parametrize(("letter", "last"), [("e", 15), ("l", 16), ("p", 9)])
def test_no_numbered_scenario_of_the_core_is_missing(letter, last):
    text = "".join(path.read_text() for path in (ROOT / "tests" / "raft").glob("test_*.py"))
    named = {int(number) for number in re.findall(rf"def test_{letter}(\d+)_", text)}
    assert named == set(range(1, last + 1))


SECTION = re.compile(r"[Ss]ections? [5-8]|Figure \d|[Tt]hesis|5\.\d")


@pytest.mark.parametrize(
    "path", python_files(ROOT / "raftlock" / "raft"), ids=lambda path: path.stem
)
def test_each_file_of_the_core_says_where_it_is_from(path):
    if path.stem != "__init__":
        assert SECTION.search(ast.get_docstring(parsed(path)))


NOT_IN_THE_PAPER = {"time_base", "stamp"}  # cluster time


@pytest.mark.parametrize("name", [name for name in vars(Rules) if not name.startswith("_")])
def test_each_rule_says_where_it_is_from_and_what_it_protects(name):
    text = vars(Rules)[name].__doc__
    assert re.search("[Pp]rotects|breaks", text)
    assert SECTION.search(text) or name in NOT_IN_THE_PAPER


def test_the_page_is_one_page():
    assert len(LINES) <= LINES_MAX

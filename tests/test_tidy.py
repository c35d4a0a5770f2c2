"""The limits that keep the house readable. They may be tightened, not loosened."""

import ast
import re

import pytest

from tests.house import (
    PACKAGES,
    ROOT,
    code_lines,
    named,
    parsed,
    project_files,
    python_files,
)

CORE_LINES_MAX = 3500  # raft/ and lock/ together: what a reader has to know
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
TOP_LEVEL_NAMES_MAX = 35

# Written so that none of them finds itself: this file is looked at too.
UNFINISHED = re.compile(r"TO[D]O|FIX[M]E|\bX[X]X\b")
ONE_MACHINE_ONLY = re.compile(
    r"pypi[.]org|pythonhosted[.]org|npmjs[.](?:org|com)|deb[.]debian[.]org"
    r"|(?<![\w.~])/(?:[r]oot/|[w]ork\b|[h]ome/(?!jovyan\b))"
)
# An address that only names an XML namespace is never fetched.
FETCHED_ADDRESS = re.compile(r"(?:https?:)?//(?!www\.w3\.org/|127\.0\.0\.1:)[\w-]+(?:\.[\w-]+)+")

BINARY = {".png", ".ico", ".woff2"}


def code_of_all_packages():
    return python_files(*PACKAGES)


def test_there_is_something_to_measure():
    for package in PACKAGES:
        assert python_files(package), f"{named(package)} has no Python"


def test_the_core_can_be_read_in_a_sitting():
    core = python_files(ROOT / "raftlock" / "raft", ROOT / "raftlock" / "lock")
    assert sum(len(code_lines(path)) for path in core) < CORE_LINES_MAX


def test_files_are_short():
    lengths = {named(path): len(code_lines(path)) for path in code_of_all_packages()}
    assert {name: n for name, n in lengths.items() if n >= FILE_LINES_MAX} == {}


def test_functions_are_short():
    too_long = {}
    for path in code_of_all_packages():
        lines = code_lines(path)
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = len(lines & set(range(node.lineno, node.end_lineno + 1)))
                if length >= FUNCTION_LINES_MAX:
                    too_long[f"{named(path)}:{node.lineno} {node.name}"] = length
    assert too_long == {}


def test_every_package_says_what_is_public():
    silent = [
        named(path)
        for path in code_of_all_packages()
        if path.name == "__init__.py" and "__all__" not in top_level_names(path)
    ]
    assert silent == []


def top_level_names(path):
    targets = []
    for node in parsed(path).body:
        if isinstance(node, ast.Assign):
            targets += node.targets
        elif isinstance(node, ast.AnnAssign):
            targets.append(node.target)
    return {target.id for target in targets if isinstance(target, ast.Name)}


def test_the_public_names_are_few_and_exist():
    import raftlock

    assert 0 < len(raftlock.__all__) <= TOP_LEVEL_NAMES_MAX
    assert sorted(set(raftlock.__all__)) == sorted(raftlock.__all__)
    assert [name for name in raftlock.__all__ if not hasattr(raftlock, name)] == []


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(UNFINISHED, id="nothing is left to be done later"),
        pytest.param(ONE_MACHINE_ONLY, id="no path or registry of one machine"),
    ],
)
def test_no_file_says(pattern):
    assert list(found_in(pattern, project_files())) == []


def test_panels_load_nothing_from_outside():
    static = ROOT / "widgets" / "raftlock_widgets" / "static"
    front_end = [path for path in static.rglob("*") if path.suffix in {".js", ".css", ".html"}]
    assert front_end, f"{named(static)} has no front end"
    assert list(found_in(FETCHED_ADDRESS, front_end)) == []


def found_in(pattern, paths):
    for path in paths:
        if path.suffix in BINARY:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if pattern.search(line):
                yield f"{named(path)}:{number}: {line.strip()[:100]}"

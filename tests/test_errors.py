"""The tree in errors.py is the one that its docstring draws, under the original's numbers."""

import inspect
import re

import pytest

from raftlock import errors
from raftlock.errors import (
    ErrorCode,
    InternalError,
    InvalidArgument,
    RaftLockError,
    ServiceError,
    UnknownNode,
    error_from_code,
)

ORIGINAL = {
    "OK": 1,
    "LOCK_HELD": 101,
    "LOCK_NOT_HELD": 102,
    "NOT_LOCK_OWNER": 103,
    "VERSION_MISMATCH": 104,
    "LOCK_NOT_FOUND": 105,
    "INVALID_TTL": 106,
    "WAIT_QUEUE_FULL": 107,
    "NOT_WAITING": 108,
    "NOT_LEADER": 201,
    "NO_LEADER": 202,
    "REPLICATION_FAILURE": 203,
    "TIMEOUT": 301,
    "RATE_LIMITED": 302,
    "UNAVAILABLE": 303,
    "INTERNAL_ERROR": 304,
    "INVALID_ARGUMENT": 305,
    "PERMISSION_DENIED": 306,
}
ADDED = {
    "BUSY": 400,
    "SESSION_EXPIRED": 401,
    "NOT_IN_THIS_RUNTIME": 402,
    "WAIT_TIMED_OUT": 403,
    "WAIT_CANCELLED": 404,
    "TOO_MANY": 405,
    "COMPACTED": 406,
}
DRAWN = re.compile(r"^(?P<stem>[ │├└─]*)(?P<name>[A-Z]\w+)(?: +(?P<code>\d{3})\b)?")

CLASSES = {
    name: kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, RaftLockError)
}


def drawing():
    """The classes of the drawing: name, the name it hangs under, and its code if it has one."""
    found = []
    above = []
    lines = inspect.cleandoc(errors.__doc__ or "").split("::\n\n")[1].split("\n\n")[0].splitlines()
    for line in map(DRAWN.match, lines):
        assert line is not None
        depth = (len(line["stem"]) - 4) // 4
        above[depth:] = [line["name"]]
        code = line["code"] and int(line["code"])
        found.append((line["name"], above[depth - 1] if depth else "", code))
    return found


def test_the_drawing_has_every_class_and_no_other():
    assert sorted(name for name, _, _ in drawing()) == sorted(CLASSES)


@pytest.mark.parametrize(("name", "parent", "code"), drawing())
def test_the_drawing_shows_the_tree(name, parent, code):
    kind = CLASSES[name]
    if name == "UnknownNode":
        assert issubclass(kind, InvalidArgument)  # as its line says in words
    elif parent:
        assert kind.__bases__[0] is CLASSES[parent]
    if code is not None:
        assert kind.code == code
    elif issubclass(kind, ServiceError):
        assert kind in (ServiceError, UnknownNode)


def test_the_codes_are_the_originals_and_ours_from_400_on():
    assert {code.name: int(code) for code in ErrorCode} == {"UNSPECIFIED": 0} | ORIGINAL | ADDED
    assert len(ORIGINAL) == 17 + 1  # OK is no error


@pytest.mark.parametrize("code", [code for code in ErrorCode if code > ErrorCode.OK])
def test_every_code_has_its_class(code):
    error = error_from_code(int(code), "Because.", {"why": "so"})
    assert type(error).code is code
    assert type(error) is not ServiceError
    assert (error.message, str(error), error.details) == ("Because.", "Because.", {"why": "so"})


@pytest.mark.parametrize("code", [0, 1, 99, 999, -1])
def test_a_code_that_names_no_error_is_an_internal_error(code):
    error = error_from_code(code, "Odd.")
    assert type(error) is InternalError
    assert error.message == f"Odd. (error code {code})"
    assert error.details == {}


def test_a_wrong_argument_is_a_value_error_too():
    with pytest.raises(ValueError, match="no node"):
        raise UnknownNode("There is no node n9.")


def test_everything_public_is_listed():
    assert set(errors.__all__) == {*CLASSES, "ErrorCode", "error_from_code"}


def test_details_are_a_copy():
    given = {"leader": "n2"}
    error = RaftLockError("x", given)
    given["leader"] = "n3"
    assert error.details == {"leader": "n2"}

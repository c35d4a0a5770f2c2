"""What clients are told: once, and only what the log did."""

import pytest

from tests.check.test_locks import Table, acquire, lock

RELEASE = {"op": "release", "lock_id": "printer", "client_id": "alice", "version": 1}


@pytest.fixture
def table():
    """Alice has the printer with token 1, by her request r1."""
    told = Table()
    call(told, "acquire", "r1")
    told.entry(0, acquire("alice", request_id="r1"), lock("alice", 1, 1_000))
    return told


def call(table, op, request, client="alice", at=None, **more):
    about = {"client": client, "op": op, "lock": "printer", "request_id": request}
    table.tell(f"client:{client}", "client_call", at=at, **about, **more)


def answer(table, op, request, status, client="alice", **more):
    about = {"client": client, "op": op, "lock": "printer", "request_id": request}
    table.tell(f"client:{client}", "client_return", status=status, **about, **more)


GRANTED = {"result": "granted", "token": 1}


def test_an_answer_that_is_true(table):
    answer(table, "acquire", "r1", "ok", **GRANTED)
    assert table.found() == []


@pytest.mark.parametrize("status", ["ok", "fail", "unknown"])
def test_nobody_is_answered_twice(table, status):
    answer(table, "acquire", "r1", "ok", **GRANTED)
    answer(table, "acquire", "r1", status, **(GRANTED if status == "ok" else {}))
    assert "answered once" in table.found()


def test_nobody_is_answered_who_has_not_asked(table):
    answer(table, "acquire", "r1", "ok", **GRANTED)
    answer(table, "release", "r9", "unknown", client="bob")
    assert table.found() == ["answered once"]


def test_who_asks_twice_is_answered_twice(table):
    answer(table, "acquire", "r1", "unknown")
    call(table, "acquire", "r1")
    answer(table, "acquire", "r1", "ok", **GRANTED)
    assert table.found() == []


@pytest.mark.parametrize(
    ("told", "broken"),
    [
        ({"result": "released", "token": 1}, []),
        ({"result": "released", "token": 2}, ["fencing"]),
        ({"result": "renewed", "token": 1}, ["exactly once"]),
    ],
)
def test_who_is_told_that_something_was_done_finds_it_in_the_log(table, told, broken):
    call(table, "release", "r2")
    table.entry(5, RELEASE | {"request_id": "r2"}, lock())
    answer(table, "release", "r2", "ok", **told)
    assert table.found() == broken


def test_what_was_never_in_the_log_was_not_done(table):
    call(table, "release", "r2")
    answer(table, "release", "r2", "ok", result="released", token=1)
    assert table.found() == ["exactly once"]


def test_a_grant_is_of_the_request_that_it_answers(table):
    """The hold is Alice's, and it was another request that got it."""
    call(table, "acquire", "r2")
    answer(table, "acquire", "r2", "ok", **GRANTED)
    assert table.found() == ["exactly once"]


def test_nobody_is_told_that_it_failed_which_was_done(table):
    answer(table, "acquire", "r1", "fail", code=101)
    assert table.found() == ["exactly once"]


def test_what_was_refused_may_be_told_so(table):
    call(table, "acquire", "r2", client="bob")
    table.entry(5, acquire("bob", request_id="r2"))
    answer(table, "acquire", "r2", "fail", client="bob", code=101)
    assert table.found() == []


def test_a_call_that_repeats_an_id_may_fail_by_itself(table):
    answer(table, "acquire", "r1", "unknown")
    call(table, "acquire", "r1")
    answer(table, "acquire", "r1", "fail", code=303)
    assert table.found() == []


SESSION = {"session_id": 1, "lowest_unanswered": 1}


def in_session():
    """A session is entry 1; what Alice asks for the second time is entry 3."""
    table = Table()
    table.entry(0, {"op": "open_session", "client_id": "alice", "request_id": "s"})
    call(table, "acquire", "r1")
    asked = acquire("alice", request_id="r1", sequence=1, **SESSION)
    table.entry(0, asked, lock("alice", 2, 1_000))
    table.entry(5, asked)
    return table


@pytest.mark.parametrize(("token", "broken"), [(2, []), (3, ["fencing"])])
def test_a_retry_gets_the_answer_of_the_first_time(token, broken):
    table = in_session()
    answer(table, "acquire", "r1", "ok", result="granted", token=token)
    assert table.found() == broken


def test_a_wait_that_was_granted_is_answered_by_the_entry_that_freed_the_lock(table):
    call(table, "acquire", "r2", client="bob")
    waits = acquire("bob", wait=True, wait_timeout=5_000, request_id="r2")
    table.entry(5, waits, lock("alice", 1, 1_000, [("bob", 0, 2, 5_005)]))
    table.entry(9, RELEASE, lock("bob", 3, 1_009))
    answer(table, "acquire", "r2", "ok", client="bob", result="granted", token=3)
    assert table.found() == []


def test_a_wait_that_is_still_in_the_queue_was_not_granted(table):
    call(table, "acquire", "r2", client="bob")
    waits = acquire("bob", wait=True, wait_timeout=5_000, request_id="r2")
    table.entry(5, waits, lock("alice", 1, 1_000, [("bob", 0, 2, 5_005)]))
    answer(table, "acquire", "r2", "ok", client="bob", result="granted", token=3)
    assert table.found() == ["fencing"]


@pytest.mark.parametrize(
    ("until", "told", "broken"),
    [
        pytest.param(2_900_000, {"time_ms": 1_000}, [], id="there was little time"),
        pytest.param(3_500_000, {"time_ms": 1_000}, ["answered once"], id="there was time"),
        pytest.param(3_500_000, {}, [], id="it would wait for ever"),
    ],
)
def test_a_call_is_answered_once_its_time_is_up(until, told, broken):
    table = Table()
    call(table, "acquire", "r1", at=1_000_000, **told)
    table.tell("n1", "timer_set", at=until)
    assert [each.property for each in table.checked().violations] == broken


@pytest.mark.parametrize("thawed_at", [0, 3_000_000, 2_100_000])
def test_a_client_that_stood_still_has_time_from_then_on(thawed_at):
    table = Table()
    call(table, "acquire", "r1", at=1_000_000, time_ms=1_000)
    table.tell("client:alice", "node", at=1_500_000, state="frozen", what="frozen")
    if thawed_at:
        table.tell("client:alice", "node", at=thawed_at, state="up", what="thawed")
    table.tell("n1", "timer_set", at=3_500_000)
    found = [each.property for each in table.checked().violations]
    assert found == (["answered once"] if thawed_at == 2_100_000 else [])


def test_what_a_read_came_to_is_for_the_history_to_judge(table):
    call(table, "get_lock_info", "r9")
    answer(table, "get_lock_info", "r9", "ok", result="info", owner="alice", token=1)
    assert table.found() == []

import pytest

from raftlock.check.history import (
    Answer,
    Operation,
    by_lock,
    lock_history,
    resource_history,
    seconds,
)
from raftlock.check.linearizability import judge
from raftlock.check.objects import FencedRegister, LockObject
from raftlock.errors import ErrorCode, InvalidArgument
from raftlock.types.events import TraceEvent


def trace(text):
    """One event a line, 100 ms apart: ``alice acquire r1 ttl=5000`` asks under request id r1,
    ``alice acquire r1 -> granted 7`` or ``-> LOCK_HELD`` or ``-> ?`` is what came of it,
    ``bob get_lock_info r2 -> info 7 alice`` is a look, and ``alice believes 7`` is what alice
    believes to hold.
    """
    lines = enumerate(filter(None, map(str.strip, text.splitlines())), 1)
    return [event(number, *line.partition("->")[::2]) for number, line in lines]


def event(number, asked, told):
    client, op, *rest = asked.split()
    data = {"client": client, "lock": "printer"}
    if op == "believes":
        kind, data["token"] = "belief", int(rest[0])
    elif op == "writes":
        kind = "storage"
        data |= {"token": int(rest[0]), "accepted": rest[1] == "accepted"}
    else:
        data |= {"op": op, "request_id": rest[0]}
        data |= {key: int(value) for key, value in (each.split("=") for each in rest[1:])}
        kind = "client_return" if told else "client_call"
        data |= outcome(*told.split()) if told else {}
    return TraceEvent(number, number * 100_000, f"client:{client}", kind, 0, data)


def outcome(word, token="0", *owner):
    if word == "info":
        about = {"owner": "".join(owner), "token": int(token)}
        return {"status": "ok", "text": "", "result": word, **about}
    if word == "?":
        return {"status": "unknown", "text": "no answer in time"}
    if word.isupper():
        return {"status": "fail", "text": "no", "code": int(ErrorCode[word])}
    return {"status": "ok", "text": word, "result": word, "token": int(token)}


def drawn(operations):
    return [(str(each), each.may_be_taken_back) for each in operations]


# ---- calls and returns ----


def test_a_call_and_its_return_are_an_interval():
    (operation,) = lock_history(
        trace("""
        alice acquire r1 ttl=5000
        alice acquire r1 -> granted 7""")
    )
    assert (operation.client, operation.op, operation.lock) == ("alice", "acquire", "printer")
    assert (operation.call, operation.returned) == ((100_000, 1), (200_000, 2))
    assert operation.answer == Answer("granted", 7)
    assert operation.arguments["ttl"] == 5_000
    assert str(operation) == "alice's acquire (0.100 s to 0.200 s: granted, token 7)"


def test_a_return_that_another_clock_puts_before_its_call_is_at_once():
    call, told = trace("alice acquire r1\nalice acquire r1 -> granted 7")
    (operation,) = lock_history([call, told._replace(t=0)])
    assert operation.returned == operation.call


def test_operations_come_in_the_order_of_their_calls():
    history = lock_history(
        trace("""
        bob acquire r1
        alice acquire r2
        alice acquire r2 -> granted 7
        alice release r3 version=7
        bob acquire r1 -> granted 8
        alice release r3 -> released 7""")
    )
    assert drawn(history) == [
        ("bob's acquire (0.100 s to 0.500 s: granted, token 8)", False),
        ("alice's acquire (0.200 s to 0.300 s: granted, token 7)", False),
        ("alice's release of token 7 (0.400 s to 0.600 s: released, token 7)", False),
    ]


@pytest.mark.parametrize(
    "code",
    [
        "LOCK_HELD",
        "LOCK_NOT_HELD",
        "NOT_LOCK_OWNER",
        "VERSION_MISMATCH",
        "WAIT_QUEUE_FULL",
        "WAIT_TIMED_OUT",
        "WAIT_CANCELLED",
    ],
)
def test_a_refusal_that_tells_of_the_lock_is_an_answer(code):
    (operation,) = lock_history(trace(f"alice acquire r1\nalice acquire r1 -> {code}"))
    assert operation.answer == Answer(code.lower())


@pytest.mark.parametrize("code", ["INVALID_TTL", "NOT_WAITING", "TOO_MANY"])
def test_a_refusal_that_tells_nothing_is_dropped(code):
    assert lock_history(trace(f"alice acquire r1\nalice acquire r1 -> {code}")) == ()


@pytest.mark.parametrize(
    "told",
    [
        pytest.param("", id="it never returned"),
        pytest.param("alice acquire r1 -> ?", id="it timed out"),
        pytest.param("alice acquire r1 -> UNAVAILABLE", id="its client was closed meanwhile"),
        pytest.param("alice acquire r1 -> INVALID_ARGUMENT", id="its answer was forgotten"),
        pytest.param("alice acquire r1 -> SESSION_EXPIRED", id="its session ended"),
    ],
)
def test_what_may_have_been_done_is_open(told):
    (operation,) = lock_history(trace(f"alice acquire r1\n{told}"))
    assert (operation.returned, operation.answer) == (None, None)
    assert str(operation) == "alice's acquire (0.100 s, no answer)"


@pytest.mark.parametrize(
    "data", [{"status": "ok"}, {"status": "fail"}, {"status": "fail", "code": 9_999}]
)
def test_an_answer_in_words_that_are_not_known_leaves_it_open(data):
    about = {"client": "alice", "op": "acquire", "lock": "printer", "request_id": "r1"}
    events = [
        TraceEvent(1, 0, "client:alice", "client_call", 0, about),
        TraceEvent(2, 0, "client:alice", "client_return", 0, about | data),
    ]
    (operation,) = lock_history(events)
    assert operation.answer is None


def test_open_requests_that_take_no_lock_from_anybody_are_left_out():
    assert (
        lock_history(
            trace("""
        alice renew r1 version=3
        alice cancel_wait r2
        alice cancel_wait r2 -> ?""")
        )
        == ()
    )


def test_a_look_is_an_operation():
    history = lock_history(
        trace("""
        bob get_lock_info r1
        carol get_lock_info r2
        bob get_lock_info r1 -> info 7 alice
        carol get_lock_info r2 -> info""")
    )
    assert [each.answer for each in history] == [Answer("info", 7, "alice"), Answer("info")]
    assert [str(each) for each in history] == [
        "bob's look (0.100 s to 0.300 s: alice has it, token 7)",
        "carol's look (0.200 s to 0.400 s: free)",
    ]
    assert not any(each.may_be_taken_back for each in history)


@pytest.mark.parametrize(
    "told",
    [
        pytest.param("", id="it never returned"),
        pytest.param("bob get_lock_info r1 -> ?", id="it timed out"),
        pytest.param("bob get_lock_info r1 -> UNAVAILABLE", id="its client was closed meanwhile"),
        pytest.param("bob get_lock_info r1 -> LOCK_NOT_HELD", id="it was refused"),
        pytest.param("bob get_lock_info r1 -> looked", id="it was told something unknown"),
    ],
)
def test_a_look_that_was_not_answered_is_left_out(told):
    assert lock_history(trace(f"bob get_lock_info r1\n{told}")) == ()


def test_what_is_not_about_a_lock_is_passed_over():
    events = trace("""
        alice open_session r1
        alice open_session r1 -> session_opened
        alice writes 3 accepted""")
    assert lock_history(events) == ()


def test_a_trace_without_its_beginning_is_refused():
    with pytest.raises(InvalidArgument, match="alice is answered its acquire of printer"):
        lock_history(trace("alice acquire r1 -> granted 7"))


# ---- one request id, one operation ----


def test_a_request_that_is_repeated_is_one_operation():
    (operation,) = lock_history(
        trace("""
        alice release r1 version=3
        alice release r1 -> ?
        alice release r1 version=3
        alice release r1 -> released 3""")
    )
    assert (operation.call[1], operation.returned[1]) == (1, 4)
    assert operation.answer == Answer("released", 3)


def test_a_call_for_a_lock_that_was_given_up_stays_open_beside_the_next():
    withdrawn, operation = lock_history(
        trace("""
        alice acquire r1
        alice acquire r1 -> ?
        alice acquire r1
        alice acquire r1 -> granted 7""")
    )
    assert (operation.call[1], operation.returned[1]) == (1, 4)
    assert operation.answer == Answer("granted", 7)
    assert operation.may_be_taken_back
    # It may have been granted, given back, and asked for anew.
    assert (withdrawn.call[1], withdrawn.answer) == (1, None)
    assert withdrawn.may_be_taken_back


def test_repeated_and_open_again_it_is_open_from_its_first_call():
    (operation,) = lock_history(
        trace("""
        alice release r1 version=3
        alice release r1 -> ?
        alice release r1 version=3""")
    )
    assert (operation.call[1], operation.answer) == (1, None)
    assert not operation.may_be_taken_back


@pytest.mark.parametrize(
    ("again", "may_be_taken_back"), [("granted 7", False), ("?", True), ("TOO_MANY", False)]
)
def test_asked_again_after_its_answer_it_is_what_it_was(again, may_be_taken_back):
    (operation,) = lock_history(
        trace(f"""
        alice acquire r1
        alice acquire r1 -> granted 7
        alice acquire r1
        alice acquire r1 -> {again}""")
    )
    assert operation.returned[1] == 2
    assert operation.may_be_taken_back is may_be_taken_back


def test_another_answer_is_an_operation_of_its_own():
    history = lock_history(
        trace("""
        alice acquire r1 ttl=60000
        alice acquire r1 -> granted 7
        alice acquire r1 ttl=60000
        alice acquire r1 -> granted 8""")
    )
    assert [each.answer.token for each in history] == [7, 8]
    assert not judge(history, LockObject()).holds, "it was done twice"


def test_request_ids_are_each_clients_own():
    history = lock_history(
        trace("""
        alice acquire r1
        alice acquire r1 -> granted 7
        bob acquire r1
        bob acquire r1 -> LOCK_HELD""")
    )
    assert [each.client for each in history] == ["alice", "bob"]


# ---- what is given back without a word ----


def test_a_hold_no_longer_believed_in_may_have_been_given_back():
    events = trace("""
        alice acquire r1 ttl=60000
        alice acquire r1 -> granted 7
        alice believes 7
        alice believes 0
        bob acquire r2 ttl=60000
        bob acquire r2 -> granted 8""")
    history = lock_history(events)
    assert str(history[1]) == "alice's release of token 7 (0.400 s, no answer)"
    assert judge(history, LockObject()).holds
    told_nothing = [event for event in events if event.kind != "belief"]
    assert not judge(lock_history(told_nothing), LockObject()).holds


def test_a_hold_that_was_released_is_given_back_once():
    history = lock_history(
        trace("""
        alice believes 7
        alice release r1 version=7
        alice release r1 -> released 7
        alice believes 0
        bob believes 0""")
    )
    assert [each.call[1] for each in history] == [2]


# ---- parts, words ----


def test_the_parts_of_a_history_by_lock():
    one, two, three = (Operation("alice", "acquire", lock, (0, 0)) for lock in ("b", "a", "b"))
    assert by_lock([one, two, three]) == {"a": (two,), "b": (one, three)}
    assert list(by_lock([one, two])) == ["a", "b"]


def test_an_operation_cannot_be_answered_before_it_is_asked():
    with pytest.raises(AssertionError):
        Operation("alice", "acquire", "printer", (5, 0), (4, 0), Answer("granted", 1))
    with pytest.raises(AssertionError):
        Operation("alice", "acquire", "printer", (5, 0), (6, 0))


def test_words_for_moments_and_answers():
    assert seconds((61_002_999, 4)) == "61.002 s"
    assert str(Answer("wait_timed_out")) == "wait timed out"
    assert str(Answer("value", 0, "x")) == "value 'x'"


# ---- what the locks protect ----


def test_writes_on_what_a_lock_protects():
    events = trace("""
        alice writes 3 accepted
        bob writes 4 accepted
        alice writes 3 refused
        alice acquire r1""")
    history = resource_history(events)
    assert [str(each) for each in history] == [
        "alice's write of token 3 (0.100 s to 0.100 s: accepted)",
        "bob's write of token 4 (0.200 s to 0.200 s: accepted)",
        "alice's write of token 3 (0.300 s to 0.300 s: refused)",
    ]
    assert judge(history, FencedRegister()).holds
    assert not judge(resource_history(events[:1] + events[2:]), FencedRegister()).holds

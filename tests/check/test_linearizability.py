from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raftlock.check.linearizability import (
    Operation,
    _State,
    _step,
    check_history,
    history_of,
    is_linearizable,
)
from raftlock.types.events import TraceEvent
from raftlock.types.ids import Micros, NodeID
from tests.check.histories import history

LEGAL = {
    "nothing at all": "",
    "one after the other": """
        alice acquire 0-1 ok 1
        alice release 2-3 ok 1
        bob acquire 4-5 ok 2""",
    "overlapping, in the order of the answers": """
        alice acquire 0-9 ok 1
        bob acquire 1-8 ok 2
        alice release 3-4 ok 1""",
    "refused while another holds it": """
        alice acquire 0-1 ok 1
        bob acquire 2-3 no
        alice release 4-5 ok 1""",
    "a waiter gets it when it comes free": """
        alice acquire 0-1 ok 1
        bob acquire 2-9 ok 2
        alice release 4-5 ok 1""",
    "an unknown acquire that happened": """
        alice acquire 0-?
        bob acquire 2-3 no""",
    "an unknown acquire that did not happen": """
        alice acquire 0-?
        bob acquire 2-3 ok 1""",
    "an unknown release that happened late": """
        alice acquire 0-1 ok 1
        alice release 2-? 1
        bob acquire 3-4 no
        bob acquire 5-6 ok 2""",
    "the time to live ended": """
        alice acquire 0-1 ok 1
        alice expire 10-? 1
        bob acquire 12-13 ok 2
        alice release 14-15 no 1""",
    "acquired again by its holder, with the same token": """
        alice acquire 0-1 ok 1
        alice acquire 2-3 ok 1
        alice release 4-5 ok 1""",
    "renewed, and so still held after the first lease": """
        alice acquire 0-1 ok 1
        alice expire 10-? 1
        alice renew 5-6 ok 1
        bob acquire 12-13 no""",
    "a renewal of what had ended is refused": """
        alice acquire 0-1 ok 1
        alice expire 10-? 1
        alice renew 11-12 no 1""",
    "an unknown grant, released by a token nobody was told": """
        alice acquire 0-?
        alice release 2-3 ok 7
        bob acquire 4-5 ok 8""",
    "a release with an old token is refused": """
        alice acquire 0-1 ok 1
        alice release 2-3 ok 1
        alice acquire 4-5 ok 2
        alice release 6-7 no 1""",
}

ILLEGAL = {
    "two at once": """
        alice acquire 0-1 ok 1
        bob acquire 2-3 ok 2""",
    "granted before it was released": """
        alice acquire 0-1 ok 1
        bob acquire 2-3 ok 2
        alice release 4-5 ok 1""",
    "refused although it is free": """
        alice acquire 0-1 ok 1
        alice release 2-3 ok 1
        bob acquire 4-5 no""",
    "a token used twice": """
        alice acquire 0-1 ok 1
        alice release 2-3 ok 1
        bob acquire 4-5 ok 1""",
    "a token that went back": """
        alice acquire 0-1 ok 5
        alice release 2-3 ok 5
        bob acquire 4-5 ok 4""",
    "released by somebody else": """
        alice acquire 0-1 ok 1
        bob release 2-3 ok 1""",
    "released twice": """
        alice acquire 0-1 ok 1
        alice release 2-3 ok 1
        alice release 4-5 ok 1""",
    "a release refused to the holder": """
        alice acquire 0-1 ok 1
        alice release 2-3 no 1""",
    "ended before its time": """
        alice acquire 0-1 ok 1
        alice expire 10-? 1
        bob acquire 5-6 ok 2""",
    "ended by the lease before its renewal": """
        alice acquire 0-1 ok 1
        alice renew 2-3 ok 1
        alice expire 10-? 1
        bob acquire 12-13 ok 2""",
    "acquired again with another token": """
        alice acquire 0-1 ok 1
        alice acquire 2-3 ok 2""",
    "a renewal of what nobody holds": """
        alice renew 0-1 ok 1""",
    "an acknowledged acquire that nobody sees": """
        alice acquire 0-1 ok 1
        bob acquire 2-3 ok 2
        bob release 4-5 ok 2
        alice release 6-7 ok 1""",
    "an unknown release cannot have happened before it was asked": """
        alice acquire 0-1 ok 1
        bob acquire 2-3 ok 2
        alice release 4-? 1""",
}


@pytest.mark.parametrize("name", LEGAL)
def test_legal(name):
    assert is_linearizable(history(LEGAL[name])) is True


@pytest.mark.parametrize("name", ILLEGAL)
def test_illegal(name):
    assert is_linearizable(history(ILLEGAL[name])) is False


def brute_force(operations):
    """Every order of every choice of the open calls."""
    needed = [each for each in operations if each.end is not None]
    optional = [each for each in operations if each.end is None]
    for chosen in range(1 << len(optional)):
        taken = needed + [each for place, each in enumerate(optional) if chosen >> place & 1]
        for order in permutations(taken):
            if keeps_real_time(order) and runs(order):
                return True
    return False


def keeps_real_time(order):
    return not any(
        later.end is not None and later.end < earlier.call
        for place, earlier in enumerate(order)
        for later in order[place + 1 :]
    )


def runs(order):
    state = _State()
    for call in order:
        state = _step(state, call)
        if state is None:
            return False
    return True


calls = st.builds(
    Operation,
    client=st.sampled_from(["a", "b"]),
    op=st.sampled_from(["acquire", "release", "renew", "expire"]),
    call=st.integers(0, 8),
    end=st.none() | st.integers(8, 14),
    ok=st.booleans(),
    token=st.integers(0, 3),
    lease=st.integers(1, 3),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(calls, max_size=6))
def test_it_finds_what_trying_every_order_finds(operations):
    operations = [
        each if each.op != "expire" else Operation(each.client, "expire", each.call, None, lease=1)
        for each in operations
    ]
    assert is_linearizable(operations) is brute_force(operations)


def event(seq, kind, **data):
    about = {"client": "alice", "lock": "printer", "op": "acquire", "request_id": "r1"}
    return TraceEvent(seq, Micros(seq * 1_000), NodeID("client:alice"), kind, 0, about | data)


def test_a_history_is_read_from_a_trace():
    events = [
        event(1, "client_call", ttl=2_000),
        event(2, "client_return", status="ok", result="granted", token=3),
        event(3, "client_call", op="release", request_id="r2", version=3),
        event(4, "client_return", op="release", request_id="r2", status="unknown"),
        event(5, "client_call", op="cancel_wait", request_id="r3"),
        event(6, "client_return", op="cancel_wait", request_id="r3", status="fail", code=108),
    ]
    operations = history_of(events)["printer"]
    assert [(each.op, each.end, each.token) for each in operations] == [
        ("acquire", 2_000, 3),
        ("expire", None, 0),
        ("release", None, 3),
        ("expire", None, 3),
    ]
    assert check_history(events) == []


def test_two_holders_in_a_trace_are_found():
    events = [
        event(1, "client_call", ttl=2_000),
        event(2, "client_return", status="ok", result="granted", token=3),
        event(3, "client_call", client="bob", request_id="r2", ttl=2_000),
        event(4, "client_return", client="bob", request_id="r2", status="ok", token=4),
    ]
    (found,) = check_history(events)
    assert found.property == "linearizability"


def test_what_is_too_long_is_said_to_be():
    events = []
    for number in range(0, 400, 2):
        about = {"request_id": f"r{number}", "op": "release", "version": 1}
        events.append(event(number + 1, "client_call", **about))
        events.append(event(number + 2, "client_return", status="fail", code=102, **about))
    events.append(event(999, "client_call", request_id="last", ttl=1_000))
    (found,) = check_history(events)
    assert found.property == "not judged"

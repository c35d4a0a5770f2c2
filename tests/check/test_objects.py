"""The specifications one step at a time; whole histories are in test_linearizability.py."""

from dataclasses import replace

import pytest

from raftlock.check.history import START, Answer, Operation
from raftlock.check.linearizability import Verdict, judge
from raftlock.check.objects import FencedRegister, LockObject, LockState, RegisterState
from tests.check.drawing import drawn

NOW = (10_000_000, 3)
FREE = LockState(last=4)
ALICE = LockState("alice", 5, ends=(20_000_000, 0), last=5)
ALICE_ENDING = ALICE._replace(ends=START)
SOMEHOW_ALICE = LockState("alice", 5, is_exact=False, last=5)
NOT_5 = LockState("alice", 6, is_exact=False, last=6)
NOT_6 = SOMEHOW_ALICE._replace(others=frozenset({6}))
NOT_5_NOR_6 = LockState("alice", 7, is_exact=False, last=7)


def step(state, text, thing=None):
    (operation,) = drawn(text)
    operation = replace(operation, call=NOW, returned=operation.returned and NOW)
    then = (thing or LockObject()).after(state, operation, NOW)
    return then._replace(since=START) if isinstance(then, LockState) else then


@pytest.mark.parametrize(
    ("state", "text", "then"),
    [
        (FREE, "bob [acquire 5s: granted 6]", LockState("bob", 6, ends=(14_950_000, 0), last=6)),
        (FREE, "bob [acquire? 5s: granted 6]", LockState("bob", 6, last=6)),
        (FREE, "bob [acquire 5s: granted 4]", None),
        (FREE, "bob [acquire 5s >", LockState("bob", 5, is_exact=False, last=5)),
        (FREE, "bob [acquire 5s: held]", None),
        (ALICE, "bob [acquire 5s: held]", ALICE),
        (ALICE, "bob [wait 5s: timed out]", ALICE),
        (ALICE, "bob [acquire 5s: granted 6]", None),
        (ALICE, "bob [acquire 5s >", ALICE),
        (ALICE, "alice [acquire 5s: held]", None),
        (ALICE, "alice [acquire 5s: granted 5]", ALICE),
        (ALICE, "alice [acquire 90s: granted 5]", ALICE._replace(ends=(99_100_000, 0))),
        (ALICE, "alice [acquire 5s: granted 6]", None),
        (ALICE, "alice [acquire 5s >", ALICE_ENDING),
        (ALICE_ENDING, "alice [acquire 90s: granted 5]", ALICE_ENDING),
        (SOMEHOW_ALICE, "alice [acquire 9s: granted 4]", None),
        (SOMEHOW_ALICE, "alice [acquire 9s: granted 7]", LockState("alice", 7, last=7)),
        (ALICE, "alice [acquire 9s: accepted]", None),
    ],
)
def test_acquiring(state, text, then):
    assert step(state, text) == then


@pytest.mark.parametrize(
    ("state", "text", "then"),
    [
        (ALICE, "alice [release 5: ok]", LockState(last=5)),
        (ALICE, "alice [release 5: ok 5]", LockState(last=5)),
        (ALICE, "alice [release 5: ok 6]", None),
        (ALICE, "alice [release 4: ok]", None),
        (ALICE, "bob [release 5: ok]", None),
        (ALICE, "alice [release 5 >", LockState(last=5)),
        (ALICE, "alice [release 4 >", ALICE),
        (FREE, "alice [release 4 >", FREE),
        (SOMEHOW_ALICE, "alice [release 8: ok]", LockState(last=8)),
        (SOMEHOW_ALICE, "alice [release 4: ok]", None),
        (FREE, "alice [release 5: free]", FREE),
        (ALICE, "alice [release 5: free]", None),
        (ALICE, "bob [release 5: not yours]", ALICE),
        (FREE, "bob [release 5: not yours]", None),
        (ALICE, "alice [release 4: another token]", ALICE),
        (ALICE, "alice [release 5: another token]", None),
        (SOMEHOW_ALICE, "alice [release 4: another token]", SOMEHOW_ALICE),
        (SOMEHOW_ALICE, "alice [release 5: another token]", NOT_5),
        (SOMEHOW_ALICE, "alice [release 6: another token]", NOT_6),
        (NOT_6, "alice [release 5: another token]", NOT_5_NOR_6),
        (NOT_6, "alice [release 6: ok]", None),
        (ALICE, "bob [release 5: held]", None),
    ],
)
def test_releasing(state, text, then):
    assert step(state, text) == then


@pytest.mark.parametrize(
    ("state", "text", "then"),
    [
        (ALICE, "alice [renew 5 90s: ok 5]", ALICE._replace(ends=(99_100_000, 0))),
        (ALICE, "alice [renew 5 1s: ok]", ALICE),
        (ALICE, "alice [renew 5 1s: ok 6]", None),
        (ALICE, "alice [renew 4 1s: ok]", None),
        (ALICE_ENDING, "alice [renew 5 1s: ok]", ALICE_ENDING),
        (SOMEHOW_ALICE, "alice [renew 6 1s: ok]", LockState("alice", 6, last=6)),
        (FREE, "alice [renew 4 1s: free]", FREE),
        (FREE, "alice [renew 4 1s >", None),
    ],
)
def test_renewing(state, text, then):
    assert step(state, text) == then


@pytest.mark.parametrize(
    ("state", "text", "then"),
    [
        (FREE, "bob [look: free]", FREE),
        (FREE, "bob [look: alice 4]", None),
        (ALICE, "bob [look: free]", None),
        (ALICE, "bob [look: alice 5]", ALICE),
        (ALICE, "alice [look: alice 5]", ALICE),
        (ALICE, "bob [look: alice 4]", None),
        (ALICE, "bob [look: bob 5]", None),
        (ALICE_ENDING, "bob [look: alice 5]", ALICE_ENDING),
        (SOMEHOW_ALICE, "bob [look: alice 4]", None),
        (SOMEHOW_ALICE, "bob [look: alice 8]", LockState("alice", 8, last=8)),
        (NOT_6, "bob [look: alice 6]", None),
        (FREE, "bob [look >", FREE),
    ],
)
def test_looking(state, text, then):
    assert step(state, text) == then


def test_a_look_is_not_refused():
    (look,) = drawn("bob [look: free]")
    refused = replace(look, answer=Answer("lock_not_held"))
    assert LockObject().after(FREE, refused, NOW) is None


def test_a_lock_cannot_be_written():
    assert step(FREE, "bob [write 5 x: accepted]") is None


@pytest.mark.parametrize(("state", "then"), [(ALICE, ALICE), (FREE, None)])
def test_leaving_the_queue(state, then):
    assert step(state, "bob [cancel: ok]") == then


def test_time_runs_from_the_stamp_which_may_be_older_than_a_look():
    (look,) = drawn("bob [look: free]")
    (grant,) = drawn("alice [acquire 5s: granted 6]")
    lock, early = LockObject(), (1_000_000, 1)
    after_look = lock.after(FREE, replace(look, call=NOW, returned=NOW), NOW)
    then = lock.after(after_look, replace(grant, call=early, returned=NOW), NOW)
    assert (then.since, then.ends) == (early, (5_950_000, 0))


def test_no_stamp_is_less_than_the_one_before_it():
    (release,) = drawn("alice [release 5: ok]")
    (grant,) = drawn("bob [acquire 5s: granted 6]")
    lock, early = LockObject(), (1_000_000, 1)
    free = lock.after(ALICE, replace(release, call=NOW, returned=NOW), NOW)
    then = lock.after(free, replace(grant, call=early, returned=NOW), NOW)
    assert (then.since, then.ends) == (NOW, (14_950_000, 0))


def test_a_hold_ends_by_itself_and_its_token_is_not_given_again():
    lock = LockObject()
    ends = (20_000_000, 0)
    assert [*lock.by_itself(ALICE)] == [(ends, LockState(last=5, since=ends))]
    assert not [*lock.by_itself(FREE)]
    assert not [*lock.by_itself(lock.start())]


@pytest.mark.parametrize(
    ("more", "less"),
    [
        pytest.param(FREE, FREE, id="alike"),
        pytest.param(FREE, FREE._replace(last=5), id="smaller tokens are left"),
        pytest.param(ALICE, ALICE._replace(ends=(20_000_001, 0)), id="it may end earlier"),
        pytest.param(ALICE_ENDING, ALICE, id="it may end at any moment"),
        pytest.param(SOMEHOW_ALICE, ALICE, id="any token"),
        pytest.param(SOMEHOW_ALICE, NOT_5, id="any token from 5 on, not from 6 on"),
        pytest.param(SOMEHOW_ALICE, NOT_6, id="any token from 5 on, not all but 6"),
        pytest.param(NOT_5, NOT_5_NOR_6, id="any token from 6 on, not from 7 on"),
        pytest.param(NOT_6, NOT_5_NOR_6, id="5 as well"),
    ],
)
def test_a_lock_that_leaves_more_open_covers_one_that_leaves_less(more, less):
    assert LockObject().covers(more, less)
    assert more == less or not LockObject().covers(less, more)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(FREE, ALICE, id="held or not"),
        pytest.param(ALICE, ALICE._replace(owner="bob"), id="by whom"),
        pytest.param(ALICE_ENDING, ALICE_ENDING._replace(token=4), id="which token"),
        pytest.param(NOT_6, NOT_5, id="6 or 5"),
    ],
)
def test_locks_of_which_neither_covers_the_other(one, other):
    assert not LockObject().covers(one, other)
    assert not LockObject().covers(other, one)


def kinds(text, thing):
    return [thing.kind(operation) for operation in drawn(text)]


def test_open_operations_that_can_stand_for_each_other():
    alice, again, bob, release, look = kinds(
        """
        alice [acquire 5s > [wait 9s >
        bob   [acquire 5s > [release 4 > [look >""",
        LockObject(),
    )
    assert alice == again != bob
    assert release is look is None
    x, also_x, y, later_x, read = kinds(
        """
        alice [write 1 x > [write 1 x > [write 1 y >
        bob   [write 2 x > [read >""",
        FencedRegister(),
    )
    assert x == also_x
    assert len({x, y, later_x}) == 3
    assert read is None


@pytest.mark.parametrize(
    ("state", "least"), [(LockState(), 1), (FREE, 5), (ALICE, 5), (SOMEHOW_ALICE, 5), (NOT_5, 6)]
)
def test_how_far_a_lock_has_come(state, least):
    assert LockObject().reached(state) == least


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("bob [acquire 5s: granted 6]", 6),
        ("bob [release 6: ok]", 6),
        ("bob [renew 6 5s: ok]", 6),
        ("bob [look: alice 6]", 6),
        ("bob [look: free]", None),
        ("bob [acquire 5s: held]", None),
        ("bob [release 6: free]", None),
        ("bob [release 6 >", None),
    ],
)
def test_until_when_an_answer_can_be_given(text, last):
    (operation,) = drawn(text)
    assert LockObject().last_chance(operation) == last


def test_a_register_goes_no_further_back_than_its_largest_token():
    register = FencedRegister()
    accepted, refused, read = drawn("bob [write 5 x: accepted] [write 5 x: refused] [read: x]")
    assert register.reached(RegisterState(3, "x")) == 3
    assert register.last_chance(accepted) == 5
    assert register.last_chance(refused) is register.last_chance(read) is None


def test_a_register_covers_only_its_like():
    register = FencedRegister()
    assert register.covers(RegisterState(3, "x"), RegisterState(3, "x"))
    assert not register.covers(RegisterState(2, "x"), RegisterState(3, "x"))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (LockState(), "nobody holds it"),
        (FREE, "nobody holds it after token 4"),
        (ALICE, "alice holds it with token 5 until 20.000 s at least"),
        (SOMEHOW_ALICE, "alice holds it with token 5 or more"),
    ],
)
def test_a_lock_in_words(state, words):
    assert LockObject().describe(state) == words


@pytest.mark.parametrize(
    ("text", "then"),
    [
        ("bob [write 3 y: accepted]", RegisterState(3, "y")),
        ("bob [write 4 y: accepted]", RegisterState(4, "y")),
        ("bob [write 2 y: accepted]", None),
        ("bob [write 2 y: refused]", RegisterState(3, "x")),
        ("bob [write 3 y: refused]", None),
        ("bob [write 3 y >", RegisterState(3, "y")),
        ("bob [write 2 y >", RegisterState(3, "x")),
        ("bob [read: x]", RegisterState(3, "x")),
        ("bob [read: y]", None),
        ("bob [read >", RegisterState(3, "x")),
        ("bob [release 3: ok]", None),
    ],
)
def test_a_fenced_register(text, then):
    assert step(RegisterState(3, "x"), text, FencedRegister()) == then


def test_a_register_starts_empty_and_does_nothing_by_itself():
    register = FencedRegister()
    assert register.start() == RegisterState(0, "")
    assert not [*register.by_itself(register.start())]
    assert register.describe(RegisterState(3, "x")) == "it holds 'x', written with token 3"


def revocation(token=0, answer=None, t=9_000_000):
    done = None if answer is None else (t + 1, 9)
    return Operation("root", "revoke", "x", (t, 8), done, answer, {"version": token})


@pytest.mark.parametrize(
    ("state", "operation", "then"),
    [
        (ALICE, revocation(0, Answer("revoked", 6)), 6),
        (ALICE, revocation(5, Answer("revoked", 9)), 9),
        (ALICE, revocation(0, Answer("revoked", 5)), None),
        (ALICE, revocation(4, Answer("revoked", 6)), None),
        (FREE, revocation(0, Answer("revoked", 6)), None),
        (FREE, revocation(0, Answer("lock_not_held")), 4),
        (ALICE, revocation(0, Answer("lock_not_held")), None),
        (ALICE, revocation(4, Answer("version_mismatch")), 5),
        (ALICE, revocation(5, Answer("version_mismatch")), None),
        (FREE, revocation(5, Answer("version_mismatch")), None),
        (ALICE, revocation(0), 5),
        (FREE, revocation(0), 4),
    ],
)
def test_taking_a_lock_away(state, operation, then):
    found = LockObject().after(state, operation, (9_000_000, 8))
    assert (found and found.last) == then
    if found is not None and (operation.answer is None or operation.answer.word == "revoked"):
        assert found.owner == ""


def test_an_order_that_needs_a_revocation():
    taken = [
        Operation("alice", "acquire", "x", (0, 1), (1, 2), Answer("granted", 5), {"ttl": 60_000}),
        revocation(5, Answer("revoked", 6), t=100),
        Operation("bob", "acquire", "x", (200, 11), (201, 12), Answer("granted", 7), {"ttl": 9}),
    ]
    assert judge(taken, LockObject()).verdict is Verdict.LEGAL
    assert judge([taken[0], taken[2]], LockObject()).verdict is Verdict.ILLEGAL
    unheard = [taken[0], revocation(t=100), taken[2]]
    assert judge(unheard, LockObject()).verdict is Verdict.LEGAL, "it may have been done"
    late = [taken[0], revocation(t=300), taken[2]]
    assert judge(late, LockObject()).verdict is Verdict.ILLEGAL, "nothing is done before its call"

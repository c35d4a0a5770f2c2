"""Histories of locks that several may hold; see drawing.py for how to read them."""

import pytest

from raftlock.check.history import Answer, Operation
from raftlock.check.joint import JointLockObject, is_joint, without_repeats
from raftlock.check.linearizability import Verdict, judge
from tests.check import test_linearizability as alone
from tests.check.drawing import drawn

# fmt: off
LEGAL = {
    "two readers": """
        alice [acquire 60s shared: granted 1]  [look: alice 1 bob 2]
        bob    [acquire 60s shared: granted 2]                        [release 2: ok]""",
    "a writer waits for two readers": """
        alice [acquire 60s shared: granted 1]                 [release 1: ok]
        bob   [acquire 60s shared: granted 2]                                  [release 2: ok]
        carol                                  [wait 60s: granted 3                            ]""",
    "a reader is refused since a writer waits": """
        alice [acquire 60s shared: granted 1]
        carol                                  [wait 60s: timed out                             ]
        bob                                        [acquire 60s shared: held]""",
    "a reader lost it, another has it still": """
        alice [acquire 1s shared: granted 1]                 [release 1: not yours]
        bob   [acquire 60s shared: granted 2]                                      [look: bob 2]""",
    "two permits, one after the other is free": """
        alice [acquire 60s of2: granted 1]   [release 1: ok]
        bob    [acquire 60s of2: granted 2]
        carol                                                 [acquire 60s of2: granted 3]""",
    "a permit expired": """
        alice [acquire 1s of2: granted 1]
        bob    [acquire 60s of2: granted 2]
        carol                                [acquire 60s of2: granted 3]""",
    "one of them is revoked": """
        alice [acquire 60s shared: granted 1]
        bob   [acquire 60s shared: granted 2]
        root                                   [revoke 1: revoked 3] [look: bob 2]""",
    "all of them are revoked": """
        alice [acquire 60s shared: granted 1]
        bob   [acquire 60s shared: granted 2]
        root                                   [revoke: revoked 3] [look: free]""",
    "a reader without an answer keeps a writer out": """
        alice [acquire 60s shared >
        bob                         [acquire 60s: held]""",
    "a reader without an answer is in nobody's way": """
        alice [acquire 60s shared >
        bob                         [acquire 60s: granted 1]""",
    "one without an answer got it again and again": """
        alice [acquire 1s shared >        [acquire 1s shared >
        bob         [look: alice 1]                             [look: alice 5]""",
    "read, then written by the same client": """
        alice [acquire 60s shared: granted 1] [release 1: ok] [acquire 60s: granted 2]""",
    "renewed by one": """
        alice [acquire 2s shared: granted 1]  [renew 1 60s: ok]
        bob   [acquire 2s shared: granted 2]
        carol                                            [acquire 1s: held] [look: alice 1]""",
}

ILLEGAL = {
    "a writer beside a reader": """
        alice [acquire 60s shared: granted 1]
        bob                                    [acquire 60s: granted 2]""",
    "a reader beside a writer": """
        alice [acquire 60s: granted 1]
        bob                             [acquire 60s shared: granted 2]""",
    "three have two permits": """
        alice [acquire 60s of2: granted 1]
        bob   [acquire 60s of2: granted 2]
        carol [acquire 60s of2: granted 3]""",
    "a permit beside a reader": """
        alice [acquire 60s shared: granted 1]
        bob                                    [acquire 60s of2: granted 2]""",
    "two have one token": """
        alice [acquire 60s shared: granted 1]
        bob   [acquire 60s shared: granted 1]""",
    "a token goes back": """
        alice [acquire 60s shared: granted 5]
        bob                                    [acquire 60s shared: granted 4]""",
    "a look misses one who has it": """
        alice [acquire 60s shared: granted 1]  [look: alice 1]
        bob   [acquire 60s shared: granted 2]""",
    "a look sees one who has given it back": """
        alice [acquire 60s shared: granted 1]  [look: alice 1 bob 2]
        bob   [acquire 9s shared: granted 2]
        bob                                       [look: free]""",
    "refused although all who had it gave it back": """
        alice [acquire 60s shared: granted 1] [release 1: ok]
        bob                                                    [acquire 60s: held]""",
    "released with another's token": """
        alice [acquire 60s shared: granted 1]  [release 2: ok]
        bob   [acquire 60s shared: granted 2]""",
    "a revocation ends one that it does not name": """
        alice [acquire 60s shared: granted 1]
        bob   [acquire 60s shared: granted 2]
        root                                   [revoke 1: revoked 3] [look: free]""",
    "a revocation's token is old": """
        alice [acquire 60s shared: granted 1]
        root                                   [revoke: revoked 1]""",
    "a permit's TTL is cut short": """
        alice [acquire 9s of2: granted 1]
        bob   [acquire 60s of2: granted 2]
        carol                               [acquire 60s of2: granted 3]""",
}
# fmt: on


def judged(text):
    operations = drawn(text)
    thing = JointLockObject(operations=operations)
    return judge(without_repeats(operations), thing, lock="printer")


def shown(histories):
    return pytest.mark.parametrize(
        "text", [pytest.param(text, id=what) for what, text in histories.items()]
    )


@shown(LEGAL)
def test_legal_histories(text):
    found = judged(text)
    assert found.holds, found.text
    assert is_joint(drawn(text))


@shown(ILLEGAL)
def test_illegal_histories(text):
    found = judged(text)
    assert found.verdict is Verdict.ILLEGAL, found.text
    assert str(found.stuck) in found.text


@shown(alone.LEGAL | alone.HARD)
def test_what_is_legal_of_a_lock_held_alone_is_so_here(text):
    assert judged(text).holds


def has_open(text):
    return ">" in text or "?" in text


@shown({what: text for what, text in alone.ILLEGAL.items() if not has_open(text)})
def test_what_is_illegal_of_a_lock_held_alone_is_so_here(text):
    assert judged(text).verdict is Verdict.ILLEGAL


def test_it_is_said_in_words_who_holds_it():
    thing = JointLockObject()
    state = thing.start()
    assert thing.describe(state) == "nobody holds it"
    for operation in drawn("""
        alice [acquire 60s shared: granted 1]
        bob   [acquire 60s shared: granted 2]"""):
        state = thing.after(state, operation, (0, 0))
    ((_, ended), _) = thing.by_itself(state)
    until = "until 60.800 s at least"
    assert thing.describe(state) == f"alice (token 1, {until}) and bob (token 2, {until}) hold it"
    assert "alice (token 1, perhaps) and bob" in thing.describe(ended)


def test_open_requests_that_can_stand_for_each_other_are_one():
    operations = [
        Operation("alice", "acquire", "x", (at, 0), arguments={"shared": shared})
        for at, shared in ((3, True), (1, True), (2, False))
    ]
    release = Operation("alice", "release", "x", (4, 0), arguments={"version": 7})
    revoke = Operation("root", "revoke", "x", (5, 0))
    again = Operation("root", "revoke", "x", (6, 0))
    done = Operation("bob", "acquire", "x", (7, 0), (8, 0), Answer("granted", 9))
    kept = without_repeats([*operations, release, release, revoke, again, done])
    assert [each.call[0] for each in kept] == [1, 2, 4, 5, 6, 7]


def test_many_requests_without_an_answer_do_not_make_the_search_long():
    lines = [f"c{number} " + "[acquire 1s shared > " * 12 for number in range(6)]
    lines += ["d0 " + " " * 40 + "[acquire 60s shared: granted 44]  [look: d0 44]"]
    found = judged("\n".join(lines))
    assert found.holds, found.text
    assert found.steps < 2_000


def test_many_who_wait_at_once_do_not_make_the_search_long():
    lines = ["writer [acquire 60s: granted 1]                       [release 1: ok]"]
    waits = "[wait 60s shared: granted {}" + " " * 40 + "]   [release {}: {}]"
    # Granted in another order than they asked in; one of them is told that it came too late, since
    # it had asked twice.
    for number in range(12):
        token = 30 - number
        lines.append(f"r{number:02}    " + " " * number + waits.format(token, token, "ok"))
    lines.append("r03    " + " " * 66 + "[release 27: not yours]")
    in_vain = "[wait 60s: timed out" + " " * 60 + "]"
    lines += [f"w{number}     " + " " * number + in_vain for number in range(8)]
    found = judged("\n".join(lines))
    assert found.holds, found.text
    assert found.steps < 5_000


def test_a_told_token_that_is_passed_over_is_seen_at_once():
    lines = [f"c{number} [acquire 60s shared: granted {20 - number}]" for number in range(12)]
    lines[5] = "c5 " + " " * 40 + "[acquire 60s shared: granted 15]"
    found = judged("\n".join(lines))
    assert found.verdict is Verdict.ILLEGAL, found.text
    assert found.steps < 5_000

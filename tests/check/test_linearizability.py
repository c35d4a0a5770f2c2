from dataclasses import replace
from itertools import chain, combinations, permutations
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raftlock.check.history import START, Answer, Operation
from raftlock.check.linearizability import Verdict, judge, judge_each
from raftlock.check.objects import FencedRegister, LockObject, RegisterState
from tests.check.drawing import drawn
from tests.check.runs import made_up

# fmt: off
LEGAL = {
    "nothing at all": "",
    "one after the other": """
        alice [acquire 60s: granted 1] [release 1: ok]
        bob                                              [acquire 60s: granted 2]""",
    "not in the order of the calls": """
        alice [acquire 60s: granted 2                            ]
        bob      [acquire 60s: granted 1] [release 1: ok]""",
    "refused while another holds it": """
        alice [acquire 60s: granted 1]                       [release 1: ok]
        bob                             [acquire 60s: held]""",
    "handed over to one who waits": """
        alice [acquire 60s: granted 1]                       [release 1: ok]
        bob        [wait 60s: granted 2                                       ]
        carol                                                  [acquire 60s: held]""",
    "a TTL ended": """
        alice [acquire 1s: granted 1]
        bob                           [acquire 60s: granted 2]""",
    "a TTL ended, and the release was too late": """
        alice [acquire 1s: granted 1]             [release 1: free]""",
    "a TTL ended, and another was there before the release": """
        alice [acquire 1s: granted 1]                           [release 1: not yours]
        bob                           [acquire 60s: granted 2]""",
    "a TTL ended, and the same client got it anew": """
        alice [acquire 1s: granted 1]  [acquire 9s: granted 2] [release 1: another token]""",
    "renewed, as long as it lasted": """
        alice [acquire 4s: granted 1] [renew 1 4s: ok 1]                    [renew 1 4s: free]""",
    "asked for again by its holder": """
        alice [acquire 60s: granted 1] [acquire 60s: granted 1] [release 1: ok]
        bob                                                        [acquire 9s: granted 7]""",
    "a request without an answer was done": """
        alice [acquire 60s >
        bob                   [acquire 60s: held]""",
    "a request without an answer was not done": """
        alice [acquire 60s >
        bob                   [acquire 60s: granted 1] [acquire 60s: granted 1]""",
    "a request without an answer was done very late": """
        alice [acquire 60s >
        bob      [acquire 9s: granted 1] [release 1: ok]
        carol                                             [acquire 60s: held]""",
    "a request without an answer was done, and asked for anew": """
        alice [acquire 60s >   [acquire 60s: granted 1] [release 1: ok]""",
    "a release without an answer was done": """
        alice [acquire 60s: granted 1] [release 1 >
        bob                                           [acquire 60s: granted 2]""",
    "a release without an answer was not done yet": """
        alice [acquire 60s: granted 1] [release 1 >
        bob                                           [acquire 60s: held]
        carol                             [wait 60s: granted 2                ]""",
    "nobody heard of token 1": """
        alice [acquire 60s >
        bob                   [acquire 60s: held] [acquire 60s: granted 2]""",
    "the token of a lost answer shows later": """
        alice [acquire 60s >  [renew 5 60s: ok]                    [release 5: ok]
        bob                                      [acquire 9s: held]""",
    "what was granted may be taken back": """
        alice [acquire? 60s: granted 1] [renew 1 60s: ok]
        bob                                                [acquire 60s: granted 2]""",
    "waited in vain": """
        alice [acquire 60s: granted 1]
        bob                    [wait 60s: timed out    ]""",
    "a wait was cancelled": """
        alice [acquire 60s: granted 1]
        bob                [wait 60s: cancelled           ]
        bob                              [cancel: ok]
        carol                                          [wait 60s: full]""",
    "looked at before, between and after": """
        alice              [acquire 60s: granted 1]              [release 1: ok]
        bob   [look: free]                          [look: alice 1]              [look: free]""",
    "looked at while it changes hands": """
        alice [acquire 60s: granted 1]  [release 1: ok                           ]
        bob                             [acquire 9s: granted 2                   ]
        carol                             [look: alice 1] [look: free] [look: bob 2]""",
    "a look shows that a TTL ended": """
        alice [acquire 1s: granted 1]
        bob                           [look: free]""",
    "a look shows the token of a lost answer": """
        alice [acquire 60s >                       [renew 5 60s: ok]
        bob                   [look: alice 5]                        [look: alice 5]
        carol                                [acquire 9s: held]""",
    "either of two lost requests, but only one of them later": """
        c0    [wait>
        c1    [wait>
        bob         [wait: held]
        carol                   [wait 60s: granted 5] [release 5: ok]
        dave                                                         [look: c0 7]""",
    "one lost request had another token than the next": """
        alice [wait> [renew 5: another token] [wait>
        bob                                         [look: alice 5]""",
    "given back early, so that what follows can end early": """
        alice [wait 4s: granted 1] [release 1>
        bob                        [wait 60s: granted 2  ]
        bob                        [release 2: ok        ]
        carol                      [wait 2s: granted 3        ]
        dave                       [wait 60s: granted 4             ]""",
    "a refusal that did not have to come first": """
        alice [wait 1s: granted 1      ]
        alice             [wait 60s: granted 2]
        bob        [renew 7: free               ]""",
    "a look that nobody answered": """
        alice [acquire 60s: granted 1]
        bob                           [look >""",
}

ILLEGAL = {
    "two hold it at once": """
        alice [acquire 60s: granted 1]
        bob                             [acquire 60s: granted 2]""",
    "two are granted it with one token": """
        alice [acquire 60s: granted 1]
        bob   [acquire 60s: granted 1]""",
    "a token is used a second time": """
        alice [acquire 60s: granted 1] [release 1: ok]
        bob                                             [acquire 60s: granted 1]""",
    "a token goes back": """
        alice [acquire 60s: granted 5] [release 5: ok]
        bob                                             [acquire 60s: granted 4]""",
    "a lost token leaves no room for the next": """
        alice [acquire 60s >
        bob                   [acquire 60s: held] [acquire 60s: granted 1]""",
    "refused although nobody holds it": """
        alice [acquire 60s: granted 1] [release 1: ok]
        bob                                             [acquire 60s: held]""",
    "refused to its own holder": """
        alice [acquire 60s: granted 1] [acquire 60s: held]""",
    "a TTL is cut short": """
        alice [acquire 9s: granted 1]
        bob                            [acquire 60s: granted 2]""",
    "a renewal is forgotten": """
        alice [acquire 4s: granted 1] [renew 1 60s: ok]
        bob                                               [acquire 60s: granted 2]""",
    "released by a stranger": """
        alice [acquire 60s: granted 1]
        bob                             [release 1: ok]""",
    "released twice": """
        alice [acquire 60s: granted 1] [release 1: ok] [release 1: ok]""",
    "released with a stale token": """
        alice [acquire 60s: granted 1] [release 1: ok] [acquire 60s: granted 2] [release 1: ok]""",
    "renewed with a stale token": """
        alice [acquire 1s: granted 1]                           [renew 1 60s: ok]
        bob                           [acquire 60s: granted 2]""",
    "a renewal changes the token": """
        alice [acquire 60s: granted 1] [renew 1 60s: ok 2]""",
    "asking again changes the token": """
        alice [acquire 60s: granted 1] [acquire 60s: granted 2]""",
    "a waiter is granted it before the release": """
        alice [acquire 60s: granted 1]                        [release 1: ok]
        bob        [wait 60s: granted 2                    ]""",
    "a wait ends in vain beside a free lock": """
        alice [acquire 60s: granted 1] [release 1: ok]
        bob                                              [wait 60s: timed out]""",
    "a wait is cancelled that nobody had to begin": """
        bob   [cancel: ok]""",
    "a release without an answer came before it was asked": """
        alice [acquire 60s: granted 1]                            [release 1 >
        bob                             [acquire 60s: granted 2]""",
    "one lost request cannot hold it twice": """
        alice [acquire 60s >
        bob        [acquire 9s: held]                                         [wait 9s: full]
        carol                         [acquire 9s: granted 2] [release 2: ok]""",
    "its holder is told that it is another's": """
        alice [acquire 60s: granted 1] [release 1: not yours]""",
    "its holder is told of another token": """
        alice [acquire 60s: granted 1] [renew 1 60s: another token]""",
    "its holder is told that nobody holds it": """
        alice [acquire 60s: granted 1] [release 1: free]""",
    "seen free although somebody holds it": """
        alice [acquire 60s: granted 1]
        bob                             [look: free]""",
    "an old holder is seen": """
        alice [acquire 60s: granted 1] [release 1: ok]
        bob                                            [acquire 60s: granted 2]
        carol                                                                   [look: alice 1]""",
    "a hold is seen, and is not there any more": """
        alice [acquire 60s: granted 1              ]
        bob          [look: alice 1]   [look: free]""",
    "seen with another token": """
        alice [acquire 60s: granted 1]
        bob                             [look: alice 2]""",
    "a lost request is seen with two tokens": """
        alice [acquire 60s >
        bob                   [look: alice 5] [look: alice 6]""",
    "a token that was seen is given again": """
        alice [acquire 60s >
        bob                   [look: alice 5] [wait 9s: granted 5]""",
    "refused before anybody asked": """
        alice                      [wait>
        bob   [renew 4: not yours]""",
    "refused to the only one who asked before": """
        alice [wait> [renew 1: not yours]
        bob                                [wait>""",
    "seen before it was asked for": """
        alice                  [acquire 60s: granted 1]
        bob   [look: alice 1]""",
    "an answer that makes no sense": """
        alice [release 1: granted 1]""",
    "an operation that no lock has": """
        alice [write 1 x: accepted]""",
}

LEGAL_WRITES = {
    "tokens grow": """
        alice [write 1 a: accepted]                     [write 1 b: refused]
        bob                         [write 2 c: accepted]                      [read: c]""",
    "one holder writes often": """
        alice [write 1 a: accepted] [write 1 b: accepted] [read: b]""",
    "a write without an answer was done": """
        alice [write 1 a >
        bob                [read: a]""",
    "a write without an answer came too late": """
        alice [write 1 a >
        bob      [write 2 b: accepted] [read: b] [read: b]""",
    "one reads before, one after": """
        alice [write 1 a: accepted]
        bob     [read: a]
        carol          [read >""",
}

ILLEGAL_WRITES = {
    "an update is lost": """
        alice [write 1 a: accepted]                       [write 1 b: accepted]
        bob                         [write 2 c: accepted]""",
    "the holder's write is refused": """
        alice [write 1 a: accepted] [write 1 b: refused]""",
    "an accepted write is not there": """
        alice [write 1 a: accepted] [write 2 b: accepted]
        bob                                                [read: a]""",
    "a lost write shows, and is gone again": """
        alice [write 1 a: accepted] [write 2 b >
        bob                                      [read: b] [read: a]""",
    "an operation that no register has": """
        alice [release 1: accepted]""",
}
HARD = {
    "many gave up before, and one of them must have held it": """
        c0 [wait> [wait>
        c1 [wait> [wait> [wait>    [wait: held         ]
        c2 [wait>                 [wait 1s: granted 20]
        c3 [wait>
        c4 [wait> [wait> [wait>  [wait 1s: granted 32               ]""",
    "refused between a release and a grant": """
        c0 [wait>        [wait>
        c1 [wait>               [wait> [wait>  [wait: held  ]
        c1                                      [wait: held ]
        c2 [wait> [wait>               [wait 1s: granted 21        ]
        c3 [wait>        [wait> [wait>
        c4 [wait 1s: granted 5]                [release 5: ok ]""",
    "refused to two, and to the one who has it then": """
        c0 [wait>  [wait>
        c1 [wait>  [wait>  [renew 4: not yours]              [wait: held]
        c2 [wait>  [wait>                              [wait>
        c3 [wait>  [wait>  [wait>     [wait?: granted 44                          ]
        c3                    [wait: held]  [cancel: ok]   [wait 1s: granted 44   ]""",
}
# fmt: on


def shown(name, histories):
    return pytest.mark.parametrize(
        name, [pytest.param(text, id=what) for what, text in histories.items()]
    )


@shown("text", LEGAL)
def test_legal_histories_of_a_lock(text):
    found = judge(drawn(text), LockObject())
    assert found.holds, found.text
    assert sum(point.operation is not None for point in found.points) >= text.count(":")


@shown("text", ILLEGAL)
def test_illegal_histories_of_a_lock(text):
    found = judge(drawn(text), LockObject())
    assert found.verdict is Verdict.ILLEGAL, found.text
    assert str(found.stuck) in found.text


@shown("text", LEGAL_WRITES)
def test_legal_histories_of_a_register(text):
    found = judge(drawn(text), FencedRegister())
    assert found.holds, found.text


@shown("text", ILLEGAL_WRITES)
def test_illegal_histories_of_a_register(text):
    assert judge(drawn(text), FencedRegister()).verdict is Verdict.ILLEGAL


def test_there_are_enough_of_each():
    assert min(len(LEGAL), len(ILLEGAL)) >= 12


# ---- what a judgement says ----


def test_a_legal_history_comes_with_an_order():
    found = judge(drawn(LEGAL["a TTL ended"]), LockObject(), lock="printer")
    assert [(point.at[0] / 1e6, point.state) for point in found.points] == [
        (1.4, "alice holds it with token 1 until 2.390 s at least"),
        (2.39, "nobody holds it after token 1"),
        (3.8, "bob holds it with token 2 until 63.200 s at least"),
    ]
    assert [point.operation and point.operation.client for point in found.points] == [
        "alice",
        None,
        "bob",
    ]
    assert found.stuck is None
    assert found.text == "printer: one order explains all 2 answers."


def test_an_illegal_history_comes_with_the_longest_beginning_and_what_stops_it():
    found = judge(drawn(ILLEGAL["two hold it at once"]), LockObject(), lock="printer")
    assert [point.operation.client for point in found.points] == ["alice"]
    assert (found.stuck.client, found.stuck.answer.token) == ("bob", 2)
    assert found.text == (
        "printer: no order explains all 2 answers; after the 1 that fit, bob's acquire (4.000 s to "
        "6.300 s: granted, token 2) fits nowhere: by then alice holds it with token 1 until "
        "60.800 s at least."
    )


def test_if_nothing_fits_at_all_the_beginning_is_empty():
    found = judge(drawn("bob [acquire 1s: held]"), LockObject())
    assert found.points == ()
    assert found.text == (
        "the object: no order explains all 1 answers; after the 0 that fit, bob's acquire (0.400 s "
        "to 2.100 s: lock held) fits nowhere: by then nobody holds it."
    )


def test_a_search_that_takes_too_long_shows_nothing():
    history = drawn(LEGAL["handed over to one who waits"])
    found = judge(history, LockObject(), steps_max=3)
    assert (found.verdict, found.holds, found.stuck) == (Verdict.UNKNOWN, False, None)
    assert found.text == (
        "the object: the search for an order was given up after 5 steps with 3 of 4 answers placed,"
        " so nothing is shown."
    )
    assert judge(history, LockObject(), steps_max=found.steps * 9).holds


def test_the_order_in_which_operations_are_handed_over_does_not_matter():
    for histories in (LEGAL, ILLEGAL):
        for text in histories.values():
            forward, backward = drawn(text), drawn(text)[::-1]
            assert judge(forward, LockObject()) == judge(backward, LockObject())


# ---- the specifications' words ----


def test_states_in_words():
    lock, register = LockObject(), FencedRegister()
    (lost,) = drawn("alice [acquire 60s >")
    state = lock.after(lock.start(), lost, START)
    assert lock.describe(lock.start()) == "nobody holds it"
    assert lock.describe(state) == "alice holds it with token 1 or more"
    assert register.describe(RegisterState(3, "x")) == "it holds 'x', written with token 3"


def test_the_margin_of_the_clocks_can_be_wider():
    history = drawn("""
        alice [acquire 9s: granted 1]
        bob                           [acquire 60s: granted 2]""")
    assert not judge(history, LockObject()).holds
    assert not judge(history, LockObject(margin_percent=30)).holds
    assert judge(history, LockObject(margin_percent=60)).holds
    assert judge(history, LockObject(margin_percent=100)).holds


def test_a_clock_that_jumped_ends_a_hold_earlier_by_as_much():
    history = drawn("""
        alice [acquire 9s: granted 1]
        bob                           [acquire 60s: granted 2]""")
    granted, free_by = history[0].call[0], history[1].returned[0]
    missing_ms = (granted + 8_910_000 - free_by) // 1_000
    for at, jump_ms, holds in (
        (granted, missing_ms - 1, False),
        (granted, missing_ms + 1, True),
        (free_by, missing_ms + 1, True),
        (free_by + 1, 60_000, False),
    ):
        assert judge(history, LockObject(jumps=[(at, jump_ms)])).holds is holds, (at, jump_ms)


def test_a_hold_is_counted_from_the_earliest_moment_it_can_have_been_granted():
    late = """
        alice [acquire 60s: granted 1]                           [release 1: ok]
        bob         [wait 5s: granted 2                                            ]
        carol                                                       {}"""
    assert not judge(drawn(late.format("[acquire 9s: granted 3]")), LockObject()).holds
    long = "[acquire 9s: granted 3                                 ]"
    assert judge(drawn(late.format(long)), LockObject()).holds


# ---- lock by lock ----


def test_locks_are_judged_one_by_one():
    history = drawn("""
        alice/door    [acquire 60s: granted 1]
        bob/printer   [acquire 60s: granted 2]
        carol/door                              [acquire 60s: held]
        dave/printer                            [acquire 60s: granted 3]""")
    found = judge_each(history, LockObject())
    assert [(each.lock, each.verdict) for each in found] == [
        ("door", Verdict.LEGAL),
        ("printer", Verdict.ILLEGAL),
    ]
    assert judge_each([], LockObject()) == ()


def test_many_locks_cost_no_more_than_the_sum():
    parts = [made_up(seed, clients=4, length=20, slack=9, pause=3) for seed in range(10)]
    history = [
        replace(operation, lock=f"lock {seed}")
        for seed, part in enumerate(parts)
        for operation in part
    ]
    steps = [found.steps for found in judge_each(history, LockObject())]
    assert steps == [judge(part, LockObject()).steps for part in parts]


# ---- how long it takes ----


def test_sixty_contended_operations_are_quick():
    began = monotonic()
    for seed in range(5):
        history = made_up(seed, clients=12, length=60, slack=30, pause=2, lost_percent=5)
        found = judge(history, LockObject())
        assert found.holds, (seed, found.text)
    assert monotonic() - began < 2.5


@shown("text", HARD)
def test_calls_that_were_given_up_cost_no_more_than_others(text):
    history = drawn(text)
    found = judge(history, LockObject())
    assert found.holds, found.text
    assert found.steps < 1_000


def given_up(clients):
    """40 requests that nobody answered, of so many clients: any of them may hold the lock."""
    return [
        Operation(f"c{number % clients}", "acquire", "printer", (number, 0)) for number in range(40)
    ]


def wanted(rounds, start=1_000):
    """One is refused, another gets it, gives it back; two of those who gave up are refused."""
    history = []
    for number in range(rounds):
        token, at = 5 * number + 2, start + 20 * number
        history += [
            answered("bob", "acquire", (at, at + 5), Answer("lock_held")),
            answered("carol", "acquire", (at + 1, at + 7), Answer("granted", token)),
            answered("carol", "release", (at + 8, at + 9), Answer("released"), token),
            answered("c0", "acquire", (at + 8, at + 12), Answer("lock_held")),
            answered("c1", "acquire", (at + 8, at + 12), Answer("lock_held")),
        ]
    return history


def answered(client, op, span, answer, version=0):
    arguments = {"version": version, "ttl": 60_000}
    call, returned = ((moment, 0) for moment in span)
    return Operation(client, op, "printer", call, returned, answer, arguments)


@pytest.mark.parametrize("clients", [2, 4, 8])
def test_forty_requests_that_were_given_up_are_judged_in_few_steps(clients):
    history = [*given_up(clients), *wanted(12)]
    found = judge(history, LockObject())
    assert found.holds, found.text
    assert found.steps < 3 * len(history)


@pytest.mark.parametrize("clients", [2, 4, 8])
def test_to_find_that_no_order_fits_takes_no_search_of_all_orders(clients):
    again = answered("dave", "acquire", (2_000, 2_005), Answer("granted", 57))
    history = [*given_up(clients), *wanted(12), again]
    found = judge(history, LockObject())
    assert found.verdict is Verdict.ILLEGAL, found.text
    assert found.stuck is again
    assert len([point for point in found.points if point.operation.answer]) == 60
    assert found.steps < 10_000 * clients


def test_much_that_overlaps_is_ordered_by_its_tokens():
    history = made_up(8, clients=8, length=120, slack=30, pause=2, ttl=200, lost_percent=50)
    found = judge(history, LockObject())
    assert found.holds, found.text
    assert found.steps < 20 * len(history)


def test_a_long_history_is_quick_and_needs_no_deep_recursion():
    history = made_up(1, clients=3, length=2_000, slack=3, pause=9)
    began = monotonic()
    found = judge(history, LockObject())
    assert found.holds, found.text
    assert found.steps < 20 * len(history)
    wrong = replace(history[-1], answer=Answer("granted", 1))
    assert not judge([*history[:-1], wrong], LockObject()).holds
    assert monotonic() - began < 2.5


# ---- against every order there is ----

TICK_US = 1_000
LAST_TOKEN = 6


def some_order_fits(history):
    """Try every order of every choice of the open operations, and every tick for each."""
    lost = [each for each in history if each.answer is None]
    sure = [each for each in history if each.answer is not None]
    end = max((ticks(each)[1] for each in sure), default=0)
    choices = chain.from_iterable(combinations(lost, size) for size in range(len(lost) + 1))
    return any(
        fits(order, 0, None, 0, end)
        for choice in choices
        for order in permutations([*sure, *choice])
    )


def fits(order, tick, hold, last, end):
    """`hold` is (client, token, until), ``None`` if the lock is free; times are ticks."""
    if not order:
        return True
    first, rest = order[0], order[1:]
    asked, told = ticks(first, end)
    if any(ticks(each, end)[1] < asked for each in rest):
        return False
    for moment in range(max(tick, asked), told + 1):
        holds = [hold]
        if hold and moment >= hold[2]:
            holds.append(None)
        for now in holds:
            for then, newest in outcomes(first, moment, now, last):
                if fits(rest, moment, then, newest, end):
                    return True
    return False


def ticks(operation, end=0):
    """Call and return; an open operation is worth trying until the last answer, at `end`."""
    returned = operation.returned[0] // TICK_US if operation.returned else end
    return operation.call[0] // TICK_US, returned


def outcomes(operation, moment, hold, last):
    """Every (hold, last token) that this operation can leave behind, if it was done here."""
    client, answer = operation.client, operation.answer
    version, ttl = operation.arguments["version"], operation.arguments["ttl"]
    word = answer.word if answer else None
    mine, others = hold and hold[0] == client, hold and hold[0] != client
    named = mine and hold[1] == version
    done = named and (not answer or answer.token in (0, version))
    if operation.op == "acquire":
        if word in ("lock_held", "wait_timed_out") and others:
            yield hold, last
        until = 0 if operation.may_be_taken_back else moment + ttl
        if word == "granted" and mine and hold[1] == answer.token:
            yield (client, hold[1], 0 if 0 in (hold[2], until) else max(hold[2], until)), last
        if word == "granted" and not hold and answer.token > last:
            yield (client, answer.token, until), answer.token
        if word is None and mine:
            yield (client, hold[1], 0), last
        if word is None and not hold:
            for token in range(last + 1, LAST_TOKEN + 1):
                yield (client, token, 0), token
    elif operation.op == "get_lock_info":
        if (answer.value, answer.token) == (hold[:2] if hold else ("", 0)):
            yield hold, last
    elif operation.op == "release":
        if word in ("released", None) and done:
            yield None, last
    elif word == "renewed" and done:
        yield (client, version, 0 if hold[2] == 0 else max(hold[2], moment + ttl)), last
    refusals = {
        "lock_not_held": not hold,
        "not_lock_owner": others,
        "version_mismatch": mine and not named,
    }
    if refusals.get(word):
        yield hold, last


@st.composite
def anything(draw, size=6, lost_in_ten=2):
    """Operations with any answers: most of these histories are illegal."""
    history = []
    for _ in range(draw(st.integers(1, size))):
        op = draw(st.sampled_from(("acquire", "acquire", "release", "renew", "get_lock_info")))
        client, call = draw(st.sampled_from("abc")), draw(st.integers(0, 8))
        may_be_lost = op in ("acquire", "release")
        is_lost = may_be_lost and draw(st.integers(0, 9)) < lost_in_ten
        history.append(
            Operation(
                client,
                op,
                "printer",
                (call * TICK_US, 0),
                None if is_lost else ((call + draw(st.integers(0, 3))) * TICK_US, 0),
                None if is_lost else draw(any_answer(op)),
                {
                    "version": draw(st.integers(1, 3)) if op in ("release", "renew") else 0,
                    "ttl": draw(st.integers(0, 4)),
                },
                may_be_taken_back=op == "acquire" and draw(st.integers(0, 3)) == 0,
            )
        )
    return history


@st.composite
def any_answer(draw, op):
    if op == "get_lock_info":
        owner = draw(st.sampled_from(["", "a", "b", "c"]))
        return Answer("info", draw(st.integers(1, 3)) if owner else 0, owner)
    if op == "acquire":
        words = ("granted", "granted", "granted", "lock_held", "wait_timed_out")
    else:
        done = {"release": "released", "renew": "renewed"}[op]
        words = (done, done, "lock_not_held", "not_lock_owner", "version_mismatch")
    word = draw(st.sampled_from(words))
    return Answer(word, draw(st.integers(1, 3)) if word == "granted" else 0)


@settings(max_examples=300)
@given(anything())
def test_any_history_is_judged_as_by_trying_every_order(history):
    assert judge(history, LockObject(0)).holds is some_order_fits(history)


@settings(max_examples=150)
@given(anything(lost_in_ten=7))
def test_and_so_is_one_of_which_little_was_heard(history):
    assert judge(history, LockObject(0)).holds is some_order_fits(history)


@settings(max_examples=100)
@given(
    st.integers(0, 10_000), st.integers(2, 4), st.integers(0, 40), st.integers(0, 5), st.booleans()
)
def test_a_run_of_a_plain_lock_is_legal_and_changed_it_is_judged_as_by_trying_every_order(
    seed, clients, lost_percent, place, is_other_token
):
    history = made_up(
        seed, clients=clients, length=6, slack=1, pause=2, ttl=3, lost_percent=lost_percent
    )
    assert judge(history, LockObject(0)).holds
    changed = history[place % len(history)] if history else None
    if changed is None or changed.answer is None:
        return
    answer = replace(changed.answer, token=changed.answer.token + 1)
    if not is_other_token:
        answer = Answer("granted", changed.answer.token or 1)
    wrong = [replace(each, answer=answer) if each is changed else each for each in history]
    assert judge(wrong, LockObject(0)).holds is some_order_fits(wrong)

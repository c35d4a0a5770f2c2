import pytest

from tests.trace.telling import Teller

BOB = ("bob", 0, 3, 60_000)
CAROL = ("carol", 5, 4, 60_000)
DORA = ("dora", 0, 5, 60_000)
URGENT_DORA = ("dora", 2, 6, 60_000)

# how the lock stood (owner, token, queue), how it stands now (owner, token, why, queue)
CASES = [
    (
        ("", 0, []),
        ("alice", 17, "granted", []),
        "alice holds printer with token 17 for 10 s.",
        "good",
    ),
    (
        ("alice", 17, []),
        ("alice", 17, "granted", []),
        "alice keeps printer for another 10 s; its token stays 17.",
        "good",
    ),
    (
        ("alice", 17, []),
        ("alice", 17, "renewed", []),
        "alice keeps printer for another 10 s; its token stays 17.",
        "info",
    ),
    (
        ("alice", 17, []),
        ("alice", 17, "queued", [BOB]),
        "bob waits for printer: 1st in the queue.",
        "info",
    ),
    (
        ("alice", 17, [BOB]),
        ("alice", 17, "queued", [BOB, DORA]),
        "dora waits for printer: 2nd in the queue.",
        "info",
    ),
    (("alice", 17, [BOB]), ("alice", 17, "queued", [BOB]), None, None),
    (
        ("alice", 17, [BOB, DORA]),
        ("alice", 17, "queued", [URGENT_DORA, BOB]),
        "dora waits for printer with another priority now: 1st in the queue.",
        "info",
    ),
    (
        ("alice", 17, []),
        ("", 0, "released", []),
        "alice releases printer: nobody holds it.",
        "info",
    ),
    (
        ("alice", 17, []),
        ("", 0, "expired", []),
        "alice's time on printer has run out: nobody holds it.",
        "warn",
    ),
    (
        ("alice", 17, [BOB, DORA]),
        ("bob", 21, ["released", "promoted"], [DORA]),
        "alice releases printer; bob, next in the queue, holds printer with token 21 for 10 s.",
        "good",
    ),
    (
        ("alice", 17, [BOB]),
        ("bob", 21, ["expired", "promoted"], []),
        (
            "alice's time on printer has run out; bob, next in the queue, holds printer with"
            " token 21 for 10 s."
        ),
        "warn",
    ),
    (
        ("alice", 17, [BOB, CAROL]),
        ("alice", 17, "cancelled", [CAROL]),
        "bob no longer waits for printer.",
        "info",
    ),
    (
        ("alice", 17, [BOB, CAROL]),
        ("alice", 17, "cancelled", []),
        "bob and carol no longer wait for printer.",
        "info",
    ),
    (
        ("alice", 17, [BOB, CAROL]),
        ("alice", 17, "session_ended", [CAROL]),
        "bob, whose session ended, no longer waits for printer.",
        "info",
    ),
    (
        ("alice", 17, [BOB, CAROL]),
        ("alice", 17, "session_ended", []),
        "bob and carol, whose sessions ended, no longer wait for printer.",
        "info",
    ),
    (
        ("alice", 17, [BOB]),
        ("alice", 17, "timed_out", []),
        "bob has waited for printer in vain.",
        "warn",
    ),
    (
        ("alice", 17, [BOB, CAROL, DORA]),
        ("alice", 17, "timed_out", [DORA]),
        "bob and carol have waited for printer in vain.",
        "warn",
    ),
    (("alice", 17, []), ("alice", 17, "cancelled", []), None, None),
]


def told(before, after, node="n1"):
    teller = Teller().start()
    owner, token, queue = before
    for name in ("n1", "n2"):
        teller.apply(name, 1)
        teller.lock(name, "printer", owner, token, "setup", queue=queue)
    teller.apply(node, 2)
    owner, token, why, queue = after
    told_before = len(teller.lines)
    teller.lock(node, "printer", owner, token, why, queue=queue)
    return [(line.text, line.level) for line in list(teller.recorder.story.lines)[told_before:]]


@pytest.mark.parametrize(("before", "after", "text", "level"), CASES)
def test_a_lock_in_a_sentence(before, after, text, level):
    assert told(before, after) == ([] if text is None else [(text, level)])


def test_only_the_first_node_to_apply_an_entry_is_told():
    teller = Teller().start()
    for name in ("n2", "n1", "n3"):
        teller.apply(name, 1)
        teller.lock(name, "printer", "alice", 1, "granted")
    assert [line.node for line in teller.recorder.story.lines if line.kind == "lock"] == ["n2"]


def test_after_a_restart_nothing_is_told_twice():
    teller = Teller().start()
    for _ in range(2):
        teller.apply("n1", 1)
        teller.lock("n1", "printer", "alice", 1, "granted")
        teller.apply("n1", 2)
        teller.lock("n1", "scanner", "alice", 2, "granted")
        teller.kill("n1")
        teller.restart("n1")
    assert len([line for line in teller.lines if "holds" in line]) == 2


def test_long_names_are_shortened():
    teller = Teller().start()
    teller.apply("n1", 1)
    teller.lock("n1", "p" * 200, "<b>" + "a" * 200, 1, "granted")
    assert teller.lines[-1] == f"<b>{'a' * 20}… holds {'p' * 23}… with token 1 for 10 s."

import pytest

from raftlock.trace.situation import leader_in, situation
from raftlock.trace.view import ClusterView
from tests.trace.telling import FIVE, Teller


def led(t):
    """n1 leads term 1 and its first entry is committed."""
    for place, node in enumerate(FIVE):
        t.timer(node, 1000 + place)
    t.elect("n1", 1)
    t.store("n1", (1, 1, 0, "no-op"))
    t.commit("n1", 1)


def kill(*nodes):
    return lambda t: [t.kill(node) for node in nodes]


def split(*groups):
    return lambda t: t.fault("partition", groups=[list(group) for group in groups])


def isolate_all(t):
    for one in FIVE:
        for other in FIVE:
            if one < other:
                t.fault("cut", src=one, dst=other)


def stand(*candidates):
    return lambda t: [t.stand(node, term) for node, term in candidates]


def frozen(*nodes):
    return lambda t: [t.freeze(node) for node in nodes]


def other_leader(t):
    t.elect("n4", 2)
    t.append("n4", (1, 2, 0, "no-op"))
    t.commit("n4", 1)


def lose(*nodes):
    return lambda t: [t.wipe(node, f"{node}.2") for node in nodes]


def members(index, *args):
    def act(t):
        t.store("n1", (index, 1, 0, "members"))
        t.members("n1", index, *args)

    return act


CHANGING = members(2, ["n1", "n2", "n6"], [], FIVE)

CASES = [
    (
        [led, members(2, FIVE, ["n6"])],
        "n1 leads term 1: locks can be acquired.",
        "ok",
    ),
    (
        [led, CHANGING],
        (
            "n1 leads term 1: locks can be acquired. The voters change from n1, n2, n3, n4 and n5"
            " to n1, n2 and n6: until then it takes a majority of both."
        ),
        "ok",
    ),
    (
        [led, CHANGING, kill("n2", "n3")],
        (
            "No majority: while the voters change from n1, n2, n3, n4 and n5 to n1, n2 and n6, it"
            " takes a majority of both, so nothing can commit. n1 still believes it leads."
        ),
        "stuck",
    ),
    (
        [led, CHANGING, kill(*FIVE)],
        (
            "All nodes are down: restart a majority of the old voters and of the new ones and they"
            " elect a leader."
        ),
        "stuck",
    ),
    (
        [led, members(2, FIVE[:3], ["n4"]), kill("n2", "n3")],
        (
            "No majority: only n1 of 3 voters is running, so nothing can commit. n1 still believes"
            " it leads."
        ),
        "stuck",
    ),
    (
        [led, members(2, FIVE[:3]), kill("n4", "n5")],
        "n1 leads term 1: locks can be acquired.",
        "ok",
    ),
    (
        [led, members(2, FIVE[1:4], ["n5"]), kill("n1"), lambda t: t.fault("heal")],
        "No leader: an election begins when the first election timer, n2's, runs out.",
        "busy",
    ),
    (
        [led, lambda t: t.emit("n1", "transfer", target="n3", what="begun")],
        "n1 hands its office to n3: no lock can be had meanwhile.",
        "busy",
    ),
    (
        [
            led,
            lambda t: t.emit("n1", "snapshot", index=1, term=1, bytes=3),
            lambda t: t.emit("n1", "compact", "TakeSnapshot", to=1),
        ],
        "n1 leads term 1: locks can be acquired.",
        "ok",
    ),
    (
        [led, lose("n2"), kill("n3")],
        "n1 leads term 1: locks can be acquired.",
        "ok",
    ),
    (
        [led, lose("n2", "n3", "n4")],
        (
            "No majority: only n1 and n5 of 5 voters are running, so nothing can commit. n1 still"
            " believes it leads. Too many disks are lost: a majority can never come back, so start"
            " over."
        ),
        "stuck",
    ),
    (
        [led, lose("n2", "n3", "n4"), kill("n1", "n5", "n2.2", "n3.2", "n4.2")],
        (
            "All nodes are down. Too many disks are lost: a majority can never come back, so start"
            " over."
        ),
        "stuck",
    ),
    ([], "No leader: an election begins when an election timer runs out.", "busy"),
    (
        [lambda t: (t.timer("n3", 900), t.timer("n1", 1200))],
        "No leader: an election begins when the first election timer, n3's, runs out.",
        "busy",
    ),
    ([stand(("n3", 6))], "No leader: n3 stands for election in term 6.", "busy"),
    (
        [stand(("n3", 6), ("n5", 6))],
        "No leader: n3 and n5 stand for election in term 6.",
        "busy",
    ),
    (
        [stand(("n3", 6), ("n5", 7))],
        "No leader: n3 (term 6) and n5 (term 7) stand for election.",
        "busy",
    ),
    ([led], "n1 leads term 1: locks can be acquired.", "ok"),
    (
        [lambda t: t.elect("n2", 4)],
        "n2 leads term 4: it commits once a majority has its first entry.",
        "busy",
    ),
    (
        [led, lambda t: t.fault("speed", speed_ppm=50_000)],
        "n1 leads term 1: locks can be acquired. Running at 0.05x.",
        "ok",
    ),
    (
        [led, lambda t: t.fault("pause")],
        "Paused: nothing moves until you resume.",
        "paused",
    ),
    (
        [led, kill(*FIVE)],
        "All nodes are down: restart 3 of 5 and they elect a leader.",
        "stuck",
    ),
    (
        [led, kill("n3", "n4", "n5")],
        (
            "No majority: only n1 and n2 of 5 are running, so nothing can commit. n1 still"
            " believes it leads."
        ),
        "stuck",
    ),
    (
        [led, kill("n1", "n2", "n3", "n4")],
        "No majority: only n5 of 5 is running, so nothing can commit.",
        "stuck",
    ),
    (
        [led, frozen(*FIVE)],
        "No majority: none of 5 is running, so nothing can commit.",
        "stuck",
    ),
    (
        [led, kill("n1"), split(("n2", "n3"), ("n4", "n5"))],
        ("No majority: only n2 and n3 of 5 can talk to each other, so nothing can commit."),
        "stuck",
    ),
    (
        [led, isolate_all],
        (
            "No majority: no two nodes can talk to each other, so nothing can commit. n1 still"
            " believes it leads."
        ),
        "stuck",
    ),
    (
        [led, split(("n1", "n2"), ("n3", "n4", "n5"))],
        (
            "n1 leads term 1 but cannot reach a majority: what it accepts will not commit. An"
            " election begins when the first election timer, n3's, runs out."
        ),
        "busy",
    ),
    (
        [led, split(("n1", "n2"), ("n3", "n4", "n5")), stand(("n4", 2))],
        (
            "n1 leads term 1 but cannot reach a majority: what it accepts will not commit. n4"
            " stands for election in term 2."
        ),
        "busy",
    ),
    (
        [led, split(("n1", "n2"), ("n3", "n4", "n5")), other_leader, lambda t: t.lead("n1")],
        (
            "n4 leads term 2: locks can be acquired. n1 leads term 2 but cannot reach a majority:"
            " what it accepts will not commit."
        ),
        "ok",
    ),
    (
        [led, stand(("n3", 2), ("n4", 2), ("n5", 2))],
        (
            "n1 still leads term 1: it has not heard of a newer term yet. n3, n4 and n5 stand for"
            " election in term 2."
        ),
        "busy",
    ),
    (
        [led, frozen("n1")],
        (
            "n1 leads term 1 but is frozen: an election begins when the first election timer,"
            " n2's, runs out."
        ),
        "busy",
    ),
    (
        [led, lambda t: t.fault("cut", src="n1", dst="n2", one_way=True)],
        "n1 leads term 1: locks can be acquired.",
        "ok",
    ),
]


@pytest.mark.parametrize(("acts", "text", "level"), CASES)
def test_the_status_line(acts, text, level):
    teller = Teller().start()
    for act in acts:
        act(teller)
    assert situation(teller.view) == (text, level)


def test_two_claims_to_lead():
    teller = Teller().start()
    teller.elect("n1", 1)
    teller.kill("n4")
    teller.kill("n5")
    teller.stand("n2", 2)
    teller.lead("n2")
    teller.kill("n3")
    assert situation(teller.view).text.endswith(" n1 and n2 still believe they lead.")


@pytest.mark.parametrize("view", [ClusterView({}), Teller().view])
def test_before_any_node_has_started(view):
    assert situation(view) == ("The cluster is starting.", "busy")


def test_the_leader_is_who_a_majority_of_voters_follows():
    teller = Teller().start()
    assert leader_in(teller.view) is None
    led(teller)
    assert leader_in(teller.view) == "n1"
    teller.fault("partition", groups=[["n1", "n2"], ["n3", "n4", "n5"]])
    assert leader_in(teller.view) is None
    teller.members("n1", 2, ["n1", "n2", "n3"])
    assert leader_in(teller.view) == "n1"
    teller.freeze("n1")
    assert leader_in(teller.view) is None


def test_learners_follow_and_do_not_count():
    teller = Teller().start()
    led(teller)
    teller.members("n1", 2, ["n1", "n2", "n3"], ["n4", "n5"])
    teller.kill("n2")
    teller.kill("n3")
    assert leader_in(teller.view) is None


def test_a_leader_without_a_vote_leads_until_it_steps_down():
    teller = Teller().start()
    led(teller)
    teller.members("n1", 2, ["n2", "n3"])
    assert leader_in(teller.view) == "n1"
    teller.fault("partition", groups=[["n1", "n2", "n4", "n5"], ["n3"]])
    assert leader_in(teller.view) is None


def test_while_the_voters_change_a_leader_needs_a_majority_of_both():
    teller = Teller().start()
    led(teller)
    teller.members("n1", 2, ["n1", "n2", "n6"], [], FIVE)
    assert leader_in(teller.view) == "n1"
    teller.kill("n2")
    assert leader_in(teller.view) is None

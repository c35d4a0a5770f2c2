"""Disks that fail, are damaged or lost: what is held against a node, and what is to be expected."""

import pytest

from tests.check.stories import NODES, Story

A, B, C = (1, 11, 0), (1, 22, 0), (1, 33, 0)


@pytest.fixture
def story():
    told = Story()
    told.start(*NODES)
    told.take("n1", A, B, term=1, vote="n1")
    return told


def restart(story, *entries, node="n1", term=1, vote="n1"):
    story.tell(node, "node", state="up", what="restarted")
    if term:
        story.tell(node, "term", term=term, rule="Restart")
    if vote:
        story.tell(node, "vote", rule="Restart", **{"for": vote})
    if entries:
        story.append(node, *entries, rule="Restart")
    story.acts(node)


@pytest.mark.parametrize(
    ("faults", "broken"),
    [
        ([], ["durability"]),
        (["fail_write"], []),
        (["fail_sync"], []),
        (["full"], []),
        (["flip"], ["durability"]),
        (["full", "well"], ["durability"]),
    ],
)
def test_a_node_stops_for_a_disk_that_fails(story, faults, broken):
    for fault in faults:
        story.fault("disk", "n1", fault=fault)
    story.end("n1", "stopped")
    assert story.found() == broken


def test_a_disk_that_failed_once_works_the_next_time(story):
    story.fault("disk", "n1", fault="fail_sync")
    story.end("n1", "stopped")
    restart(story, A, B)
    assert story.found() == []
    story.end("n1", "stopped")
    assert story.found() == ["durability"]


def test_each_failure_stops_a_node_once(story):
    for fault in ("fail_write", "fail_sync"):
        story.fault("disk", "n1", fault=fault)
    for broken in ([], [], ["durability"]):
        story.end("n1", "stopped")
        restart(story, A, B)
        assert story.found() == broken


def test_a_full_disk_stays_full(story):
    story.fault("disk", "n1", fault="full")
    for _ in range(2):
        story.end("n1", "stopped")
        restart(story, A, B)
    assert story.found() == []


@pytest.mark.parametrize(
    ("entries", "fine"), [([A, B], True), ([A, B, C], True), ([A], False), ([B], False)]
)
def test_a_failed_sync_leaves_what_was_durable_before(story, entries, fine):
    story.fault("disk", "n1", fault="fail_sync")
    story.append("n1", C, first=3)
    story.write("n1", 9_000)
    story.end("n1", "stopped")
    restart(story, *entries)
    assert story.found() == ([] if fine else ["durability"])


def test_what_a_second_sync_calls_durable_must_be_there(story):
    """The disk gave an error, was asked again, and the write was gone by then."""
    story.fault("disk", "n1", fault="fail_sync")
    story.append("n1", C, first=3)
    story.write("n1", 9_000)
    story.sync("n1", 9_000)
    story.tell("n1", "node", state="down", what="killed")
    restart(story, A, B)
    assert story.found() == ["durability"]


@pytest.mark.parametrize(
    ("found", "fine"),
    [
        ({"term": 1, "vote": "n1"}, True),
        ({"term": 4, "vote": "n2"}, True),
        ({"term": 4, "vote": "n1"}, False),
        ({"term": 4, "vote": ""}, False),
        ({"term": 1, "vote": "n2"}, False),
    ],
)
def test_term_and_vote_reach_the_disk_together(story, found, fine):
    story.tell("n1", "term", term=4)
    story.write("n1", 9_000, term=4, vote="n2")
    story.tell("n1", "node", state="down", what="killed")
    restart(story, A, B, **found)
    assert story.found() == ([] if fine else ["durability"])


@pytest.mark.parametrize(("damaged", "broken"), [(True, []), (False, ["durability"])])
def test_only_a_damaged_disk_is_refused(story, damaged, broken):
    if damaged:
        story.fault("disk", "n1", fault="flip")
    story.tell("n1", "node", state="down", what="killed")
    story.end("n1", "refused")
    assert story.found() == broken


def test_a_damaged_disk_must_be_refused(story):
    story.fault("disk", "n1", fault="flip")
    story.tell("n1", "node", state="down", what="killed")
    restart(story, A)
    assert story.found() == ["durability"]


def test_a_damaged_disk_is_no_reason_to_refuse_the_one_after_it(story):
    story.fault("disk", "n1", fault="flip")
    story.fault("wipe", "n1", becomes="n1", as_voter=True)
    story.end("n1", "refused")
    checker = story.checked()
    assert [each.property for each in checker.expected] == ["durability"]


@pytest.mark.parametrize("what", ["wiped", "removed"])
@pytest.mark.parametrize("back", [True, False])
def test_who_is_gone_stays_away(story, what, back):
    if what == "wiped":
        story.fault("wipe", "n1", becomes="n1.2", as_voter=False)
    story.end("n1", what)
    story.tell("n1" if back else "n1.2", "node", state="up", what="added")
    found = story.found()
    assert found == ([] if not back else ["durability"])


def test_a_successor_has_promised_nothing(story):
    story.fault("wipe", "n1", becomes="n1.2", as_voter=False)
    story.end("n1", "wiped")
    story.tell("n1.2", "node", state="up", what="added")
    story.acts("n1.2")
    story.vote("n1.2", 1, "n2")
    checker = story.checked()
    assert (checker.violations, checker.expected, checker.disk_was_lost) == ([], [], False)


def forgets(story):
    """n1 has voted for itself in term 1, and gives its vote to n2."""
    restart(story, term=0, vote="")
    story.vote("n1", 1, "n2")


def test_once_a_voter_has_lost_its_disk_loss_is_to_be_expected(story):
    fields = {"term": 1, "granted": True}
    story.tell("n1", "send", to="n1", type="RequestVoteReply", fields=fields)
    story.fault("wipe", "n1", becomes="n1", as_voter=True)
    story.end("n1", "wiped")
    forgets(story)
    checker = story.checked()
    assert checker.disk_was_lost
    assert checker.violations == []
    assert [each.property for each in checker.expected] == ["one vote a term"]


def test_what_was_broken_before_a_disk_was_lost_stays_so(story):
    story.elect("n2", 3)
    story.fault("wipe", "n1", becomes="n1", as_voter=True)
    checker = story.checked()
    assert [each.property for each in checker.violations] == ["Election Safety"]
    assert checker.expected == []


def test_without_the_loss_it_is_no_excuse(story):
    fields = {"term": 1, "granted": True}
    story.tell("n1", "send", to="n1", type="RequestVoteReply", fields=fields)
    story.tell("n1", "node", state="down", what="killed")
    forgets(story)
    assert story.found() == ["durability", "one vote a term"]


def test_a_node_that_is_frozen_while_it_reads_its_disk_is_looked_at_later(story):
    story.crash("n1")
    story.tell("n1", "term", term=1, rule="Restart")
    story.tell("n1", "node", state="frozen", what="frozen")
    story.tell("n1", "node", state="up", what="thawed")
    story.acts("n1")
    assert story.found() == ["durability"]

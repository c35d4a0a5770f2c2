"""Who decides: elections and commits by the members in force, and how those may change."""

import pytest

from tests.check.stories import NODES, Story

A, B, C = (1, 11, 0), (1, 22, 0), (1, 33, 0)
OLD = {"voters": NODES, "learners": [], "outgoing": []}
WIDER = {"voters": [*NODES, "n4", "n5"], "learners": [], "outgoing": []}
JOINT = WIDER | {"outgoing": NODES}
LEARNING = OLD | {"learners": ["n4"]}


@pytest.fixture
def story():
    """Three voters, and two nodes that came later."""
    told = Story()
    told.start(*NODES)
    for node in ("n4", "n5"):
        told.tell(node, "node", state="up", what="added")
        told.tell(node, "config", rule="Restart", index=0, **OLD | {"learners": [node]})
    return told


def configure(story, members, index, *nodes, rule="HandleAppendEntriesRequest", entry=B):
    """An entry that says who the members are comes into these logs, and to their disks."""
    for node in nodes:
        story.append(node, entry, first=index)
        story.tell(node, "config", rule=rule, index=index, **members)
        story.save(node)


def joint(story, *nodes):
    """The joint configuration is entry 2 of these nodes; only n1 knows of it otherwise."""
    for node in dict.fromkeys(("n1", *nodes)):
        story.take(node, A)
        configure(story, JOINT, 2, node)


@pytest.mark.parametrize(
    ("having", "fine"),
    [
        pytest.param(["n1", "n2", "n4"], True, id="a majority of both"),
        pytest.param(["n1", "n4", "n5"], False, id="of the new voters only"),
        pytest.param(["n1", "n2"], False, id="of the old voters only"),
        pytest.param(["n1", "n2", "n3", "n4"], True, id="nearly all"),
    ],
)
def test_while_voters_change_both_majorities_are_needed(story, having, fine):
    joint(story, *having)
    story.commit("n1", 2)
    assert story.found() == ([] if fine else ["commit rule"])


@pytest.mark.parametrize(
    ("voters", "fine"), [(["n2", "n4"], True), (["n4", "n5"], False), (["n2"], False)]
)
def test_while_voters_change_a_leader_needs_both_majorities(story, voters, fine):
    joint(story)
    story.elect("n1", 2, *voters)
    assert story.found() == ([] if fine else ["Election Safety"])


def test_a_learner_has_no_vote_and_does_not_count(story):
    for node in ("n1", "n4"):
        story.take(node, A)
        configure(story, LEARNING, 2, node)
    story.commit("n1", 2)
    story.elect("n1", 2, "n4")
    assert story.found() == ["commit rule", "Election Safety"]


@pytest.mark.parametrize(("voters", "fine"), [((), False), (["n2"], True), (["n4"], False)])
def test_a_leader_has_the_votes_of_a_majority(story, voters, fine):
    story.elect("n1", 2, *voters)
    assert story.found() == ([] if fine else ["Election Safety"])


def test_a_vote_of_an_earlier_term_makes_no_leader(story):
    story.vote("n2", 2, "n1")
    story.elect("n1", 3)
    assert story.found() == ["Election Safety"]


def test_a_vote_that_has_not_left_makes_no_leader(story):
    story.save("n2", term=2, vote="n1")
    story.elect("n1", 2)
    assert story.found() == ["Election Safety"]


def test_a_leader_holds_its_own_vote_on_its_disk(story):
    story.vote("n2", 2, "n1")
    story.vote("n3", 2, "n1")
    story.tell("n1", "role", term=2, to="leader")
    assert story.found() == ["durability"]


def test_the_members_are_those_of_the_log_after_a_restart(story):
    joint(story)
    story.crash("n1")
    story.append("n1", A, B, rule="Restart")
    story.acts("n1")
    story.elect("n1", 2, "n2")
    assert story.found() == ["Election Safety"]


def test_an_entry_that_is_dropped_says_nothing_any_more(story):
    joint(story)
    story.tell("n1", "truncate", **{"from": 2, "to": 2})
    story.save("n1")
    story.elect("n1", 2, "n2")
    assert story.found() == []


def test_what_a_restarted_node_goes_by_is_dropped_with_its_entry(story):
    joint(story)
    story.crash("n1")
    story.tell("n1", "config", rule="Restart", index=2, **JOINT)
    story.append("n1", A, B, rule="Restart")
    story.acts("n1")
    story.tell("n1", "truncate", **{"from": 2, "to": 2})
    story.save("n1")
    story.elect("n1", 2, "n2")
    assert story.found() == []


def test_a_snapshot_says_who_the_members_are(story):
    joint(story, "n2", "n4")
    for node in ("n1", "n2"):
        story.commit(node, 2)
        story.apply(node, 1, 2)
    story.tell("n3", "install", rule="Install", index=2, term=1, bytes=9)
    story.tell("n3", "compact", rule="Install", to=2)
    story.save("n3", snapshot=2, base=2)
    story.tell("n3", "restore", index=2, hash="2")
    story.elect("n3", 2, "n2")
    assert story.found() == ["Election Safety"]


@pytest.mark.parametrize(
    ("first", "second", "fine"),
    [
        pytest.param(JOINT, WIDER, True, id="over both"),
        pytest.param(LEARNING, OLD, True, id="only who learns"),
        pytest.param(LEARNING, WIDER, False, id="at once"),
        pytest.param(JOINT, OLD, False, id="to others than were said"),
        pytest.param(JOINT, JOINT | {"outgoing": WIDER["voters"]}, False, id="from both to both"),
    ],
)
def test_voters_change_over_a_joint_configuration(story, first, second, fine):
    nodes = ("n1", "n2", "n4", "n5")
    for node in nodes:
        story.take(node, A)
        configure(story, first, 2, node)
    story.tell("n1", "role", term=0, to="follower")
    story.commit("n1", 2)
    configure(story, second, 3, "n1", entry=C, rule="ChangeMembers")
    assert story.found() == ([] if fine else ["membership"])


@pytest.mark.parametrize("rule", ["ChangeMembers", "LeaveJoint"])
@pytest.mark.parametrize("committed", [True, False])
def test_one_change_at_a_time(story, rule, committed):
    joint(story, "n2", "n4")
    if committed:
        story.commit("n1", 2)
    configure(story, WIDER, 3, "n1", entry=C, rule=rule)
    assert story.found() == ([] if committed else ["membership"])


def test_all_read_the_same_members_out_of_an_entry(story):
    joint(story)
    story.take("n2", A)
    configure(story, JOINT | {"outgoing": ["n1", "n3", "n2"]}, 2, "n2")
    assert story.found() == ["Log Matching"]


def test_a_node_that_was_added_begins_with_nothing(story):
    story.take("n4", A, term=1)
    story.crash("n4")
    story.tell("n4", "term", term=1, rule="Restart")
    story.acts("n4")
    assert story.found() == ["durability"]


def test_members_are_looked_at_in_the_middle_of_a_message_too(story):
    joint(story)
    story.append("n2", A, B, C)
    story.tell("n2", "config", rule="HandleAppendEntriesRequest", index=2, **OLD)
    assert story.found() == ["Log Matching"]

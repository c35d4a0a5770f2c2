"""Each property: a few events that break it, and the same ones that do not."""

import pytest

from raftlock.check import check_trace
from tests.check.stories import HEADER, Story

A, B, C = (1, 11, 0), (1, 22, 0), (2, 33, 0)


def elected_twice(story, again):
    story.elect("n1", 3, "n2")
    story.tell(again, "role", term=3, to="leader")


def voted(story, second):
    story.write("n1", 1, term=2, vote="n2")
    story.sync("n1", 1)
    reply = {"type": "RequestVoteReply", "fields": {"term": 2, "granted": True}}
    story.tell("n1", "send", to="n2", **reply)
    story.write("n1", 2, term=2, vote=second)
    story.sync("n1", 2)
    story.tell("n1", "send", to=second, **reply)


def truncated(story, role):
    story.append("n1", A, B)
    story.tell("n1", "role", to=role)
    story.tell("n1", "truncate", **{"from": 2, "to": 2})


def matching(story, other):
    story.append("n1", A, B)
    story.append("n2", A, other)


def committed_by_two(story):
    for node in ("n1", "n2"):
        story.append(node, A)
        story.write(node, 1)
        story.sync(node, 1)
    story.tell("n1", "commit", index=1)


def completeness(story, entry):
    committed_by_two(story)
    story.append("n3", entry)
    story.elect("n3", 2, "n2")


def on_a_majority(story, how_many):
    for node in ("n1", "n2", "n3")[:how_many]:
        story.append(node, A)
        story.write(node, 1)
        story.sync(node, 1)
    story.tell("n1", "commit", index=1)


def same_commit(story, entry):
    committed_by_two(story)
    story.append("n3", entry)
    story.tell("n3", "commit", index=1)


def beyond(story, index):
    committed_by_two(story)
    story.tell("n2", "commit", index=index)


def digests(story, other):
    committed_by_two(story)
    story.tell("n2", "commit", index=1)
    for node, digest in (("n1", "aa"), ("n2", other)):
        story.tell(node, "apply", index=1, term=1, stamp=0, hash=digest)


def applied_order(story, index):
    committed_by_two(story)
    story.tell("n1", "apply", index=index, term=1, stamp=0, hash="aa")


def terms(story, second):
    story.tell("n1", "term", term=4)
    story.tell("n1", "term", term=second)


def commits(story, second):
    story.take("n1", A, B)
    story.take("n2", A, B)
    story.commit("n1", 2)
    story.commit("n1", second)


def older(story, entry):
    story.append("n1", (2, 11, 5), entry)


def applied_early(story, index):
    committed_by_two(story)
    story.take("n1", B, first=2)
    story.apply("n1", 1, index)


def elected_late(story, term):
    """n3 lacks an entry that was committed in term 1."""
    committed_by_two(story)
    story.elect("n3", term, "n2")


def acknowledged(story, *, synced):
    story.append("n1", A)
    story.write("n1", 1, term=1)
    if synced:
        story.sync("n1", 1)
    fields = {"term": 1, "match_index": 1}
    story.tell("n1", "send", to="n2", type="AppendEntriesReply", fields=fields)


def voted_on_disk(story, *, synced):
    story.write("n1", 1, term=2, vote="n2")
    if synced:
        story.sync("n1", 1)
    fields = {"term": 2, "granted": True}
    story.tell("n1", "send", to="n2", type="RequestVoteReply", fields=fields)


def recovered(story, *entries):
    story.append("n1", A, B)
    story.write("n1", 1, term=1)
    story.sync("n1", 1)
    story.append("n1", C, first=3)
    story.write("n1", 2)
    story.crash()
    story.tell("n1", "term", term=1, rule="Restart")
    story.append("n1", *entries, rule="Restart")
    story.tell("n1", "timer_set", rule="Restart")


def cluster_time(story, stamp):
    story.append("n1", (1, 1, 100), rule="ClientRequest", at=1_000_000)
    story.append("n1", (1, 2, stamp), rule="ClientRequest", first=2, at=1_050_000)


CASES = [
    ("Election Safety", elected_twice, "n2", "n1"),
    ("one vote a term", voted, "n3", "n2"),
    ("Leader Append-Only", truncated, "leader", "follower"),
    ("Log Matching", matching, A, B),
    ("Leader Completeness", completeness, B, A),
    ("commit rule", on_a_majority, 1, 2),
    ("State Machine Safety", same_commit, C, A),
    ("commit rule", beyond, 2, 1),
    ("State Machine Safety", digests, "bb", "aa"),
    ("State Machine Safety", applied_order, 2, 1),
    ("monotone", terms, 3, 5),
    ("monotone", commits, 1, 2),
    ("monotone", older, (1, 22, 6), (2, 22, 6)),
    ("monotone", older, (2, 22, 4), (2, 22, 5)),
    ("State Machine Safety", applied_early, 2, 1),
    ("Leader Completeness", elected_late, 2, 1),
    ("cluster time", cluster_time, 400, 150),
]


@pytest.mark.parametrize(("name", "story", "broken", "kept"), CASES)
def test_a_property_and_what_breaks_it(name, story, broken, kept):
    for argument, expected in ((broken, True), (kept, False)):
        told = Story()
        for node in HEADER["nodes"]:
            told.start(node)
        story(told, argument)
        assert (name in told.found()) is expected
        assert expected or told.found() == []


@pytest.mark.parametrize("story", [acknowledged, voted_on_disk])
def test_nothing_is_promised_before_it_is_on_disk(story):
    for synced in (True, False):
        told = Story()
        told.start()
        story(told, synced=synced)
        assert told.found() == ([] if synced else ["durability"])


@pytest.mark.parametrize(
    ("entries", "fine"),
    [
        pytest.param([A, B], True, id="what was synced"),
        pytest.param([A, B, C], True, id="and some of what was not"),
        pytest.param([A], False, id="less"),
        pytest.param([A, C], False, id="something else"),
    ],
)
def test_a_disk_keeps_what_it_synced(entries, fine):
    told = Story()
    told.start()
    recovered(told, *entries)
    assert told.found() == ([] if fine else ["durability"])


def test_a_violation_says_what_where_and_who():
    told = Story()
    for node in HEADER["nodes"]:
        told.start(node)
    elected_twice(told, "n2")
    violation = check_trace(HEADER, told.events)[0]
    assert violation.text == "n1 and n2 were both elected in term 3."
    assert violation.nodes == ("n1", "n2")
    assert violation.to_json()["terms"] == [3]
    assert violation.seq == len(told.events)


def test_after_many_violations_the_rest_is_left_out():
    told = Story()
    told.start(*HEADER["nodes"])
    for _ in range(150):
        told.tell("n1", "commit", index=7)
    checker = told.checked()
    assert len(checker.violations) == 100
    assert checker.committed == 0


def test_what_nobody_known_tells_is_nobodys_fault():
    told = Story()
    told.tell("n9", "commit", index=7)
    told.fault("disk", "n9", fault="flip")
    told.tell("n9", "node", state="down", what="refused", why="")
    told.tell("n1", "send", to="n2", type="TimeoutNow")
    told.tell("n1", "lock", lock="printer", owner="alice", token=1, deadline=5, queue=[])
    assert told.found() == []


def test_from_a_gap_on_nothing_is_claimed():
    """Somebody began to look at nodes that ran: what was before is not in the trace."""
    told = Story()
    told.tell("n1", "gap", why="it ran before it was looked at")
    told.tell("n1", "role", **{"from": "candidate"}, to="leader", term=1)
    assert told.found() == []
    told.events = told.events[1:]
    assert "Election Safety" in told.found()

"""Snapshots and compaction: what each promise is worth, and a trace that breaks it."""

import pytest

from tests.check.stories import NODES, Story

LOG = [(1, number, 0) for number in (11, 22, 33, 44)]
FIFTH = (2, 55, 0)


@pytest.fixture
def story():
    """Four entries are committed and applied by n1 and n2; n3 has none."""
    told = Story()
    told.start(*NODES)
    for node in ("n1", "n2"):
        told.take(node, *LOG, term=1)
    for node in ("n1", "n2"):
        told.commit(node, 4)
        told.apply(node, 1, 4)
    assert told.found() == []
    return told


def snapshot(story, index, *, term=1, node="n1"):
    story.tell(node, "snapshot", rule="TakeSnapshot", index=index, term=term, bytes=9)


def compact(story, to, node="n1"):
    story.tell(node, "compact", rule="TakeSnapshot", to=to)


def install(story, index, *, node="n3", digest=None, term=1):
    """A snapshot comes over the network, and the table with it."""
    story.tell(node, "install", rule="Install", index=index, term=term, bytes=9)
    compact(story, index, node)
    story.save(node, term=1, snapshot=index, base=index)
    story.tell(node, "restore", index=index, hash=digest or str(index))


def restart(story, node="n1", *, found=None, entries=(), first=1):
    story.crash(node)
    story.tell(node, "term", term=1, rule="Restart")
    if found is not None:
        story.tell(node, "install", rule="Restart", index=found, term=1, bytes=9)
        story.tell(node, "restore", index=found, hash=str(found))
    if entries:
        story.append(node, *entries, rule="Restart", first=first)
    story.acts(node)


@pytest.mark.parametrize(
    ("index", "term", "broken"),
    [(3, 1, []), (4, 1, []), (4, 2, ["State Machine Safety"])],
)
def test_a_snapshot_stands_for_what_is_committed(story, index, term, broken):
    snapshot(story, index, term=term)
    assert story.found() == broken


def test_nobody_takes_a_snapshot_of_what_it_has_not_applied(story):
    story.take("n3", *LOG)
    story.commit("n3", 4)
    story.apply("n3", 1, 2)
    snapshot(story, 3, node="n3")
    assert story.found() == ["State Machine Safety"]


@pytest.mark.parametrize(("to", "broken"), [(2, []), (3, []), (4, ["durability"])])
def test_entries_are_dropped_for_a_snapshot_only(story, to, broken):
    snapshot(story, 3)
    compact(story, to)
    assert story.found() == broken


@pytest.mark.parametrize(
    ("parts", "broken"),
    [({"snapshot": 3, "base": 3}, []), ({"base": 3}, ["durability"])],
)
def test_the_snapshot_is_durable_before_the_entries_go(story, parts, broken):
    snapshot(story, 3)
    compact(story, 3)
    story.save("n1", **parts)
    assert story.found() == broken


@pytest.mark.parametrize(
    ("found", "entries", "first", "fine"),
    [
        pytest.param(3, LOG[3:], 4, True, id="all that was synced"),
        pytest.param(3, LOG[2:], 3, False, id="an entry that was dropped"),
        pytest.param(3, (), 0, False, id="without the tail"),
        pytest.param(None, LOG, 1, False, id="without the snapshot"),
        pytest.param(None, LOG[3:], 4, False, id="nothing before the tail"),
        pytest.param(2, LOG[2:], 3, False, id="an older snapshot"),
    ],
)
def test_a_restart_finds_the_snapshot_and_what_is_behind_it(story, found, entries, first, fine):
    snapshot(story, 3)
    compact(story, 3)
    story.save("n1", snapshot=3, base=3)
    restart(story, found=found, entries=entries, first=first)
    assert story.found() == ([] if fine else ["durability"])


@pytest.mark.parametrize(
    ("found", "entries", "first", "fine"),
    [
        pytest.param(None, LOG, 1, True, id="nothing of it"),
        pytest.param(3, LOG, 1, True, id="the snapshot"),
        pytest.param(3, LOG[2:], 3, True, id="and entries dropped for it"),
        pytest.param(3, [*LOG[2:], FIFTH], 3, True, id="all of it"),
        pytest.param(None, LOG[2:], 3, False, id="entries dropped without it"),
        pytest.param(None, [*LOG, FIFTH], 1, False, id="what was written later, and not it"),
    ],
)
def test_a_crash_leaves_any_beginning_of_what_was_not_synced(story, found, entries, first, fine):
    snapshot(story, 3)
    compact(story, 2)
    story.append("n1", FIFTH, first=5)
    story.write("n1", 9_000, snapshot=3, base=2)
    restart(story, found=found, entries=entries, first=first)
    assert story.found() == ([] if fine else ["durability"])


@pytest.mark.parametrize(
    ("index", "term", "broken"),
    [(4, 1, []), (3, 1, []), (4, 3, True), (5, 2, True)],
)
def test_a_snapshot_from_elsewhere_stands_for_what_is_committed(story, index, term, broken):
    install(story, index, term=term)
    assert ("State Machine Safety" in story.found()) is bool(broken)
    assert broken or story.found() == []


def test_a_snapshot_does_not_take_back_what_is_committed(story):
    install(story, 3, node="n2")
    assert story.found() == ["monotone"]


def test_a_leader_takes_over_no_snapshot(story):
    story.tell("n3", "role", to="follower")
    assert story.found() == []
    install(story, 4)
    story.elect("n3", 2, "n2")
    fifth(story)
    fifth(story, "n2")
    story.commit("n1", 5)
    story.tell("n3", "install", rule="Install", index=5, term=2, bytes=9)
    assert story.found() == ["Leader Append-Only"]


@pytest.mark.parametrize(("digest", "broken"), [("4", []), ("x", ["State Machine Safety"])])
def test_the_table_in_a_snapshot_is_everybodys(story, digest, broken):
    install(story, 4, digest=digest)
    assert story.found() == broken


def test_the_table_is_that_of_the_snapshot(story):
    story.tell("n3", "install", rule="Install", index=4, term=1, bytes=9)
    story.tell("n3", "restore", index=3, hash="3")
    assert story.found() == ["State Machine Safety"]


def fifth(story, node="n1"):
    story.take(node, FIFTH, first=5)


@pytest.mark.parametrize(("follows", "broken"), [(5, []), (4, True), (6, True)])
def test_what_is_applied_goes_on_behind_the_snapshot(story, follows, broken):
    install(story, 4)
    fifth(story)
    fifth(story, "n3")
    story.commit("n1", 5)
    story.commit("n3", 5)
    story.apply("n3", follows, follows)
    assert story.found() == ["State Machine Safety"] * bool(broken) or follows == 6
    assert bool(story.found()) is bool(broken)


@pytest.mark.parametrize(("match", "broken"), [(4, []), (5, ["durability"])])
def test_a_snapshot_is_acknowledged_once_it_is_durable(story, match, broken):
    install(story, 4)
    fields = {"term": 1, "offset": 9, "match_index": match}
    story.tell("n3", "send", to="n1", type="InstallSnapshotReply", fields=fields)
    assert story.found() == broken


def test_a_snapshot_that_is_not_durable_is_not_acknowledged(story):
    story.tell("n3", "install", rule="Install", index=4, term=1, bytes=9)
    compact(story, 4, "n3")
    story.write("n3", 9_000, term=1, snapshot=4, base=4)
    fields = {"term": 1, "offset": 9, "match_index": 4}
    story.tell("n3", "send", to="n1", type="InstallSnapshotReply", fields=fields)
    assert story.found() == ["durability"]


def test_a_snapshot_counts_for_what_it_stands_for(story):
    """n3 has nothing but the snapshot, and makes a majority with n1 for entry 5."""
    install(story, 4)
    fifth(story)
    fifth(story, "n3")
    story.commit("n1", 5)
    assert story.found() == []


def test_behind_a_snapshot_a_majority_is_needed_too(story):
    install(story, 4)
    fifth(story)
    story.append("n3", FIFTH, first=5)
    story.commit("n1", 5)
    assert story.found() == ["commit rule"]


@pytest.mark.parametrize(("index", "broken"), [(4, []), (3, ["Leader Completeness"])])
def test_who_has_a_snapshot_of_all_that_is_committed_may_lead(story, index, broken):
    install(story, index)
    story.elect("n3", 2, "n2")
    assert story.found() == broken


@pytest.mark.parametrize(("entry", "broken"), [(FIFTH, []), ((3, 66, 0), True)])
def test_entries_behind_a_snapshot_are_looked_at_when_a_leader_is_elected(story, entry, broken):
    install(story, 4)
    fifth(story)
    fifth(story, "n2")
    story.commit("n1", 5)
    story.take("n3", entry, first=5)
    story.elect("n3", 9, "n2")
    assert story.found() == (["Leader Completeness"] if broken else [])


@pytest.mark.parametrize(("entry", "broken"), [(FIFTH, []), ((2, 66, 0), ["Log Matching"])])
def test_logs_match_behind_a_snapshot_too(story, entry, broken):
    install(story, 4)
    fifth(story)
    story.append("n3", entry, first=5)
    assert story.found() == broken


def test_an_entry_has_its_place_behind_the_snapshot(story):
    install(story, 4)
    story.append("n3", FIFTH, first=6)
    assert story.found() == ["Log Matching"]


def test_what_was_committed_is_never_dropped(story):
    story.tell("n1", "truncate", **{"from": 4, "to": 4})
    assert story.found() == ["State Machine Safety"]

"""Each sentence that is told can be asked "why?", and the answer names code that is there."""

import pytest
from raftlock_widgets.why import ACTIONS, key_of, why

from raftlock.sim.mutants import MUTANTS
from raftlock.sim.stories import broken, broken_rules
from tests.trace import sample


@pytest.mark.parametrize("key", sorted(ACTIONS))
def test_the_code_is_where_it_says(key):
    rule, _, kind = key.partition("/")
    told = why(rule, kind)
    assert told["words"].endswith(".")
    if ACTIONS[key].code:
        path, _, line = told["place"].rpartition(":")
        assert path.startswith("raftlock/")
        assert int(line) > 0
        assert f"def {told['function'].rpartition('.')[2]}(" in told["source"]


def test_an_event_is_explained_by_its_action_or_else_by_its_kind():
    assert key_of("HandleAppendEntriesRequest", "truncate").endswith("/truncate")
    assert key_of("HandleAppendEntriesRequest", "append") == "HandleAppendEntriesRequest"
    assert key_of("", "lock") == "lock"
    assert key_of("no such action", "no such kind") == ""
    assert why("", "timer_set") is None


RUNS = sorted({mutant.name for mutant in MUTANTS} & {rule.name for rule in broken_rules()})


@pytest.mark.parametrize("name", RUNS[::6])
def test_whatever_is_told_of_a_run_can_be_explained(name):
    lines = broken(name, mended=True).recorder.story.lines
    assert lines
    assert [line.text for line in lines if not key_of(line.rule, line.kind)] == []


def test_frames_say_which_action_an_event_is_part_of():
    told = [event for frame in sample.build()["frames"] for event in frame["events"]]
    assert {"Timeout", "ClientRequest", "Restart"} <= {event["rule"] for event in told}

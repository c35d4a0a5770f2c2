"""Points and arrows for the space-time diagram."""

import json

from raftlock import Simulation
from raftlock.trace.parts.spacetime import KEPT_BEATS, KEPT_ITEMS, SpaceTime
from raftlock.types import KINDS, TraceEvent
from raftlock.types.ids import Micros, NodeID


def folded(simulation):
    part = SpaceTime(simulation.recorder.header)
    for event in simulation.recorder.events:
        part.apply(event)
    return part


def items_of(part, sort):
    return [item for item in part.full()["items"] if item[0] == sort]


def led(nodes=3, seconds=0.0):
    simulation = Simulation(nodes=nodes, seed=4, timing="lan")
    simulation.wait_for_leader()
    simulation.run(seconds)
    return simulation


def test_arrows_end_where_messages_do():
    simulation = led(seconds=0.2)
    leader = simulation.leader
    other = next(node for node in simulation.nodes if node != leader)
    simulation.cut(leader, other)
    simulation.client("ann").acquire("door")
    part = folded(simulation)
    arrows = items_of(part, "m")
    assert {"RV", "RV✓", "AE·1"} <= {arrow[4] for arrow in arrows}
    ends = {arrow[7] for arrow in arrows}
    assert {"got", "cut"} <= ends
    for arrow in arrows:
        assert arrow[5] <= arrow[6]
        assert (arrow[8] > arrow[1]) == (arrow[7] not in {"flying", "held"})
    assert [item[4] for item in items_of(part, "f")] == ["cut"]


def test_heartbeats_are_counted_and_nothing_else():
    simulation = led(seconds=2.0)
    beats = items_of(folded(simulation), "b")
    sent = [e for e in simulation.recorder.events if e.kind == "send"]
    quiet = [e for e in sent if e.data["label"].startswith("HB")]
    assert sum(item[5] for item in beats) == len(quiet) > 20
    assert len(beats) < 10


def test_what_happens_at_nodes_and_clients_has_words():
    simulation = led(seconds=0.2)
    simulation.client("ann").acquire("door")
    simulation.kill(simulation.leader)
    marks = items_of(folded(simulation), "e")
    words = [item[5] for item in marks]
    assert "acquire door" in words
    assert any(each.startswith("granted #") for each in words)
    assert "killed" in words
    assert next(item for item in marks if item[5] == "killed")[7] == "down"


def test_only_the_newest_are_kept_and_the_start_says_how_it_stood_before():
    simulation = led()
    leader = simulation.leader
    for k in range(60):
        simulation.client("ann").acquire(f"lock {k}", ttl=30)
    part = folded(simulation)
    told = part.full()
    assert len(told["items"]) == KEPT_ITEMS
    assert told["cut"] > 0
    assert told["start"][leader] == ["leader", 1, "up"]


def test_deltas_have_what_changed_and_copies_go_on_apart():
    simulation = led(seconds=0.2)
    part = folded(simulation)
    seen = simulation.recorder.last_seq
    assert part.delta(seen) is None
    twin = part.copy()
    simulation.client("ann").acquire("door")
    for event in list(simulation.recorder.events)[seen:]:
        twin.apply(event)
    fresh = twin.delta(seen)["items"]
    assert fresh
    assert part.delta(seen) is None
    keys = {(item[0], item[1]) for item in part.full()["items"]}
    assert any((item[0], item[1]) not in keys for item in fresh)


def test_a_request_leads_to_its_entry_and_an_entry_to_the_answer():
    simulation = led(seconds=0.2)
    simulation.client("ann").acquire("door")
    simulation.client("bob").submit("acquire", "door")
    simulation.run(0.2)
    marks = items_of(folded(simulation), "e")
    call = next(item for item in marks if item[5] == "acquire door")
    entry = next(item for item in marks if item[4] == "append" and item[8] == "client:ann")
    assert entry[8:] == ["client:ann", call[1], call[3], "ACQ"]
    assert entry[2] == simulation.leader
    granted = next(item for item in marks if item[5].startswith("granted #"))
    refused = next(item for item in marks if item[5] == "refused")
    assert granted[8] == refused[8] == simulation.leader
    assert entry[1] < granted[9] < granted[1]
    assert (granted[11], refused[11]) == (granted[5], "✗")


def test_heartbeats_that_are_lost_are_counted_and_the_newest_can_be_drawn():
    simulation = led(seconds=0.2)
    leader = simulation.leader
    other = next(node for node in simulation.nodes if node != leader)
    simulation.cut(leader, other)
    simulation.run(0.4)
    told = folded(simulation).full()
    folds = [item for item in told["items"] if item[0] == "b"]
    assert sum(item[7] for item in folds) > 0
    assert 0 < len(told["beats"]) <= KEPT_BEATS
    assert {"got", "cut"} <= {beat[7] for beat in told["beats"]}
    assert all(folds[0][1] <= beat[1] <= folds[-1][6] for beat in told["beats"])


def whole_past(events, seq):
    """What comes before event `seq`, from all messages: by the definition, and slowly."""
    known = {}
    sent = {}
    for event in events:
        mine = dict(known.get(event.node, {}))
        if event.kind == "deliver":
            for place, upto in sent[event.data["id"]].items():
                mine[place] = max(mine.get(place, 0), upto)
        mine[event.node] = event.seq
        known[event.node] = mine
        if event.kind == "send":
            sent[event.seq] = mine
        if event.seq == seq:
            return mine
    raise AssertionError(seq)


def shown_past(told, seq, place):
    """The same from what the page is told: arrows, and what only heartbeats told."""
    points = []
    for item in told["items"]:
        if item[0] == "e":
            points.append((item[1], item[2], (item[8], item[9]) if len(item) > 8 else None))
        if item[0] == "m":
            points.append((item[1], item[2], None))
            if item[7] == "got":
                points.append((item[8], item[3], (item[2], item[1])))
    known = {place: seq}
    for number, at, origin in sorted(points, reverse=True):
        if number > known.get(at, 0):
            continue
        learnt = [(row[1], row[2]) for row in told["reach"] if row[0] == number]
        for other, upto in [*learnt, *([origin] if origin else [])]:
            known[other] = max(known.get(other, 0), upto)
    return {(number, at) for number, at, _ in points if number <= known.get(at, 0)}, points


def test_what_only_heartbeats_told_is_part_of_the_past():
    simulation = Simulation(nodes=5, seed=7, timing="lan")
    simulation.wait_for_leader()
    simulation.run(2)
    simulation.kill(simulation.leader)
    simulation.wait_for_leader()
    simulation.run(1)
    told = folded(simulation).full()
    assert told["cut"] == 0
    assert told["reach"], "five followers heard heartbeats before they stood"
    for seq, place in [(item[1], item[2]) for item in told["items"] if item[0] in "em"]:
        exact = whole_past(simulation.recorder.events, seq)
        shown, points = shown_past(told, seq, place)
        assert shown == {(n, at) for n, at, _ in points if n <= exact.get(at, 0)}, seq


def test_a_split_lasts_beyond_the_window_and_a_frame_stays_small():
    simulation = led(nodes=5, seconds=0.2)
    leader = simulation.leader
    other = next(node for node in simulation.nodes if node != leader)
    simulation.partition([node for node in simulation.nodes if node != other], [other])
    split = [item for item in items_of(folded(simulation), "f") if item[4] == "partition"]
    assert split[0][6][1] == [other]
    for k in range(40):
        simulation.client("ann").acquire(f"lock {k}", ttl=30)
    told = folded(simulation).full()
    assert told["groups"] == split[0][6]
    assert len(json.dumps(told, separators=(",", ":"))) < 12_500


def test_nonsense_does_no_harm():
    part = SpaceTime({})
    for kind in (*KINDS, "dup", "apply", "append"):
        part.apply(TraceEvent(1, Micros(0), NodeID("x"), kind, 0, {"id": "?", "what": 3}))
    assert part.full()["items"]

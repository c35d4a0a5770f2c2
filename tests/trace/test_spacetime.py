"""Points and arrows for the space-time diagram."""

from raftlock import Simulation
from raftlock.trace.parts.spacetime import KEPT_ITEMS, SpaceTime
from raftlock.types import TraceEvent
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


def test_nonsense_does_no_harm():
    part = SpaceTime({})
    for kind in ("send", "deliver", "drop", "due", "node", "role", "vote", "fault", "client_call"):
        part.apply(TraceEvent(1, Micros(0), NodeID("x"), kind, 0, {"id": "?", "what": 3}))
    assert part.full()["items"]

"""Figures of a run."""

from raftlock import Simulation
from raftlock.trace.parts.metrics import KEPT, Metrics
from raftlock.types import TraceEvent
from raftlock.types.ids import Micros, NodeID


def folded(simulation):
    part = Metrics(simulation.recorder.header)
    for event in simulation.recorder.events:
        part.apply(event)
    return part


def led(seed=4):
    simulation = Simulation(nodes=5, seed=seed, timing="lan")
    simulation.wait_for_leader()
    simulation.run(0.3)
    return simulation


def test_a_failover_lasts_from_the_loss_to_the_first_entry_that_counts():
    simulation = led()
    old, lost = simulation.leader, simulation.now
    simulation.kill(old)
    new = simulation.wait_for_leader()
    simulation.run(0.5)
    [[_, t, ms, before, leader, term]] = folded(simulation).full()["failovers"]
    assert (before, leader, term) == (old, new, 2)
    assert ms == round(t / 1000 - lost * 1000)
    assert ms > 50


def test_a_leader_that_was_cut_off_was_lost_when_it_was_cut_off():
    simulation = led()
    old, lost = simulation.leader, simulation.now
    others = [node for node in simulation.nodes if node != old]
    simulation.partition([old], others)
    simulation.run(2)
    [[_, t, ms, before, *_]] = folded(simulation).full()["failovers"]
    assert before == old
    assert ms == round(t / 1000 - lost * 1000)


def test_who_was_away_lags_and_catches_up():
    simulation = led()
    away = next(node for node in simulation.nodes if node != simulation.leader)
    simulation.freeze(away)
    for k in range(5):
        simulation.client("ann").acquire(f"lock {k}")
    lagging = [row for row in folded(simulation).full()["lag"] if row[2] == away]
    assert lagging[-1][3] >= 5
    simulation.thaw(away)
    simulation.run(1)
    assert [row for row in folded(simulation).full()["lag"] if row[2] == away][-1][3] == 0


def test_requests_take_their_time_and_waits_are_told_apart():
    simulation = led()
    simulation.client("ann").acquire("door", ttl=2)
    simulation.client("bob").acquire("door", wait=True)
    calls = folded(simulation).full()["calls"]
    ann, bob = (next(row for row in calls if row[2] == name) for name in ("ann", "bob"))
    assert ann[3:] == ["acquire", ann[4], "ok", False]
    assert bob[6] is True
    assert bob[4] > 1500 > ann[4]


def test_it_is_bounded_tells_news_and_copies():
    simulation = led()
    part = folded(simulation)
    seen = simulation.recorder.last_seq
    assert part.delta(seen) is None
    twin = part.copy()
    for k in range(KEPT + 50):
        simulation.client("ann").acquire("door")
        if k > 100:
            break
    for event in list(simulation.recorder.events)[seen - simulation.recorder.dropped :]:
        twin.apply(event)
    assert len(twin.full()["calls"]) <= KEPT
    assert twin.delta(seen)["calls"]
    assert part.delta(seen) is None
    part.apply(TraceEvent(seen + 1, Micros(0), NodeID("x"), "client_return", 0, {"op": 3}))

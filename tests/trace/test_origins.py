"""Who wrote an entry, and which majority had it."""

from raftlock import Simulation
from raftlock.trace.parts.origins import KEPT_INDEXES, Origins


def folded(simulation):
    part = Origins(simulation.recorder.header)
    for event in simulation.recorder.events:
        part.apply(event)
    return part


def rows_of(part):
    return {(row["i"], row["t"]): row for row in part.full()}


def test_who_wrote_an_entry_and_who_had_it_when_it_counted():
    simulation = Simulation(nodes=3, seed=4, timing="lan")
    leader = simulation.wait_for_leader()
    cut_off = next(node for node in simulation.nodes if node != leader)
    simulation.run(0.3)
    simulation.cut(leader, cut_off)
    simulation.client("ann").acquire("door")
    rows = rows_of(folded(simulation))
    assert rows[1, 1]["by"] == leader
    newest = rows[max(rows)]
    assert newest["by"] == leader
    assert leader in newest["of"]
    assert cut_off not in newest["of"]
    assert len(newest["of"]) == 2
    assert newest["at"] < newest["done"]


def test_an_entry_that_was_replaced_never_counted():
    simulation = Simulation(nodes=3, seed=4, timing="lan")
    old = simulation.wait_for_leader()
    simulation.run(0.3)
    others = [node for node in simulation.nodes if node != old]
    simulation.partition([old], others)
    simulation.client("ann").submit("acquire", "door")
    simulation.run(2)
    simulation.heal()
    simulation.run(2)
    rows = rows_of(folded(simulation))
    last = simulation.recorder.story.view.nodes[old].log.rows
    there = {(row.index, row.term) for row in last}
    assert all(row["done"] for key, row in rows.items() if key in there and key[0] < last[-1].index)
    assert all(not row["done"] for key, row in rows.items() if key not in there)


def test_it_keeps_the_newest_and_tells_what_changed():
    simulation = Simulation(nodes=3, seed=4, timing="lan")
    simulation.wait_for_leader()
    for k in range(40):
        simulation.client("ann").acquire(f"lock {k}", ttl=30)
    simulation.run(0.5)
    part = folded(simulation)
    assert len(part.full()) <= KEPT_INDEXES
    seen = simulation.recorder.last_seq
    assert part.delta(seen) is None
    twin = part.copy()
    simulation.client("ann").release("lock 3")
    for event in list(simulation.recorder.events)[seen:]:
        twin.apply(event)
    assert [row["i"] for row in twin.delta(seen)] == [part.full()[-1]["i"] + 1]
    assert part.delta(seen) is None

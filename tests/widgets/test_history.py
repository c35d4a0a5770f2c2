"""What clients asked and were answered, and the order that explains it."""

import json

import pytest
from raftlock_widgets import history
from raftlock_widgets.history import JUDGED_CALLS, KEPT_OPS, History

from raftlock import Simulation
from raftlock.sim.gallery import scene
from raftlock.types import TraceEvent


def folded(simulation, part=None):
    part = part or History(simulation.recorder.header)
    for event in list(simulation.recorder.events)[part._seq :]:
        part.apply(event)
    return part


@pytest.fixture
def run():
    simulation = Simulation(nodes=3, seed=4, timing="lan")
    simulation.wait_for_leader()
    simulation.client("ann").acquire("door", ttl=2)
    simulation.client("bob").submit("enqueue_waiter", "door")
    simulation.client("cy").submit("acquire", "door")
    simulation.run(4)
    return simulation


def test_operations_their_answers_and_the_log_s_own_moments(run):
    told = folded(run).full()
    ann, bob, cy = told["ops"]
    assert [op[6:9] for op in (ann, bob)] == [["ok", "granted", ann[8]], ["ok", "granted", bob[8]]]
    assert cy[6] == "fail"
    assert ann[8] < bob[8]
    assert ann[9] == 0
    assert bob[4] < bob[9] < bob[5], "it stood in the queue before it was granted"
    [lock] = told["locks"]
    assert (lock["lock"], lock["verdict"], lock["stuck"]) == ("door", "legal", 0)
    calls = [step[0] for step in lock["steps"]]
    assert set(calls) == {ann[0], bob[0], cy[0], 0}
    for call, t, how, state in lock["steps"]:
        if how == "log":
            op = next(op for op in told["ops"] if op[0] == call)
            assert op[4] <= t <= op[5]
        assert "hold" in state
    assert [step[2] for step in lock["steps"]].count("log") == 3


def test_an_answer_that_no_order_explains_is_named():
    simulation = scene("stale-read", without_rule=True)
    simulation.run(12)
    told = folded(simulation).full()
    [lock] = told["locks"]
    assert lock["verdict"] == "illegal"
    stuck = next(op for op in told["ops"] if op[0] == lock["stuck"])
    assert (stuck[1], stuck[2], stuck[7]) == ("carol", "get_lock_info", "free")
    assert told["bands"][0][1:3] == ["split", "n2 | n1 n3 n4 n5"]
    honest = scene("stale-read")
    honest.run(12)
    [lock] = folded(honest).full()["locks"]
    assert lock["verdict"] == "legal"


def test_deltas_have_what_changed_and_copies_go_on_apart(run):
    part = folded(run)
    part.full()
    seen = run.recorder.last_seq
    twin = part.copy()
    run.client("dee").submit("acquire", "cellar")
    run.run(1)
    folded(run, twin)
    fresh = twin.delta(seen)
    assert [op[1] for op in fresh["ops"]] == ["dee"]
    assert "cellar" in [lock["lock"] for lock in fresh["locks"]]
    assert part.delta(seen)["ops"] == []
    assert len(part.full()["ops"]) == 3
    # The first one goes on, too, and the two do not meddle with each other.
    assert folded(run, part).full() == twin.full()


def test_a_judgement_that_one_frame_found_is_in_the_next_one_of_another_reader(run):
    part = folded(run)
    seen = run.recorder.last_seq
    part.full()
    run.run(1)
    assert [lock["lock"] for lock in folded(run, part).delta(seen)["locks"]] == ["door"]


def test_faults_are_bands_while_they_last(run):
    run.kill("n1")
    run.run(1)
    run.restart("n1")
    run.freeze("n2")
    run.cut("n1", "n3")
    bands = {(band[1], band[2]): band[3:] for band in folded(run).full()["bands"]}
    down = bands["down", "n1"]
    assert 0 < down[0] < down[1]
    assert bands["frozen", "n2"][1] == 0
    assert bands["cut", "n1 – n3"][1] == 0
    run.heal()
    bands = {(band[1], band[2]): band[3:] for band in folded(run).full()["bands"]}
    assert bands["cut", "n1 – n3"][1] > 0


def test_what_cannot_be_judged_says_so(run, monkeypatch):
    late = History(run.recorder.header)
    for event in list(run.recorder.events)[300:]:
        late.apply(event)
    assert {lock["verdict"] for lock in late.full()["locks"]} <= {"unknown"}
    monkeypatch.setattr(history, "JUDGED_CALLS", 2)
    [lock] = folded(run).full()["locks"]
    assert lock["verdict"] == "unknown"
    assert "not judged any more" in lock["text"]


def test_where_a_node_ran_before_anybody_looked_nothing_is_judged(run):
    part = folded(run)
    assert {lock["verdict"] for lock in part.full()["locks"]} == {"legal"}
    seq = part._seq + 1
    part.apply(TraceEvent(seq, 0, "n1", "gap", 0, {"why": "it ran before"}))
    part.apply(TraceEvent(seq + 1, 0, "", "belief", 0, {"client": "ann", "lock": "door"}))
    assert {lock["verdict"] for lock in part.full()["locks"]} == {"unknown"}


def test_a_busy_lock_is_judged_late_and_never_costs_more_than_was_earned(run, monkeypatch):
    part = folded(run)
    part._earned = 0
    assert part.delta(1)["locks"] == [], "nothing was earned yet: the answer comes later"
    assert [lock["verdict"] for lock in part.full()["locks"]] == ["legal"]


def test_a_long_run_stays_small():
    simulation = Simulation(nodes=3, seed=5, timing="lan")
    simulation.wait_for_leader()
    for k in range(KEPT_OPS):
        client, lock = simulation.client(f"client {k % 9}"), f"lock {k % 5}"
        client.acquire(lock, ttl=30)
        client.release(lock)
    part = folded(simulation)
    told = part.full()
    assert len(told["ops"]) == KEPT_OPS
    assert told["cut"] == KEPT_OPS
    assert {lock["verdict"] for lock in told["locks"]} == {"legal"}
    assert len(json.dumps(told)) < 14_000
    assert KEPT_OPS * 2 < JUDGED_CALLS


def test_nonsense_does_no_harm():
    part = History({})
    kinds = ("client_call", "client_return", "belief", "append", "apply", "node", "fault")
    for number, kind in enumerate(kinds, 1):
        data = {"op": "acquire", "lock": 3, "entries": "?", "what": "cut", "index": "x"}
        part.apply(TraceEvent(number, 0, "x", kind, 0, data))
    assert part.full()["ops"]

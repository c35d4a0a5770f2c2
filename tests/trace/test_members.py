from raftlock.trace.members import decides, part_of, present
from raftlock.trace.nodes import NodeView
from raftlock.types import Configuration

THREE = Configuration(("n1", "n2", "n3"), ("n4",))
JOINT = Configuration(("n1", "n4"), ("n5",), ("n1", "n2", "n3"))


def test_a_majority_of_the_voters_decides_and_learners_do_not_count():
    assert decides(THREE, ["n1", "n3"])
    assert not decides(THREE, ["n1", "n4"])
    assert not decides(Configuration(), ["n1"]), "where nobody votes nothing is decided"


def test_while_the_voters_change_it_takes_a_majority_of_both():
    assert decides(JOINT, ["n1", "n2", "n4"])
    assert not decides(JOINT, ["n1", "n2", "n3"])
    assert not decides(JOINT, ["n1", "n4"])


def test_the_part_that_a_node_has():
    parts = [part_of(JOINT, name) for name in ("n1", "n2", "n4", "n5", "n6")]
    assert parts == ["voter", "voter", "voter", "learner", "no member"]


def node(name, index, configuration, **more):
    return NodeView(name, configurations=[(index, configuration)], **more)


def test_whose_word_is_taken_for_who_belongs_to_the_cluster():
    down = node("n1", 9, JOINT)
    low = node("n2", 5, THREE, state="up")
    old = node("n3", 7, JOINT, state="up", role="leader", term=1)
    new = node("n4", 6, THREE, state="up", role="leader", term=2)
    silent = NodeView("n6", state="up")
    first = Configuration(("n1",))
    assert present([silent], first) == first
    assert present([down, silent], first) == JOINT
    assert present([down, low], first) == THREE
    assert present([down, low, old], first) == JOINT
    assert present([down, low, old, new], first) == THREE

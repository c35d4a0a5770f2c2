import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftlock.errors import InvalidArgument, UnknownNode
from raftlock.raft.random64 import Random64
from raftlock.transport.links import PPM, Links, LinkState, Plan

NODES = ("n1", "n2", "n3", "n4", "n5")
PAIRS = [(src, dst) for src in NODES for dst in NODES if src != dst]


def links(**kwargs):
    return Links(NODES, Random64(7), **kwargs)


def open_pairs(table):
    return {pair for pair in PAIRS if table.is_open(*pair)}


def test_at_first_everything_is_open_and_takes_the_default():
    table = links(delay_us=200_000)
    assert open_pairs(table) == set(PAIRS)
    assert table.plan("n1", "n2", 1_000) == Plan(201_000)
    assert table.nodes == NODES
    assert (table.changed(), table.groups) == ((), ())


def test_a_cut_loses_what_is_sent_and_restore_undoes_it():
    table = links(delay_us=5)
    table.cut("n1", "n2")
    assert open_pairs(table) == set(PAIRS) - {("n1", "n2"), ("n2", "n1")}
    assert table.plan("n1", "n2", 0) == Plan(5, lost=True, why="cut")
    table.restore("n1", "n2", one_way=True)
    assert open_pairs(table) == set(PAIRS) - {("n2", "n1")}
    table.restore("n1", "n2")
    assert open_pairs(table) == set(PAIRS)
    assert table.changed() == ()


def test_one_way():
    table = links()
    table.cut("n1", "n2", one_way=True)
    assert not table.is_open("n1", "n2")
    assert table.is_open("n2", "n1")
    assert table.changed() == (LinkState("n1", "n2", cut=True),)
    assert table.state("n1", "n2").cut


def test_who_is_not_named_forms_the_last_group():
    table = links()
    table.partition([["n5", "n1"], ["n3"]])
    assert table.groups == (("n1", "n5"), ("n3",), ("n2", "n4"))
    together = {("n1", "n5"), ("n5", "n1"), ("n2", "n4"), ("n4", "n2")}
    assert open_pairs(table) == together
    table.partition([["n1", "n2"], ["n3", "n4", "n5"]])
    assert table.groups == (("n1", "n2"), ("n3", "n4", "n5"))


def test_heal_takes_back_everything():
    table = links(delay_us=9, loss_ppm=1)
    table.cut("n1", "n2")
    table.partition([["n1"]])
    table.set("n3", "n4", delay_us=1, jitter_us=2, loss_ppm=PPM)
    table.heal()
    assert open_pairs(table) == set(PAIRS)
    assert (table.changed(), table.groups) == ((), ())
    assert table.state("n3", "n4") == LinkState("n3", "n4", delay_us=9, loss_ppm=1)


def test_a_cut_outlives_a_partition_that_is_replaced():
    table = links()
    table.cut("n1", "n2")
    table.partition([["n1", "n2"]])
    assert not table.is_open("n1", "n2")


def test_a_link_can_be_slow_in_one_direction():
    table = links(delay_us=100)
    table.set("n1", "n2", delay_us=300, one_way=True)
    assert table.plan("n1", "n2", 0).deliver_at == 300
    assert table.plan("n2", "n1", 0).deliver_at == 100
    table.set("n1", "n2", loss_ppm=5)  # what is not given stays, in each direction for itself
    assert table.state("n1", "n2") == LinkState("n1", "n2", delay_us=300, loss_ppm=5)
    assert table.state("n2", "n1") == LinkState("n2", "n1", delay_us=100, loss_ppm=5)


def test_without_jitter_nothing_overtakes():
    table = links(delay_us=200)
    assert table.plan("n1", "n2", 0).deliver_at == 200
    table.set("n1", "n2", delay_us=0)
    assert table.plan("n1", "n2", 10).deliver_at == 200
    assert table.plan("n1", "n2", 199).deliver_at == 200
    assert table.plan("n1", "n2", 201).deliver_at == 201
    assert table.plan("n2", "n1", 10).deliver_at == 10


def test_jitter_stays_in_its_bounds_and_may_reorder():
    table = links(delay_us=100, jitter_us=50)
    arrivals = [table.plan("n1", "n2", now).deliver_at for now in range(200)]
    assert all(100 <= arrival - now <= 150 for now, arrival in enumerate(arrivals))
    assert arrivals != sorted(arrivals)


def test_loss_is_as_frequent_as_was_asked():
    table = links(loss_ppm=PPM // 10)
    plans = [table.plan("n1", "n2", now) for now in range(20_000)]
    assert 1_800 < sum(plan.lost for plan in plans) < 2_200
    assert {plan.why for plan in plans} == {"", "loss"}
    table.set("n1", "n2", loss_ppm=PPM)
    assert table.plan("n1", "n2", 0) == Plan(19_999, lost=True, why="loss")


def test_a_slow_clock_needs_a_least_delay():
    table = links()
    table.min_delay_us = 1_000
    assert table.plan("n1", "n2", 5).deliver_at == 1_005
    table.set("n1", "n2", delay_us=2_000)
    assert table.plan("n1", "n2", 5).deliver_at == 2_005


def test_the_same_seed_makes_the_same_plans():
    def run():
        table = links(delay_us=10, jitter_us=90, loss_ppm=200_000)
        return [table.plan(*PAIRS[now % len(PAIRS)], now) for now in range(500)]

    assert run() == run()


def test_every_change_shows_in_the_version():
    table = links()
    versions = [table.version]
    for change in (
        lambda: table.cut("n1", "n2"),
        lambda: table.restore("n1", "n2"),
        lambda: table.set("n1", "n2", delay_us=1),
        lambda: table.partition([["n1"]]),
        table.heal,
        lambda: table.add("n6"),
        lambda: table.remove("n1"),
    ):
        change()
        versions.append(table.version)
    assert versions == sorted(set(versions))


def test_a_new_node_is_joined_to_all_others_by_plain_links():
    table = links(delay_us=9, jitter_us=0, loss_ppm=PPM)
    table.set("n1", "n2", delay_us=1, loss_ppm=0)
    table.add("n6")
    assert table.nodes == (*NODES, "n6")
    assert table.state("n6", "n1") == LinkState("n6", "n1", delay_us=9, loss_ppm=PPM)
    assert table.state("n5", "n6") == LinkState("n5", "n6", delay_us=9, loss_ppm=PPM)
    assert table.is_open("n6", "n1")
    assert table.is_open("n1", "n6")
    assert {state.src for state in table.changed()} == {"n1", "n2"}
    table.cut("n6", "n1")
    table.heal()
    assert table.is_open("n6", "n1")


def test_a_new_node_comes_into_the_group_of_the_rest_or_of_the_one_it_is_beside():
    table = links()
    table.partition([["n1", "n2"], ["n3"]])
    table.add("n6")
    table.add("n7", beside="n3")
    assert table.groups == (("n1", "n2"), ("n3", "n7"), ("n4", "n5", "n6"))
    assert table.is_open("n6", "n4")
    assert not table.is_open("n6", "n1")
    table.partition([["n1", "n2", "n3"], ["n4", "n5", "n6", "n7"]])
    table.add("n8")
    assert table.groups[1] == ("n4", "n5", "n6", "n7", "n8")


def test_a_removed_node_is_forgotten_everywhere():
    table = links(delay_us=200)
    table.partition([["n1"], ["n2", "n3"]])
    table.plan("n2", "n3", 100)
    table.cut("n2", "n3")
    table.set("n3", "n2", delay_us=0)
    table.remove("n3")
    assert table.nodes == ("n1", "n2", "n4", "n5")
    assert table.groups == (("n1",), ("n2",), ("n4", "n5"))
    assert table.changed() == ()
    with pytest.raises(UnknownNode):
        table.is_open("n2", "n3")
    table.heal()
    table.add("n3")  # another one of that name: nothing of the old one is left
    assert table.state("n2", "n3") == LinkState("n2", "n3", delay_us=200)
    table.set("n2", "n3", delay_us=0)
    assert table.plan("n2", "n3", 100).deliver_at == 100


def test_a_partition_ends_when_nobody_is_left_on_its_other_side():
    table = links()
    table.partition([["n1"]])
    table.remove("n1")
    assert table.groups == ()
    table.add("n6")
    assert table.is_open("n6", "n2")


MISTAKES = [
    (
        lambda table: table.cut("n1", "n9"),
        "There is no node 'n9'; the nodes are n1, n2, n3, n4, n5.",
    ),
    (lambda table: table.cut("n1", "n1"), "A link joins two nodes; n1 was given twice."),
    (lambda table: table.partition([["n1", "n2"], ["n2"]]), "A partition may name n2 only once."),
    (lambda table: table.partition([["n1", "n1"]]), "A partition may name n1 only once."),
    (lambda table: table.partition([["n1"], []]), "A group of a partition must not be empty."),
    (lambda table: table.partition([["n1"], ["x" * 99]]), f"There is no node '{'x' * 24}'"),
    (lambda table: table.partition(["n1", "n2"]), "A group is a list of nodes, not the text 'n1'."),
    (lambda table: table.partition([]), "this one separates nobody"),
    (lambda table: table.partition([NODES]), "this one separates nobody"),
    (
        lambda table: table.set("n1", "n2", delay_us=-1),
        "delay must be from 0 to 60 s, not -1e-06 s",
    ),
    (lambda table: table.set("n1", "n2", jitter_us=60_000_001), "jitter must be from 0 to 60 s"),
    (lambda table: table.set("n1", "n2", loss_ppm=PPM + 1), "loss must be from 0 to 1, not 1"),
    (lambda table: table.add("n2"), "There is a node n2 already"),
    (lambda table: table.add(""), "A node needs a name."),
    (lambda table: table.add("n6", beside="n9"), "no node 'n9'"),
    (lambda table: table.remove("n9"), "no node 'n9'"),
    (lambda table: table.is_open("n9", "n1"), "no node"),
    (lambda table: table.plan("n1", "n1", 0), "two nodes"),
]


@pytest.mark.parametrize(("mistake", "sentence"), MISTAKES)
def test_a_mistake_gets_a_sentence_and_changes_nothing(mistake, sentence):
    table = links(delay_us=3)
    table.partition([["n1", "n2"]])
    before = (table.changed(), table.groups, table.version, open_pairs(table))
    with pytest.raises(InvalidArgument) as caught:
        mistake(table)
    assert sentence in caught.value.message
    assert isinstance(caught.value, UnknownNode) == ("no node" in sentence)
    assert (table.changed(), table.groups, table.version, open_pairs(table)) == before


def test_defaults_are_checked_too():
    with pytest.raises(InvalidArgument):
        links(loss_ppm=-1)


@given(st.lists(st.tuples(st.sampled_from(PAIRS), st.booleans())), st.permutations(NODES))
def test_open_means_not_cut_and_of_one_group(cuts, order):
    table = links()
    groups = [order[:2], order[2:4], order[4:]]
    table.partition(groups)
    closed = set()
    for (src, dst), one_way in cuts:
        table.cut(src, dst, one_way=one_way)
        closed |= {(src, dst)} if one_way else {(src, dst), (dst, src)}
    same = {pair for group in groups for pair in PAIRS if set(pair) <= set(group)}
    assert open_pairs(table) == same - closed


@given(st.lists(st.tuples(st.sampled_from(PAIRS), st.booleans(), st.integers(0, 9)), max_size=8))
def test_another_process_has_the_same_links_once_it_is_told(changes):
    ours, theirs = links(delay_us=5, loss_ppm=2), Links((), Random64(9))
    for (src, dst), cut, delay in changes:
        ours.set(src, dst, delay_us=delay, one_way=cut)
        if cut:
            ours.cut(src, dst, one_way=True)
    if len(changes) % 2:
        ours.partition([["n1", "n2"]])
    theirs.learn(ours.told())
    assert theirs.told() == ours.told()
    assert (theirs.nodes, theirs.groups) == (ours.nodes, ours.groups)
    for src, dst in PAIRS:
        assert theirs.state(src, dst) == ours.state(src, dst)
        assert theirs.is_open(src, dst) == ours.is_open(src, dst)


@pytest.mark.parametrize(
    "change",
    [
        {"nodes": ["n1", "n1"]},
        {"nodes": ["n1", ""]},
        {"nodes": "n1"},
        {"plain": [1, 2]},
        {"plain": [-1, 0, 0]},
        {"changed": [["n1", "n9", True, 0, 0, 0]]},
        {"changed": [["n1", "n2", 1, 0, 0, 0]]},
        {"changed": [["n1", "n2", True, 0, 0, PPM + 1]]},
        {"groups": [["n1"], ["n1"]]},
        {"groups": [[*NODES]]},
        {"more": 1},
    ],
)
def test_what_is_told_wrongly_changes_nothing(change):
    table = links(delay_us=5)
    table.cut("n1", "n2")
    before = table.told()
    with pytest.raises((InvalidArgument, UnknownNode)):
        table.learn(before | change)
    assert table.told() == before

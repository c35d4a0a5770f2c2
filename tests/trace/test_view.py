import pytest

from raftlock.trace.clients import Belief
from raftlock.trace.nodes import Tally, Timer
from raftlock.trace.view import FULL_SPEED, KEPT_CLIENTS, ClusterView
from raftlock.types import Configuration, Micros, NodeID, TraceEvent
from tests.trace.telling import FIVE, Teller


@pytest.fixture
def tell():
    return Teller().start()


def node(tell, name="n1"):
    return tell.view.nodes[name]


def logged(tell, name="n1"):
    return [(row.index, row.term) for row in node(tell, name).log.rows]


def test_before_the_first_event_all_nodes_are_known_and_down():
    view = Teller().view
    assert list(view.nodes) == FIVE
    assert {node.state for node in view.nodes.values()} == {"down"}
    assert (view.majority, view.speed_ppm, view.paused, view.seq) == (3, FULL_SPEED, False, 0)
    assert view.network.plain.delay_ms == 200


def test_a_header_without_words_is_an_empty_cluster():
    view = ClusterView({"timings": 3})
    assert (view.nodes, view.network.plain.delay_ms) == ({}, 0)


def test_who_is_not_known_is_shown_as_down_and_idle(tell):
    assert tell.view.node("n9").state == "down"
    assert tell.view.client("zoe").doing is None
    tell.call("zoe", "acquire", "a", "r1")
    assert tell.view.client("zoe").doing == "asks for a"


def test_a_node_that_the_header_does_not_name_joins(tell):
    tell.add("n6")
    assert list(tell.view.nodes) == [*FIVE, "n6"]
    assert tell.view.shape_version == tell.view.seq
    assert (tell.view.majority, tell.view.part("n6"), tell.view.part("n1")) == (
        3,
        "no member",
        "voter",
    )
    assert tell.view.nodes["n6"].state == "up"


def test_who_is_removed_leaves_the_picture_and_nothing_brings_it_back(tell):
    tell.fault("cut", src="n1", dst="n5")
    tell.fault("partition", groups=[["n1", "n2"], ["n3", "n4"], ["n5"]])
    tell.remove("n5")
    assert list(tell.view.nodes) == FIVE[:4]
    assert tell.view.shape_version == tell.view.seq
    assert tell.view.network.cuts == set()
    assert tell.view.network.groups == (("n1", "n2"), ("n3", "n4"))
    tell.emit("n5", "fsync", write=1)
    assert "n5" not in tell.view.nodes
    tell.add("n5")
    assert tell.view.nodes["n5"].state == "up"
    tell.emit("n5", "term", term=3)
    assert tell.view.nodes["n5"].term == 3


def test_a_lost_disk_leaves_nothing_and_a_successor_stands_by(tell):
    tell.elect("n1", 1)
    tell.store("n3", (1, 1, 40, "a"))
    tell.members("n3", 1, ["n1", "n2", "n3"])
    tell.fault("partition", groups=[["n1", "n2", "n3"], ["n4", "n5"]])
    tell.wipe("n3", "n3.2")
    n3 = node(tell, "n3")
    assert (n3.state, n3.fate, n3.term, n3.voted_for, n3.log.last) == ("down", "wiped", 0, "", 0)
    assert n3.cluster_time(0) == 0
    assert list(tell.view.nodes) == ["n1", "n2", "n3", "n3.2", "n4", "n5"]
    assert tell.view.network.both_ways("n3.2", "n1")
    assert not tell.view.network.both_ways("n3.2", "n4")
    assert (node(tell, "n3.2").fate, tell.view.part("n3.2")) == ("", "no member")
    tell.members("n1", 2, ["n1", "n2", "n4", "n5"], ["n3.2"], FIVE)
    assert "n3" in tell.view.nodes
    tell.members("n1", 3, ["n1", "n2", "n4", "n5"], ["n3.2"])
    assert list(tell.view.nodes) == ["n1", "n2", "n3.2", "n4", "n5"]
    assert tell.view.shape_version == tell.view.seq


def test_a_lost_disk_of_a_voter_that_comes_back(tell):
    tell.elect("n1", 1)
    tell.wipe("n3", "n3")
    assert list(tell.view.nodes) == FIVE
    assert (node(tell, "n3").state, node(tell, "n3").term) == ("up", 0)


def test_why_a_node_is_down(tell):
    tell.emit("n2", "node", state="down", what="stopped", why="no sync")
    assert (node(tell, "n2").fate, node(tell, "n2").why) == ("stopped", "no sync")
    tell.restart("n2")
    assert (node(tell, "n2").fate, node(tell, "n2").why) == ("", "")
    tell.emit("n2", "node", state="down", what="refused", why="record 7")
    assert (node(tell, "n2").state, node(tell, "n2").fate) == ("down", "refused")


def test_the_members_are_the_leaders_word_or_else_the_latest(tell):
    view = tell.view
    assert view.configuration == Configuration(tuple(FIVE))
    tell.members("n2", 4, FIVE[:3])
    assert view.configuration.voters == ("n1", "n2", "n3")
    tell.elect("n1", 1)
    assert view.configuration.voters == tuple(FIVE)
    tell.members("n1", 5, FIVE[:4], ["n5"], FIVE)
    assert view.configuration.is_joint
    assert (view.part("n5"), view.majority) == ("voter", 3)
    tell.members("n1", 6, FIVE[:2], ["n5"])
    assert (view.part("n5"), view.part("n4"), view.majority) == ("learner", "no member", 2)
    assert view.members_version == view.seq
    assert view.members_of(view.nodes["n4"]).voters == tuple(FIVE)
    tell.add("n6")
    assert view.members_of(view.nodes["n6"]) == view.configuration


def test_members_that_were_not_on_the_disk_are_forgotten_with_their_entry(tell):
    tell.emit("n1", "timer_fire", timer="election")
    tell.store("n1", (1, 1, 0, "no-op"))
    tell.append("n1", (2, 1, 0, "members"))
    tell.members("n1", 2, FIVE[:4])
    tell.append("n1", (3, 1, 0, "members"))
    tell.members("n1", 3, FIVE[:3])
    tell.emit("n1", "truncate", from_=3, to=3)
    tell.members("n1", 2, FIVE[:4])
    assert [index for index, _ in node(tell).configurations] == [0, 2]
    tell.kill("n1")
    assert tell.view.members_of(node(tell)).voters == tuple(FIVE)


def test_handing_the_office_over(tell):
    tell.elect("n1", 1)
    tell.emit("n1", "transfer", target="n3", what="begun")
    assert (node(tell).handover, node(tell, "n3").told_by) == ("n3", "")
    tell.emit("n1", "transfer", target="n3", what="told")
    assert node(tell, "n3").told_by == "n1"
    tell.emit("n1", "transfer", target="n3", what="given up")
    assert node(tell).handover == ""
    tell.stand("n3", 2)
    assert node(tell, "n3").told_by == ""
    tell.emit("n1", "transfer", target="n9", what="told")
    assert node(tell).handover == "n9"
    tell.step_down("n1", 2)
    assert node(tell).handover == ""


def test_who_is_sent_a_snapshot(tell):
    tell.elect("n1", 1)
    tell.progress("n1", "n2", 1, 0, "snapshot")
    assert node(tell).sent == {"n2"}
    tell.progress("n1", "n2", 9, 8)
    assert node(tell).sent == set()


def test_an_event_of_no_node_makes_none(tell):
    tell.emit("", "term", term=9)
    assert list(tell.view.nodes) == FIVE


def test_kinds_that_nobody_knows_change_nothing(tell):
    before = tell.view.nodes["n1"].version
    tell.view.apply(TraceEvent(99, Micros(5), NodeID("n1"), "riddle", 1, {}))
    assert (tell.view.seq, tell.view.now, tell.view.nodes["n1"].version) == (99, 5, before)


def test_an_election(tell):
    tell.timer("n1", 600)
    assert node(tell).timer == Timer("election", 600_000, 600_000)
    tell.at(610).stand("n1", 1)
    n1 = node(tell)
    assert (n1.role, n1.term, n1.leader, n1.waited) == ("candidate", 1, "", 610_000)
    tell.tally("n1", ["n1", "n2"], ["n3"])
    assert n1.tally == Tally(("n1", "n2"), ("n3",), 3)
    tell.at(700).vote("n2", "n1", 1)
    assert (node(tell, "n2").voted_for, node(tell, "n2").term) == ("n1", 1)
    tell.at(800).lead("n1", cluster_time=40)
    tell.progress("n1", "n2", 3, 2)
    assert (n1.role, n1.leader, n1.tally) == ("leader", "n1", None)
    assert n1.timer == Timer("heartbeat", 1_300_000, 500_000)
    assert n1.progress == {"n2": (3, 2)}
    assert n1.cluster_time(900_000) == 140
    tell.at(1000).step_down("n1", 2)
    assert (n1.role, n1.term, n1.voted_for, n1.leader, n1.progress) == ("follower", 2, "", "", {})
    assert n1.cluster_time(9_000_000) == 240
    assert [(p.t // 1000, p.term, p.role) for p in n1.points] == [
        (0, 0, "follower"),
        (610, 1, "candidate"),
        (800, 1, "leader"),
        (1000, 2, "follower"),
    ]


def test_a_newer_term_clears_the_vote_and_the_leader_an_older_one_does_nothing(tell):
    tell.vote("n2", "n1", 1)
    tell.follow("n2", "n1")
    assert node(tell, "n2").leader == "n1"
    tell.emit("n2", "timer_fire", timer="heartbeat")
    tell.emit("n2", "term", term=1)
    assert node(tell, "n2").voted_for == "n1"
    tell.term("n2", 3)
    assert (node(tell, "n2").voted_for, node(tell, "n2").leader) == ("", "")


def test_a_heartbeat_timer_that_fires_is_no_waiting(tell):
    tell.timer("n1", 500, "heartbeat")
    tell.at(500).emit("n1", "timer_fire", timer="heartbeat")
    assert node(tell).waited == 0
    tell.emit("n2", "timer_fire", timer="election")
    assert node(tell, "n2").waited == 0


def test_how_long_a_timer_ran_is_counted_by_the_runs_time_and_not_by_the_nodes(tell):
    tell.at(100).emit("n1", "timer_set", timer="election", deadline=90_000_000, duration=600_000)
    tell.at(700).emit("n1", "timer_fire", timer="election")
    assert node(tell).waited == 600_000


def test_commit_and_apply(tell):
    tell.commit("n1", 4)
    tell.apply("n1", 3, stamp=77, hash_="abcd")
    tell.apply("n2", 2)
    n1 = node(tell)
    assert (n1.commit, n1.applied, n1.hash, n1.clock_ms) == (4, 3, "abcd", 77)
    assert (tell.view.applied_high, tell.view.applied_by) == (3, "n1")


def test_a_conflicting_tail_is_dropped_and_replaced(tell):
    tell.emit("n1", "timer_fire", timer="election")
    tell.store("n1", (1, 1, 0, "a"), (2, 1, 0, "b"), (3, 1, 0, "c"))
    tell.emit("n1", "truncate", from_=2, to=3)
    assert logged(tell) == [(1, 1)]
    tell.append("n1", (2, 2, 5, "d"))
    assert logged(tell) == [(1, 1), (2, 2)]
    assert node(tell).clock_ms == 5


def test_no_entries_are_no_change(tell):
    tell.append("n1")
    assert node(tell).log.last == 0


def test_the_disk_is_busy_until_the_sync(tell):
    tell.begin_write("n1", term=1, vote="n1")
    tell.begin_write("n1", 1, 1)
    assert sorted(node(tell).writes) == [1, 2]
    tell.end_write("n1")
    assert node(tell).writes == {}
    assert (node(tell).disk_term, node(tell).disk_vote) == (1, "n1")


def test_a_kill_takes_what_was_not_synced_and_all_that_is_volatile(tell):
    tell.elect("n1", 1)
    tell.store("n1", (1, 1, 30, "a"), (2, 1, 60, "b"))
    tell.commit("n1", 2)
    tell.apply("n1", 2)
    tell.lock("n1", "printer", "alice", 2, "granted")
    tell.append("n1", (3, 1, 90, "c"))
    tell.begin_write("n1", 3, 3)
    tell.term("n1", 2)
    tell.kill("n1")
    n1 = node(tell)
    assert (n1.state, n1.role, n1.term, n1.voted_for) == ("down", "follower", 1, "n1")
    assert (n1.commit, n1.applied, n1.hash, n1.leader) == (0, 0, "", "")
    assert (n1.timer, n1.tally, n1.progress, n1.writes, n1.locks) == (None, None, {}, {}, {})
    assert logged(tell) == [(1, 1), (2, 1)]
    assert (n1.lost, n1.cluster_time(9_999_999)) == (1, 60)
    assert n1.points[-1].state == "down"


def test_killing_twice_is_killing_once(tell):
    tell.store("n1", (1, 1, 0, "a"))
    tell.kill("n1")
    tell.append("n1", (2, 1, 0, "b"))
    tell.emit("n1", "node", state="down", what="killed")
    assert logged(tell) == [(1, 1), (2, 1)]


def test_a_node_that_had_synced_nothing_comes_back_with_nothing(tell):
    tell.append("n1", (1, 1, 0, "a"))
    tell.emit("n2", "deliver", id=0, from_="n1")
    tell.append("n2", (1, 1, 0, "a"))
    tell.kill("n2")
    tell.restart("n2")
    assert logged(tell, "n2") == []
    assert node(tell, "n2").state == "up"


def test_a_restart_tells_what_the_disk_kept(tell):
    tell.kill("n1")
    tell.restart("n1", 3, "n2", [(1, 1, 10, "a"), (2, 3, 20, "b")])
    n1 = node(tell)
    assert (n1.state, n1.term, n1.voted_for, n1.cluster_time(0)) == ("up", 3, "n2", 20)
    assert logged(tell) == [(1, 1), (2, 3)]
    tell.kill("n1")
    assert (n1.term, n1.voted_for) == (3, "n2"), "what came from the disk is still on it"
    assert logged(tell) == [(1, 1), (2, 3)]


def test_a_disk_that_knows_less_than_the_picture_is_believed(tell):
    tell.write("n1", term=5, vote="n1")
    tell.kill("n1")
    tell.restart("n1", 2)
    assert (node(tell).term, node(tell).voted_for) == (2, "")


def test_freezing_keeps_everything(tell):
    tell.elect("n1", 1)
    tell.freeze("n1")
    assert (node(tell).state, node(tell).role) == ("frozen", "leader")
    tell.thaw("n1")
    assert node(tell).state == "up"


def test_a_client_can_be_frozen_too(tell):
    tell.emit("client:alice", "node", state="frozen", what="frozen")
    assert tell.view.clients["alice"].state == "frozen"
    assert list(tell.view.nodes) == FIVE


def test_heartbeats_carry_the_time_to_the_followers(tell):
    number = tell.send("n1", "n2", "HB", cluster_time=500)
    tell.at(200).deliver(number)
    assert node(tell, "n2").clock_ms == 500
    assert tell.view.network.flights == {}
    plain = tell.send("n2", "n1", "HB✓")
    version = node(tell).version
    tell.deliver(plain)
    assert node(tell).version == version


def test_a_delivery_to_nobody_is_ignored(tell):
    tell.emit("n9", "deliver", id=5, from_="n1")
    assert list(tell.view.nodes) == FIVE


def test_what_a_send_does_not_say_reads_as_empty(tell):
    tell.at(5).view.apply(TraceEvent(50, Micros(7), NodeID("n1"), "send", 1, {"fields": 3}))
    flight = tell.view.network.flights[50]
    assert (flight.dst, flight.t0, flight.t1, flight.fields) == ("", 7, 7, {})


def test_faults_of_the_network(tell):
    net = tell.view.network
    tell.fault("cut", src="n1", dst="n2", one_way=True)
    assert tell.view.network.cuts == {("n1", "n2")}
    assert net.version == tell.view.seq
    tell.fault("restore", src="n1", dst="n2", one_way=True)
    assert net.cuts == set()
    tell.fault("partition", groups=[["n1"], ["n2", "n3"]])
    assert tell.view.network.groups == (("n1",), ("n2", "n3"))
    tell.fault("link", src="n1", dst="n2", delay_ms=5, jitter_ms=1, loss_ppm=9)
    assert tell.view.network.shape("n1", "n2").loss_ppm == 9
    tell.fault("heal")
    assert (tell.view.network.groups, net.shapes) == ((), {})


def test_faults_of_time(tell):
    tell.fault("pause")
    assert tell.view.paused
    tell.fault("speed", speed_ppm=50_000)
    tell.fault("resume")
    tell.fault("riddle")
    assert (tell.view.paused, tell.view.speed_ppm) == (False, 50_000)


def test_the_lock_table_of_each_node(tell):
    tell.lock("n1", "printer", "alice", 2, "granted")
    tell.lock("n2", "printer", "", 0, "queued", queue=[("bob", 0, 3, 9)])
    assert node(tell).locks["printer"]["owner"] == "alice"
    assert list(node(tell, "n2").locks) == ["printer"]
    assert node(tell, "n3").locks == {}
    tell.lock("n1", "printer", "", 0, "released")
    tell.lock("n1", "scanner", "", 0, "released")
    assert node(tell).locks == {}


def test_clients(tell):
    tell.call("alice", "acquire", "printer", "r1")
    alice = tell.view.clients["alice"]
    assert alice.doing == "asks for printer"
    tell.answer("alice", "acquire", "r1", "fail", "held by bob")
    tell.answer("alice", "acquire", "r7")
    assert (alice.doing, alice.last) == (None, "ok")
    tell.believe("alice", "printer", 7, 900)
    assert alice.holds == {"printer": Belief("printer", 7, 900_000)}
    tell.believe("alice", "printer", 0)
    tell.believe("alice", "scanner", 0)
    assert alice.holds == {}


def test_of_too_many_clients_the_idle_go_first(tell):
    for number in range(KEPT_CLIENTS):
        tell.believe(f"c{number}", "printer", 1 if number == 0 else 0)
    tell.call("new", "acquire", "printer", "r1")
    view = tell.view
    assert len(view.clients) == KEPT_CLIENTS
    assert "c0" in view.clients
    assert "c1" not in view.clients


def test_of_too_many_busy_clients_the_oldest_goes(tell):
    for number in range(KEPT_CLIENTS + 1):
        tell.believe(f"c{number}", "printer", 1)
    assert "c0" not in tell.view.clients


def test_a_question_before_an_election_is_seen_until_it_is_answered(tell):
    tell.emit("n1", "pre_vote", term=1, granted=["n1"], refused=["n2"], needed=3)
    assert node(tell).pre_vote == Tally(("n1",), ("n2",), 3)
    tell.timer("n1", 600)  # a leader was heard
    assert node(tell).pre_vote is None
    tell.emit("n1", "pre_vote", term=1, granted=["n1"], refused=[], needed=3)
    tell.stand("n1", 1)
    assert node(tell).pre_vote is None


def test_a_snapshot_takes_the_place_of_the_log_up_to_it(tell):
    tell.append("n1", (1, 1, 0, "a"), (2, 1, 0, "b"), (3, 1, 0, "c"))
    tell.emit("n1", "install", index=2, term=1, bytes=9)
    assert logged(tell) == [(1, 1), (2, 1), (3, 1)], "what is behind it stays"
    tell.emit("n1", "install", index=9, term=1, bytes=9)
    assert logged(tell) == []
    assert (node(tell).log.first, node(tell).applied, node(tell).commit) == (10, 9, 9)
    assert node(tell).locks == {}
    tell.append("n1", (10, 1, 0, "x"))
    assert logged(tell) == [(10, 1)]


def test_an_own_snapshot_drops_the_beginning_of_the_log(tell):
    tell.append("n1", (1, 1, 0, "a"), (2, 1, 0, "b"), (3, 2, 0, "c"))
    tell.emit("n1", "snapshot", index=3, term=2, bytes=9)
    tell.emit("n1", "compact", "TakeSnapshot", to=2)
    assert (logged(tell), node(tell).snapshot, node(tell).log.base) == ([(3, 2)], 3, 2)
    assert node(tell).log.term_at(2) == 1
    tell.emit("n1", "compact", "TakeSnapshot", to=3)
    assert (node(tell).log.last, node(tell).log.term_at(3)) == (3, 2)


def test_a_restored_table_is_told_lock_by_lock_and_is_no_news(tell):
    tell.apply("n1", 2)
    tell.lock("n1", "printer", "alice", 2, "granted")
    lines = len(tell.lines)
    tell.emit("n1", "install", "Restart", index=2, term=1, bytes=9)
    tell.emit("n1", "restore", index=2, hash="abcd")
    assert (node(tell).hash, node(tell).locks) == ("abcd", {})
    tell.lock("n1", "printer", "alice", 2, "granted")
    assert node(tell).locks["printer"]["owner"] == "alice"
    assert len(tell.lines) == lines + 1, "only that it was read from the disk"

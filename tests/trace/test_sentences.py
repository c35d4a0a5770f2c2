import pytest

from raftlock.trace.sentences import sentence, tell
from raftlock.trace.view import ClusterView
from raftlock.types import Micros, NodeID, TraceEvent
from tests.trace.telling import Teller


def told(prepare, act, nodes=None):
    """The sentences of what `act` does after `prepare`, with their levels."""
    teller = Teller(nodes or ["n1", "n2", "n3", "n4", "n5"]).start()
    prepare(teller)
    before = len(teller.lines)
    act(teller)
    return [(line.text, line.level) for line in list(teller.recorder.story.lines)[before:]]


def nothing(_):
    pass


def elected(t):
    t.timer("n1", 600)
    t.at(600).elect("n1", 1)


def led_with_an_entry(t):
    elected(t)
    t.store("n1", (1, 1, 0, "no-op"))


def candidate(t):
    t.timer("n1", 600)
    t.at(600).stand("n1", 1)


def asking(t):
    t.timer("n1", 600)
    t.at(600).emit("n1", "timer_fire", timer="election")
    ask(t, ["n1"])


def ask(t, granted, refused=()):
    t.emit("n1", "pre_vote", term=1, granted=granted, refused=list(refused), needed=3)


def members(t, rule, voters, outgoing=(), **more):
    t.members("n1", more.get("index", 5), voters, more.get("learners", ()), outgoing, rule=rule)


def with_learner(t):
    elected(t)
    members(t, "ChangeMembers", ["n1", "n2", "n3", "n4", "n5"], learners=["n6"])


def changing(t):
    elected(t)
    members(t, "ChangeMembers", ["n1", "n4", "n5"], ["n1", "n2", "n3"])


def life(node, what, **more):
    state = "up" if what in ("added", "restarted") else "down"
    return lambda t: t.emit(node, "node", state=state, what=what, **more)


def looked(owner, token):
    return lambda t: t.emit(
        "client:bob",
        "client_return",
        client="bob",
        op="get_lock_info",
        lock="printer",
        request_id="r1",
        status="ok",
        result="info",
        owner=owner,
        token=token,
    )


def lead_no_more(rule):
    return lambda t: t.emit("n1", "role", rule, from_="leader", to="follower")


def busy_disk(t):
    t.begin_write("n2", 1, 1)


def cut_off(t):
    number = t.send("n1", "n2", "AE·1")
    t.drop(number, "cut")


def lose(label, why):
    return lambda t: t.drop(t.send("n1", "n2", label), why)


CHANGING = (
    "n1 begins to change the voters from n1 and n3 to n1 and n4: until that is done, every decision"
    " needs a majority of both."
)

CASES = [
    # members
    (
        elected,
        lambda t: members(t, "ChangeMembers", ["n1", "n4"], ["n1", "n3"]),
        CHANGING,
        "info",
    ),
    (
        elected,
        lambda t: members(t, "LeaveJoint", ["n1", "n2", "n4"]),
        "The cluster's voters are now n1, n2 and n4.",
        "good",
    ),
    (
        elected,
        lambda t: members(t, "LeaveJoint", ["n1", "n2"], learners=["n3.2"]),
        "The cluster's voters are now n1 and n2; n3.2 only learns.",
        "good",
    ),
    (
        elected,
        lambda t: members(t, "LeaveJoint", ["n1"], learners=["n2", "n3"]),
        "The cluster's voters are now n1; n2 and n3 only learn.",
        "good",
    ),
    (
        elected,
        lambda t: members(t, "ChangeMembers", ["n1"], learners=["n4"]),
        "n4 joins as a learner: it is sent the log and has no vote.",
        "info",
    ),
    (
        with_learner,
        lambda t: members(t, "ChangeMembers", ["n1"], learners=["n7", "n8"], index=6),
        (
            "n7 and n8 join as learners: they are sent the log and have no vote. n6 is no member"
            " any more."
        ),
        "info",
    ),
    (
        changing,
        lambda t: members(t, "HandleAppendEntriesRequest", ["n1", "n2"], index=0),
        (
            "n1 goes back to the members of before, since the entry with the new ones is dropped:"
            " voters are n1 and n2 again."
        ),
        "warn",
    ),
    (
        changing,
        lambda t: t.commit("n1", 1),
        "Entry 1 is committed: a majority of n1, n2 and n3 has it, and one of n1, n4 and n5.",
        "info",
    ),
    (
        changing,
        lambda t: t.commit("n1", 2),
        (
            "Entries 1 to 2 are committed: a majority of n1, n2 and n3 has them, and one of n1, n4"
            " and n5."
        ),
        "info",
    ),
    (elected, lambda t: members(t, "ChangeMembers", ["n1"]), None, None),
    (elected, lambda t: members(t, "HandleAppendEntriesRequest", ["n1"]), None, None),
    # a transfer of leadership
    *[
        (elected, lambda t, what=what: t.emit("n1", "transfer", target="n3", what=what), text, how)
        for what, text, how in (
            ("begun", "n1 hands its office to n3: it takes no requests meanwhile.", "info"),
            ("told", "n3 has all of n1's log, so n1 tells it to stand at once.", "info"),
            ("given up", "n3 did not take over in time: n1 goes on leading.", "warn"),
        )
    ],
    (
        lambda t: (elected(t), t.emit("n1", "transfer", target="n3", what="told")),
        lambda t: t.emit("n3", "role", "Timeout", from_="follower", to="candidate", leader=""),
        "n3 stands for election in term 1 at once: n1 asked it to.",
        "info",
    ),
    (
        lambda t: (elected(t), t.emit("n1", "transfer", target="n3", what="told")),
        lambda t: t.at(3000).stand("n3", 2),
        "n3 heard from no leader for 2.4 s, so it stands for election in term 2.",
        "info",
    ),
    (
        elected,
        lead_no_more("LeaveOffice"),
        "n1 no longer leads: it has no vote any more, and a majority knows it.",
        "info",
    ),
    # snapshots
    (
        elected,
        lambda t: t.emit("n1", "snapshot", index=12, term=1, bytes=300),
        "n1 takes a snapshot of its lock table: it stands for entries 1 to 12.",
        "info",
    ),
    (
        elected,
        lambda t: t.emit("n2", "install", index=12, term=1, bytes=300),
        "n2 takes over the leader's snapshot, which stands for entries 1 to 12.",
        "info",
    ),
    (
        elected,
        lambda t: t.emit("n2", "install", "Restart", index=12, term=1, bytes=300),
        "n2 reads a snapshot from its disk: it stands for entries 1 to 12.",
        "info",
    ),
    (
        elected,
        lambda t: t.emit("n1", "compact", "TakeSnapshot", to=8),
        "n1 drops entries 1 to 8 from its log: the snapshot stands for them.",
        "info",
    ),
    (
        lambda t: t.emit("n1", "compact", "TakeSnapshot", to=8),
        lambda t: t.emit("n1", "compact", "TakeSnapshot", to=9),
        "n1 drops entry 9 from its log: the snapshot stands for it.",
        "info",
    ),
    (
        lambda t: t.emit("n1", "compact", "TakeSnapshot", to=8),
        lambda t: t.emit("n1", "compact", "TakeSnapshot", to=8),
        None,
        None,
    ),
    (
        elected,
        lambda t: t.emit("n1", "compact", "HandleInstallSnapshotRequest", to=8),
        None,
        None,
    ),
    (
        elected,
        lambda t: t.progress("n1", "n3", 1, 0, "snapshot"),
        "n1 sends n3 its snapshot: n3 lacks entries that are no longer in n1's log.",
        "info",
    ),
    (
        lambda t: t.progress("n1", "n3", 1, 0, "snapshot"),
        lambda t: t.progress("n1", "n3", 1, 0, "snapshot"),
        None,
        None,
    ),
    (elected, lambda t: t.progress("n1", "n3", 1, 0, "probe"), None, None),
    # nodes that come and go, and disks
    (
        nothing,
        life("n6", "added"),
        "n6 starts with an empty disk: it is no member yet and has no vote.",
        "info",
    ),
    (nothing, life("n2", "removed"), "n2 is gone: it is switched off for good.", "info"),
    (nothing, life("n2", "wiped"), None, None),
    (
        life("n2", "wiped"),
        life("n2", "restarted"),
        "n2 is back with an empty disk: no term, no vote, no log.",
        "info",
    ),
    (
        nothing,
        life("n2", "stopped", why="A sync was refused."),
        "n2 stops: a sync was refused.",
        "fault",
    ),
    (nothing, life("n2", "stopped"), "n2 stops: its disk failed.", "fault"),
    (
        nothing,
        life("n2", "refused", why="Record 7 is damaged."),
        "n2 refuses to start: record 7 is damaged.",
        "fault",
    ),
    (nothing, life("n2", "refused"), "n2 refuses to start: its disk is damaged.", "fault"),
    (
        nothing,
        lambda t: t.fault("wipe", node="n3", becomes="n3.2", as_voter=False),
        (
            "The disk of n3 is lost, and with it all that n3 promised: it never comes back. n3.2"
            " takes its place, as a new node."
        ),
        "fault",
    ),
    (
        nothing,
        lambda t: t.fault("wipe", node="n3", becomes="n3", as_voter=True),
        (
            "The disk of n3 is lost, yet n3 keeps its vote: it has forgotten what it promised, so"
            " even what is committed may now be lost."
        ),
        "fault",
    ),
    (nothing, lambda t: t.fault("add", node="n6"), None, None),
    (
        nothing,
        lambda t: t.fault("members", voters=["n1", "n2"], learners=[]),
        "The leader is asked for other members: n1 and n2 to vote.",
        "info",
    ),
    (
        nothing,
        lambda t: t.fault("members", voters=["n1", "n2"], learners=["n6"]),
        "The leader is asked for other members: n1 and n2 to vote, and n6 to learn.",
        "info",
    ),
    (
        nothing,
        lambda t: t.fault("transfer", node="n2"),
        "The leader is asked to hand its office to n2.",
        "info",
    ),
    (
        nothing,
        lambda t: t.fault("transfer", node=""),
        "The leader is asked to hand its office to whoever has most of its log.",
        "info",
    ),
    *[
        (nothing, lambda t, what=what: t.fault("disk", node="n2", fault=what), text, how)
        for what, text, how in (
            ("fail_sync", "The disk of n2 will fail at its next sync.", "fault"),
            ("full", "The disk of n2 is full: it takes no more writes.", "fault"),
            ("well", "The disk of n2 has room again.", "info"),
            ("riddle", "The disk of n2 riddle.", "fault"),
        )
    ],
    *[
        (nothing, lambda t, more=more: t.fault("clock", node="n2", **more), text, how)
        for more, text, how in (
            ({"jump_ms": 1500}, "The clock of n2 jumps ahead by 1.5 s.", "fault"),
            ({"rate_ppm": 5000}, "The clock of n2 now runs 0.5 % too fast.", "fault"),
            ({"rate_ppm": -10_000}, "The clock of n2 now runs 1 % too slow.", "fault"),
            ({"rate_ppm": 0}, "The clock of n2 runs right again.", "info"),
        )
    ],
    (
        nothing,
        lambda t: t.fault("stranger", node="n2", sort="wrong_token"),
        "A stranger knocks at the door of n2 (wrong token) and must not get in.",
        "warn",
    ),
    # questions
    (
        nothing,
        lambda t: t.call("bob", "get_lock_info", "printer", "r1"),
        "bob asks who holds printer.",
        "info",
    ),
    (nothing, looked("alice", 7), "bob is told: alice holds printer with token 7.", "info"),
    (nothing, looked("", 0), "bob is told: nobody holds printer.", "info"),
    # asking before standing, and giving up an office
    (
        nothing,
        asking,
        "n1 heard from no leader for 600 ms, so it asks whether it could win term 1.",
        "info",
    ),
    (asking, lambda t: ask(t, ["n1", "n2"]), None, None),
    (asking, lambda t: ask(t, ["n1"], ["n2"]), None, None),
    (
        lambda t: (asking(t), ask(t, ["n1", "n2", "n3"])),
        lambda t: t.emit("n1", "role", from_="follower", to="candidate"),
        "n1 would have 3 of 5 votes, so it stands for election in term 0.",
        "info",
    ),
    (
        candidate,
        lambda t: t.emit("n1", "role", "PreVote", from_="candidate", to="follower"),
        "n1 gives up its candidacy: too few votes came in time.",
        "info",
    ),
    (
        elected,
        lead_no_more("CheckQuorum"),
        "n1 no longer leads: it has not heard a majority for too long.",
        "warn",
    ),
    (
        elected,
        lead_no_more("DiskStuck"),
        "n1 no longer leads: its disk has not answered for too long.",
        "warn",
    ),
    # a node's life
    (nothing, lambda t: t.emit("n9", "node", state="up", what="started"), "n9 starts.", "info"),
    (
        nothing,
        lambda t: t.kill("n2"),
        "n2 was killed: its disk keeps its term, its vote and its log.",
        "fault",
    ),
    (
        busy_disk,
        lambda t: t.kill("n2"),
        "n2 was killed: what its disk had not synced is lost.",
        "fault",
    ),
    (
        lambda t: t.kill("n2"),
        lambda t: t.restart("n2"),
        "n2 is back, with the term, the vote and the log that its disk kept.",
        "info",
    ),
    (
        nothing,
        lambda t: t.freeze("n2"),
        "n2 is frozen: it handles nothing and sends nothing, but its clock runs on.",
        "fault",
    ),
    (
        lambda t: t.freeze("n2"),
        lambda t: t.thaw("n2"),
        "n2 is thawed: what it had decided before goes out first.",
        "info",
    ),
    (
        nothing,
        lambda t: t.emit("client:bob", "node", state="frozen", what="frozen"),
        "bob is frozen: it handles nothing and sends nothing, but its clock runs on.",
        "fault",
    ),
    (nothing, lambda t: t.emit("n1", "node", state="up", what="riddle"), None, None),
    # what people do
    (
        nothing,
        lambda t: t.fault("cut", src="n1", dst="n2", one_way=True),
        "The link n1 → n2 is cut.",
        "fault",
    ),
    (
        nothing,
        lambda t: t.fault("cut", src="n1", dst="n2", one_way=False),
        "The link n1 ↔ n2 is cut.",
        "fault",
    ),
    (
        nothing,
        lambda t: t.fault("restore", src="n1", dst="n2"),
        "The link n1 ↔ n2 works again.",
        "info",
    ),
    (
        nothing,
        lambda t: t.fault("partition", groups=[["n1", "n2"], [], ["n3", "n4", "n5"]]),
        "The network is split: n1 and n2 | n3, n4 and n5.",
        "fault",
    ),
    (
        nothing,
        lambda t: t.fault("heal"),
        "The network is whole again: every link is as it was at first.",
        "info",
    ),
    *[
        (
            nothing,
            lambda t, what=what: t.fault(what, src="n1", dst="n2"),
            f"What n1 sends n2 next will {becomes}.",
            "fault",
        )
        for what, becomes in (
            ("drop", "be lost"),
            ("duplicate", "arrive twice"),
            ("hold", "be late"),
        )
    ],
    *[
        (
            nothing,
            lambda t, point=point: t.fault("crash_on_write", node="n1", point=point),
            f"n1 will crash at its next write, {when}.",
            "fault",
        )
        for point, when in (
            ("before", "before anything of it is done"),
            ("written", "with it in the disk's cache"),
            ("synced", "with it on disk and nothing said of it"),
            ("sent", "once what it allows was sent"),
        )
    ],
    (
        nothing,
        lambda t: t.fault("link", src="n1", dst="n2", delay_ms=1500, jitter_ms=50, loss_ppm=0),
        "The link n1 → n2 now takes 1.5 s, give or take 50 ms.",
        "fault",
    ),
    (
        nothing,
        lambda t: t.fault("link", src="n1", dst="n2", delay_ms=200, jitter_ms=0, loss_ppm=125_000),
        "The link n1 → n2 now loses 12.5 % of its messages.",
        "fault",
    ),
    (
        nothing,
        lambda t: t.fault("link", src="n1", dst="n2", delay_ms=300, jitter_ms=0, loss_ppm=10_000),
        "The link n1 → n2 now takes 300 ms and loses 1 % of its messages.",
        "fault",
    ),
    (
        nothing,
        lambda t: t.fault("link", src="n1", dst="n2", delay_ms=200, jitter_ms=0, loss_ppm=0),
        "The link n1 → n2 is as it was at first.",
        "info",
    ),
    (
        nothing,
        lambda t: t.fault("pause"),
        "The cluster is paused: nothing moves until it is resumed.",
        "warn",
    ),
    (nothing, lambda t: t.fault("resume"), "The cluster goes on.", "info"),
    (
        nothing,
        lambda t: t.fault("speed", speed_ppm=10_000),
        "The cluster runs at 0.01x: one second of it takes 100 s.",
        "info",
    ),
    (
        nothing,
        lambda t: t.fault("speed", speed_ppm=1_000_000),
        "The cluster runs at full speed.",
        "info",
    ),
    (nothing, lambda t: t.fault("speed"), "The cluster runs at full speed.", "info"),
    # elections
    (
        lambda t: t.timer("n3", 2100),
        lambda t: t.at(2100).stand("n3", 4),
        "n3 heard from no leader for 2.1 s, so it stands for election in term 4.",
        "info",
    ),
    (
        candidate,
        lambda t: t.at(2600).stand("n1", 2, was="candidate"),
        "n1 did not get enough votes in 2 s, so it stands again, in term 2.",
        "info",
    ),
    (
        lambda t: (candidate(t), t.tally("n1", ["n1", "n2", "n4"], ["n3"])),
        lambda t: t.lead("n1"),
        "n1 has 3 of 5 votes: it leads term 1.",
        "good",
    ),
    (nothing, lambda t: t.lead("n1"), "n1 has 3 of 5 votes: it leads term 0.", "good"),
    (
        elected,
        lambda t: t.step_down("n1", 2),
        "n1 no longer leads: it heard of term 2.",
        "warn",
    ),
    (
        candidate,
        lambda t: t.step_down("n1", 2, was="candidate"),
        "n1 gives up its candidacy: it heard of term 2.",
        "info",
    ),
    (
        candidate,
        lambda t: t.emit(
            "n1", "role", "HandleAppendEntriesRequest", from_="candidate", to="follower", leader=""
        ),
        "n1 gives up its candidacy: another won term 1.",
        "info",
    ),
    (
        lambda t: (candidate(t), t.tally("n1", ["n1"], ["n2", "n3", "n4"])),
        lambda t: t.emit(
            "n1", "role", "HandleRequestVoteResponse", from_="candidate", to="follower", leader=""
        ),
        "n1 gives up its candidacy: n2, n3 and n4 refused their votes.",
        "info",
    ),
    (
        nothing,
        lambda t: t.emit("n1", "role", from_="follower", to="follower", leader=""),
        None,
        None,
    ),
    (
        candidate,
        lambda t: (t.deliver(t.send("n1", "n2", "RV")), t.vote("n2", "n1", 1)),
        "n2 votes for n1 in term 1.",
        "info",
    ),
    (candidate, lambda t: t.vote("n1", "n1"), None, None),
    (nothing, lambda t: t.emit("n1", "vote", for_=""), None, None),
    (
        nothing,
        lambda t: t.follow("n2", "n1"),
        "n2 follows n1, the leader of term 0.",
        "info",
    ),
    (elected, lambda t: t.follow("n2", "n1"), None, None),
    (nothing, lambda t: t.emit("n2", "leader", leader=""), None, None),
    (nothing, lambda t: t.emit("n2", "leader", leader="n2"), None, None),
    # the log
    (
        elected,
        lambda t: t.append("n1", (1, 1, 0, "no-op")),
        "n1 opens term 1 with an empty entry, number 1.",
        "info",
    ),
    (
        elected,
        lambda t: t.append("n1", (1, 1, 0, "tick")),
        "n1 opens term 1 with an empty entry, number 1.",
        "info",
    ),
    (
        led_with_an_entry,
        lambda t: t.append("n1", (2, 1, 0, "tick")),
        "n1 writes an empty entry, number 2: it only says how late it is.",
        "info",
    ),
    (
        led_with_an_entry,
        lambda t: t.append("n1", (2, 1, 0, "acq build→alice")),
        "n1, the leader, writes entry 2 into its log: acq build→alice.",
        "info",
    ),
    (
        led_with_an_entry,
        lambda t: t.append("n1", (2, 1, 0, "end session bob")),
        (
            "n1, the leader, has not heard of bob for too long: it writes the end of its session,"
            " entry 2, into its log."
        ),
        "warn",
    ),
    (
        lambda t: t.deliver(t.send("n1", "n2", "AE·1")),
        lambda t: t.append("n2", (1, 1, 0, "no-op")),
        None,
        None,
    ),
    (elected, lambda t: t.append("n2"), None, None),
    (
        lambda t: t.deliver(t.send("n1", "n2", "AE·2")),
        lambda t: t.append("n2", (1, 1, 0, "a"), (2, 1, 0, "b")),
        "n2 catches up: it copies entries 1 to 2.",
        "info",
    ),
    (
        nothing,
        lambda t: t.append("n2", (1, 1, 0, "a"), (2, 1, 0, "b")),
        "n2 reads entries 1 to 2 from its disk.",
        "info",
    ),
    (
        led_with_an_entry,
        lambda t: t.emit("n1", "truncate", from_=1, to=1),
        "n1 drops entry 1: not in the leader's log, so never committed.",
        "warn",
    ),
    (
        lambda t: t.commit("n1", 3),
        lambda t: t.emit("n1", "truncate", from_=2, to=4),
        "n1 drops entries 2 to 4, which it had taken for committed!",
        "fault",
    ),
    (
        elected,
        lambda t: t.commit("n1", 1),
        "Entry 1 is committed: at least 3 of 5 disks have it.",
        "info",
    ),
    (
        lambda t: (elected(t), t.apply("n2", 4)),
        lambda t: t.commit("n1", 7),
        "Entries 5 to 7 are committed: at least 3 of 5 disks have them.",
        "info",
    ),
    (elected, lambda t: t.commit("n2", 1), None, None),
    # messages
    (nothing, lambda t: t.send("n1", "n2", "RV"), None, None),
    (nothing, lambda t: t.deliver(t.send("n1", "n2", "RV")), None, None),
    (nothing, lose("HB", "cut"), None, None),
    (nothing, lose("HB✓", "loss"), None, None),
    (
        nothing,
        lose("RV", "cut"),
        "n1's request for a vote does not reach n2: the link is cut.",
        "warn",
    ),
    (nothing, lose("RV✓", "loss"), "n1's vote does not reach n2: the network lost it.", "warn"),
    (nothing, lose("RV✗", "down"), "n1's refusal of a vote does not reach n2: n2 is down.", "warn"),
    (nothing, lose("AE·1", "down"), "n1's entry does not reach n2: n2 is down.", "warn"),
    (
        nothing,
        lose("AE·3", "closed"),
        "n1's entries do not reach n2: the connection was closed.",
        "warn",
    ),
    (nothing, lose("AE✓", "x"), "n1's acknowledgement does not reach n2: x.", "warn"),
    (nothing, lose("IS@3", "cut"), "n1's snapshot does not reach n2: the link is cut.", "warn"),
    (nothing, lose("??", "cut"), "n1's message does not reach n2: the link is cut.", "warn"),
    (
        life("n2", "removed"),
        lose("AE·1", "down"),
        "n1's entry does not reach n2: n2 is gone.",
        "warn",
    ),
    (cut_off, lose("RV", "cut"), None, None),
    (cut_off, lose("RV", "down"), "n1's request for a vote does not reach n2: n2 is down.", "warn"),
    # clients
    (
        nothing,
        lambda t: t.call("alice", "acquire", "printer", "r1"),
        "alice asks for printer.",
        "info",
    ),
    (
        nothing,
        lambda t: t.call("alice", "acquire", "printer", "r1", wait=True),
        "alice asks for printer, and will wait for it.",
        "info",
    ),
    (
        nothing,
        lambda t: t.call("<i>x</i>" * 9, "release", "p\nq" * 9, "r1"),
        "<i>x</i><i>x</i><i>x</i… asks to release p�qp�qp�qp�qp�qp�qp�qp�….",
        "info",
    ),
    (nothing, lambda t: t.call("alice", "open_session", "", "r1"), None, None),
    (nothing, lambda t: t.answer("alice", "acquire", "r1"), None, None),
    (
        nothing,
        lambda t: t.answer("alice", "cancel_wait", "r1", "fail", "It was not waiting."),
        "alice's cancel wait failed: It was not waiting.",
        "warn",
    ),
    (
        nothing,
        lambda t: t.answer("alice", "renew", "r1", "fail"),
        "alice's renew failed: no reason given.",
        "warn",
    ),
    (
        nothing,
        lambda t: t.answer("alice", "acquire", "r1", "unknown", "no answer in 5 s"),
        "alice cannot know what became of its acquire: no answer in 5 s.",
        "warn",
    ),
    (
        nothing,
        lambda t: t.answer("alice", "acquire", "r1", "unknown"),
        "alice cannot know what became of its acquire.",
        "warn",
    ),
    (nothing, lambda t: t.believe("alice", "printer", 3), None, None),
    (nothing, lambda t: t.emit("", "note", text="Watch n3."), "Watch n3.", "info"),
    (nothing, lambda t: t.emit("", "note", text=""), None, None),
]


@pytest.mark.parametrize(("prepare", "act", "text", "level"), CASES)
def test_a_sentence(prepare, act, text, level):
    lines = told(prepare, act)
    # An act may have neighbours that are told as well (a vote after a term): it is the last one.
    assert lines[-1:] == ([] if text is None else [(text, level)])


def test_with_a_broken_rule_a_dropped_entry_may_have_been_committed():
    teller = Teller().start()
    led_with_an_entry(teller)
    view = ClusterView({**teller.recorder.header, "modified": "CommitOldTerms"})
    event = TraceEvent(99, Micros(0), NodeID("n1"), "truncate", 0, {"from": 1, "to": 1})
    assert sentence(event, view) == "n1 drops entry 1: not in the leader's log."


def test_with_a_broken_rule_what_a_leader_commits_may_be_on_no_majority_of_disks():
    view = ClusterView({**Teller().recorder.header, "modified": "HalfIsEnough"})
    leads = {"from": "candidate", "to": "leader", "leader": "n1"}
    view.apply(TraceEvent(1, Micros(0), NodeID("n1"), "role", 1, leads))
    event = TraceEvent(2, Micros(0), NodeID("n1"), "commit", 1, {"index": 1})
    assert sentence(event, view) == "n1 takes entry 1 for committed."


def test_a_disk_alone():
    lines = told(lambda t: t.elect("n1", 1), lambda t: t.commit("n1", 1), ["n1"])
    assert lines == [("Entry 1 is committed: at least 1 of 1 disks has it.", "info")]


def test_a_restarted_node_does_not_vote_again():
    lines = told(lambda t: t.kill("n2"), lambda t: t.restart("n2", 3, "n1", [(1, 1, 0, "a")]))
    assert [text for text, _ in lines] == [
        "n2 is back, with the term, the vote and the log that its disk kept.",
        "n2 reads entry 1 from its disk.",
    ]


def test_a_loss_is_told_again_after_something_arrived():
    def act(t):
        t.fault("heal")
        t.deliver(t.send("n1", "n2", "HB"))
        lose("AE·1", "cut")(t)

    assert told(cut_off, act)[-1][0] == "n1's entry does not reach n2: the link is cut."


def test_a_sentence_is_told_from_the_picture_before_the_event():
    teller = Teller().start()
    event = TraceEvent(99, Micros(0), NodeID("n1"), "node", 0, {"state": "down", "what": "killed"})
    assert sentence(event, teller.view) == tell(event, teller.view).text
    assert sentence(TraceEvent(99, Micros(0), NodeID("n1"), "riddle", 0, {}), teller.view) is None
    assert sentence(TraceEvent(99, Micros(0), NodeID("n1"), "vote", 0, {}), teller.view) is None


@pytest.mark.parametrize("kind", ["fault", "role", "append", "lock", "drop", "client_call", "node"])
def test_an_event_that_says_nothing_is_no_mistake(kind):
    teller = Teller().start()
    event = TraceEvent(99, Micros(0), NodeID("n1"), kind, 0, {})
    sentence(event, teller.view)
    teller.view.apply(event)


@pytest.mark.parametrize(
    ("accepted", "said"),
    [
        (True, "What file protects takes bob's write, with token 6."),
        (False, "What file protects refuses bob's write: token 6 is stale."),
    ],
)
def test_what_a_lock_protects_takes_or_refuses_a_write(accepted, said):
    data = {"lock": "file", "client": "bob", "token": 6, "accepted": accepted}
    event = TraceEvent(1, Micros(0), NodeID(""), "storage", 0, data)
    assert sentence(event, Teller(["n1"]).recorder.view) == said

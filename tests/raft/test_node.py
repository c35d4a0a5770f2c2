"""The face of the core: status, dump, trace."""

import json

from raftlock.types import KINDS, Note
from tests.raft.harness import LEADER, Network, ack, leader_of, lone_leader, rejection, vote


def test_status_of_a_follower():
    net = leader_of(3)
    status = net[2].status()
    assert (status.id, status.role.word, status.term) == ("n2", "follower", 1)
    assert (status.leader_id, status.commit_index, status.last_applied) == ("n1", 1, 1)
    assert (status.last_log_index, status.last_log_term, status.replication) == (1, 1, {})


def test_status_of_a_leader():
    net = lone_leader(3, acked=(2,))
    net.propose(1)
    heard, silent = (net[1].status().replication[k] for k in ("n2", "n3"))
    assert (heard.next_index, heard.match_index, heard.replication_lag) == (3, 1, 1)
    assert (heard.is_active, heard.last_active) == (True, net.now)
    assert (silent.is_active, silent.last_active, silent.replication_lag) == (False, None, 2)
    net.now += 1000
    net.fire(1)
    assert not net[1].status().replication["n2"].is_active


def test_a_dump_is_json_in_every_role():
    net = Network(3, holes=(2, 3))
    dumps = [net[1].dump()]
    net.fire(1)
    net.receive(1, 3, vote(1, granted=False))
    dumps.append(net[1].dump())
    net.receive(1, 2, vote(1))
    net.propose(1, b'{"op":"acquire"}')
    dumps.append(net[1].dump())
    assert json.loads(json.dumps(dumps)) == dumps
    follower, candidate, leader = dumps
    assert (follower["candidacy"], follower["progress"]) == (None, None)
    assert candidate["candidacy"] == {"own_vote_write": 1, "granted": ["n1"], "refused": ["n3"]}
    assert leader["log"][1][2] == '{"op":"acquire"}'
    assert leader["proposals"] == {"2": "p"}


def story(net, k, *kinds):
    """The node's notes of these kinds, as (kind, rule, data), and none of them twice."""
    return [(note.kind, note.rule, note.data) for note in net.nodes[k].notes if note.kind in kinds]


def test_the_trace_tells_an_election():
    net = Network(3, holes=(2, 3))
    net.fire(1)
    deadline = net[1].deadline
    net.receive(1, 2, vote(1))
    told = story(net, 1, "timer_fire", "term", "role", "vote", "tally", "leader", "write")
    assert told == [
        ("timer_fire", "Timeout", {"timer": "election"}),
        ("term", "Timeout", {"term": 1}),
        ("role", "Timeout", {"from": "follower", "to": "candidate", "leader": ""}),
        ("vote", "Timeout", {"for": "n1"}),
        ("tally", "Timeout", {"granted": [], "refused": [], "needed": 2}),
        ("write", "RequestVote", {"write": 1, "term": 1, "voted_for": "n1"}),
        ("tally", "HandleRequestVoteResponse", {"granted": ["n1"], "refused": [], "needed": 2}),
        (
            "tally",
            "HandleRequestVoteResponse",
            {"granted": ["n1", "n2"], "refused": [], "needed": 2},
        ),
        ("leader", "BecomeLeader", {"leader": "n1"}),
        (
            "role",
            "BecomeLeader",
            {"from": "candidate", "to": "leader", "leader": "n1", "cluster_time": 0},
        ),
        ("write", "AppendEntries", {"write": 2, "from": 1, "to": 1}),
    ]
    first, second, heartbeat = (
        note.data for note in net.nodes[1].notes if note.kind == "timer_set"
    )
    assert first["timer"] == second["timer"] == "election"
    assert second["deadline"] == deadline * 1000
    assert second["duration"] == (deadline - net.now) * 1000
    assert heartbeat == {
        "timer": "heartbeat",
        "deadline": net[1].deadline * 1000,
        "duration": 10_000,
    }


def test_the_trace_tells_replication():
    net = lone_leader(3, acked=(2, 3))
    net.nodes[1].notes.clear()
    net.propose(1)
    net.receive(1, 2, ack(1, 2))
    net.receive(1, 3, rejection(1, 2, (0, 2)))
    told = [(note.kind, note.rule) for note in net.nodes[1].notes]
    assert told == [
        ("append", "ClientRequest"),
        ("progress", "AppendEntries"),
        ("progress", "AppendEntries"),
        ("write", "AppendEntries"),
        ("progress", "HandleAppendEntriesResponse"),
        ("commit", "AdvanceCommitIndex"),
        ("progress", "HandleAppendEntriesResponse"),
    ]
    assert net.nodes[1].notes[0].entries == net[1].log.entries(2, 2)
    assert net.nodes[1].notes[4].data == {
        "peer": "n2",
        "stream": "replicate",
        "next": 3,
        "match": 2,
    }


def test_the_trace_tells_of_a_new_term_and_a_truncation():
    net = leader_of(3)
    net.isolate(1)
    net.propose(1)
    net.elect(2)
    net.nodes[1].notes.clear()
    net.recover()
    net.heartbeat(2)
    assert story(net, 1, "term", "role", "leader", "truncate") == [
        ("leader", "UpdateTerm", {"leader": ""}),
        ("role", "UpdateTerm", {"from": "leader", "to": "follower", "leader": ""}),
        ("term", "UpdateTerm", {"term": 2}),
        ("leader", "HandleAppendEntriesRequest", {"leader": "n2"}),
        ("truncate", "HandleAppendEntriesRequest", {"from": 2, "to": 2}),
    ]


def test_every_note_is_of_a_known_kind_and_names_its_rule():
    net = leader_of(5)
    net.propose(1)
    net.deliver()
    net.elect(2)
    notes = [note for node in net.nodes.values() for note in node.notes]
    assert all(isinstance(note, Note) and note.kind in KINDS and note.rule for note in notes)
    assert net[2].role is LEADER

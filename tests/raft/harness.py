"""A network of cores, by hand: what the scenarios of elections and replication are played on.

Nodes are called 1, 2, 3, ...; a node that is a `hole` swallows what it is sent. `deliver` hands
over messages until none is left; `drop`, `cut`, `isolate`, `ignore` and `recover` say which get
lost. Every delivery obeys the driver's rule, persist and then release; with ``auto_sync=False`` a
test syncs by hand. After every step the five safety properties are checked (`checker.py`).

The scenarios have numbers: E1 to E15 are elections, L1 to L16 replication, P1 to P9 persistence.
They are the paper's, so pre-vote and check-quorum are off unless a test turns them on.
"""

import json
from collections import Counter, deque
from dataclasses import asdict
from zlib import crc32

from raftlock.raft import (
    ChangeMembers,
    PeerLost,
    Persisted,
    Propose,
    Raft,
    RaftConfig,
    Random64,
    Read,
    Receive,
    Recovered,
    Rules,
    SnapshotTaken,
    Transfer,
    Wake,
)
from raftlock.types import (
    AppendEntriesArgs,
    AppendEntriesReply,
    Configuration,
    InstallSnapshotArgs,
    LogEntry,
    NodeRole,
    PersistentState,
    RequestVoteArgs,
    RequestVoteReply,
    SnapshotMetadata,
)
from tests.raft.checker import Checker

FOLLOWER, CANDIDATE, LEADER = NodeRole

ELECTION_MS = (100, 190)
HEARTBEAT_MS = 10


def name(number):
    return f"n{number}"


def number(node_id):
    return int(node_id[1:])


def entries(first, *terms, stamp=0):
    """Empty entries of these terms, from index `first` on."""
    return tuple(LogEntry(term, first + place, b"", stamp) for place, term in enumerate(terms))


def terms(log):
    """The terms in a node's log, as the scenarios write a log."""
    return [entry.term for entry in log.entries(log.first_index, log.last_index)]


def vote_request(term, candidate, last_term=0, last_index=0, **flags):
    return RequestVoteArgs(term, name(candidate), last_index, last_term, **flags)


def vote(term, *, granted=True, of_term=None, pre=False):
    now = term - pre if of_term is None else of_term
    return RequestVoteReply(now, granted, is_pre_vote=pre, request_term=term)


def append(term, leader, prev=(0, 0), new=(), commit=0, *, time=0):
    """AppendEntries from `leader` after the entry `prev` (term, index), with terms `new`."""
    return AppendEntriesArgs(
        term, name(leader), prev[1], prev[0], entries(prev[1] + 1, *new), commit, time
    )


def ack(term, match, *, prev=0, of_round=0):
    return AppendEntriesReply(
        term,
        success=True,
        match_index=match,
        request_term=term,
        prev_log_index=prev,
        round=of_round,
    )


def chunk(term, leader, index, data=b"", *, of_term=1, offset=0, done=True, before=b"", stamp=0):
    """A chunk of a snapshot up to (of_term, index); `before` are the bytes sent before it."""
    checksum = crc32(before + data)
    return InstallSnapshotArgs(
        term, name(leader), index, of_term, data, offset, done, stamp, checksum
    )


def rejection(term, prev, conflict=(0, 1)):
    """A refusal of the place `prev`, with hint `conflict` (term, index)."""
    return AppendEntriesReply(
        term,
        success=False,
        conflict_term=conflict[0],
        conflict_index=conflict[1],
        request_term=term,
        prev_log_index=prev,
    )


def pack(applied):
    """What was applied, as a state machine's snapshot."""
    rows = [
        (e.term, e.index, e.command.decode(), e.stamp, e.configuration and asdict(e.configuration))
        for e in applied
    ]
    return json.dumps(rows).encode()


def unpack(data):
    return [
        LogEntry(term, index, command.encode(), stamp, members and members_of(**members))
        for term, index, command, stamp, members in json.loads(data)
    ]


def members_of(voters, learners, outgoing):
    return Configuration(tuple(voters), tuple(learners), tuple(outgoing))


class Disk:
    """Keeps what was synced; the rest is lost in a crash."""

    def __init__(self, state, log):
        self.state = state
        self.snapshot = None
        self.base = SnapshotMetadata()
        self.log = list(log)
        self.pending = []
        self.done = 0

    def sync(self, count=None):
        """Make the first `count` pending writes durable, or all; whether there were any."""
        count = len(self.pending) if count is None else count
        for write in self.pending[:count]:
            self.state = write.state or self.state
            if write.truncate_from is not None:
                del self.log[write.truncate_from - self.first :]
            self.snapshot = write.snapshot or self.snapshot
            if write.base is not None:
                self.log = [
                    entry for entry in self.log if entry.index > write.base.last_included_index
                ]
                self.base = write.base
            self.log += write.entries
            assert [entry.index - self.first for entry in self.log] == list(range(len(self.log)))
            self.done = write.write
        del self.pending[:count]
        return count > 0

    @property
    def first(self):
        return self.base.last_included_index + 1

    @property
    def last(self):
        if self.log:
            return (self.log[-1].index, self.log[-1].term)
        return (self.base.last_included_index, self.base.last_included_term)


class Node:
    """One core with its disk and what it has done so far."""

    def __init__(self, number, config, disk, *, random, rules, now):
        self.number = number
        self.config = config
        self.disk = disk
        self.rules = rules
        self.random = random
        self.boot(now)

    def boot(self, now):
        disk = self.disk
        recovered = Recovered(disk.state, tuple(disk.log), disk.snapshot, disk.base)
        self.raft = Raft(self.config, recovered, self.random, self.rules, now=now)
        self.disk.pending.clear()
        self.disk.done = 0
        self.handed_out = 0
        self.held = []
        self.applied = unpack(disk.snapshot.data) if disk.snapshot else []
        self.resolved = []
        self.reads = []
        self.notes = []

    def perform(self, effects):
        """Take in the effects of a step; what may leave at once."""
        leaving = list(effects.send_now)
        if effects.persist is not None:
            assert effects.persist.write == self.handed_out + 1
            self.handed_out = effects.persist.write
            self.disk.pending.append(effects.persist)
        self.held += [(self.handed_out, send) for send in effects.send_after]
        if effects.install is not None:
            self.applied = unpack(effects.install.data)
        self.applied += effects.apply
        self.resolved += effects.resolved
        self.reads += effects.reads
        self.notes += effects.trace
        return leaving + self.release()

    def release(self):
        """What was held back, as far as everything handed out before it is durable."""
        free = [send for write, send in self.held if write <= self.disk.done]
        self.held = [held for held in self.held if held[0] > self.disk.done]
        return free


class Network:
    """Cores 1 to `size`, their disks, and the messages between them."""

    def __init__(
        self,
        size=3,
        *,
        logs=None,
        term=None,
        votes=None,
        holes=(),
        rules=None,
        auto_sync=True,
        seed=1,
        voters=None,
        **config,
    ):
        self.now = 0
        self.auto_sync = auto_sync
        self.holes = set(holes)
        self.checker = Checker(size)
        self.in_flight = deque()
        self.sent = []
        self.nodes = {}
        self.recover()
        # Those who are no voters at first know who is, and that they only learn.
        voters = voters or tuple(name(k) for k in range(1, size + 1))
        settings = {
            "voters": voters,
            "election_timeout_ms_min": ELECTION_MS[0],
            "election_timeout_ms_max": ELECTION_MS[1],
            "heartbeat_ms": HEARTBEAT_MS,
            "pre_vote": False,
            "check_quorum": False,
        } | config
        for k in range(1, size + 1):
            if k in self.holes:
                continue
            log = (logs or {}).get(k, [])
            state = PersistentState(
                max(log, default=0) if term is None else term,
                name((votes or {})[k]) if k in (votes or {}) else "",
            )
            self.nodes[k] = Node(
                k,
                RaftConfig(
                    node_id=name(k),
                    learners=() if name(k) in voters else (name(k),),
                    **settings,
                ),
                Disk(state, entries(1, *log)),
                random=Random64(seed * 1000 + k),
                rules=rules or Rules(),
                now=self.now,
            )
            self.step(k, Wake(self.now))

    def __getitem__(self, k):
        return self.nodes[k].raft

    # Which messages get lost

    def recover(self):
        """No message gets lost any more."""
        self.dropped = set()
        self.ignored = set()
        self.hook = lambda _source, _target, _message: True

    def drop(self, source, target):
        self.dropped.add((source, target))

    def cut(self, one, other):
        self.dropped |= {(one, other), (other, one)}

    def isolate(self, k):
        for other in self.nodes:
            self.cut(k, other)

    def ignore(self, kind):
        self.ignored.add(kind)

    def passes(self, source, target, message):
        return (
            target in self.nodes
            and (source, target) not in self.dropped
            and type(message) not in self.ignored
            and self.hook(source, target, message)
        )

    # What happens

    def step(self, k, event):
        """Step one core, perform its effects, check what must hold; its effects."""
        node = self.nodes[k]
        effects = node.raft.step(event)
        self.post(k, node.perform(effects))
        self.checker.check(node, effects, self.now)
        if effects.take_snapshot:
            self.snapshot(k)
        if self.auto_sync:
            self.sync(k)
        return effects

    def snapshot(self, k):
        """The node's state machine is what it has applied, and so is its snapshot."""
        applied = self.nodes[k].applied
        return self.step(k, SnapshotTaken(self.now, len(applied), pack(applied)))

    def sync(self, k, count=None):
        """Make pending writes of a node durable and tell it so; the effects, if there were any."""
        node = self.nodes[k]
        if not node.disk.sync(count):
            return None
        self.post(k, node.release())
        return self.step(k, Persisted(self.now, node.disk.done, *node.disk.last))

    def post(self, k, sends):
        for send in sends:
            self.checker.check_promise(self.nodes[k], send)
            self.sent.append((k, number(send.to), send.message))
            self.in_flight.append(self.sent[-1])

    def receive(self, k, source, message):
        return self.step(k, Receive(self.now, name(source), message))

    def deliver(self):
        """Deliver messages, and those they bring about, until none is left."""
        while self.in_flight:
            source, target, message = self.in_flight.popleft()
            if self.passes(source, target, message):
                self.receive(target, source, message)

    def fire(self, k):
        """Let the node's timer run out: an election, or a leader's heartbeats."""
        self.now = max(self.now, self[k].deadline)
        return self.step(k, Wake(self.now))

    def elect(self, k):
        """Let the node stand for election, and deliver what follows."""
        self.fire(k)
        self.deliver()

    def heartbeat(self, k):
        assert self[k].role is LEADER
        self.elect(k)

    def propose(self, k, command=b"x", proposal_id="p"):
        return self.step(k, Propose(self.now, proposal_id, command))

    def read(self, k, read_id="r"):
        """Ask when the node may be read."""
        return self.step(k, Read(self.now, read_id))

    def transfer(self, k, target=0, proposal_id="t"):
        """Let the node hand leadership to the target, or to whom it chooses."""
        return self.step(k, Transfer(self.now, proposal_id, name(target) if target else ""))

    def change(self, k, voters, learners=(), proposal_id="m"):
        """Let the node make these the members."""
        parts = [tuple(map(name, part)) for part in (voters, learners)]
        return self.step(k, ChangeMembers(self.now, proposal_id, *parts))

    def lose(self, k, peer):
        """The node's own connection to a peer broke."""
        return self.step(k, PeerLost(self.now, name(peer)))

    def restart(self, k):
        """Crash a node and start it again with what its disk kept."""
        self.nodes[k].boot(self.now)
        self.checker.forget(k)
        self.step(k, Wake(self.now))

    # What came of it

    def take_sent(self, kind=None, to=None):
        """The messages sent since the last call, of this kind and to this node; none stay."""
        taken = [
            message
            for _, target, message in self.sent
            if (kind is None or isinstance(message, kind)) and to in {None, target}
        ]
        self.sent.clear()
        self.in_flight.clear()
        return taken

    def logs(self):
        return [terms(node.raft.log) for node in self.nodes.values()]

    def roles(self):
        return [node.raft.role for node in self.nodes.values()]

    def note_kinds(self, k):
        return Counter(note.kind for note in self.nodes[k].notes)


def leader_of(size=3, **settings):
    """A network whose node 1 leads, its no-op committed, nothing in flight."""
    net = Network(size, **settings)
    net.elect(1)
    assert net[1].role is LEADER
    net.heartbeat(1)
    net.take_sent()
    return net


def lone_leader(size=3, acked=(), **settings):
    """Node 1 leads over holes: the others voted, and `acked` of them have its whole log."""
    net = Network(size, holes=range(2, size + 1), **settings)
    net.fire(1)
    term = net[1].current_term
    for k in range(2, size + 1):
        net.receive(1, k, vote(term))
    assert net[1].role is LEADER
    for k in acked:
        net.receive(1, k, ack(term, net[1].log.last_index))
    net.take_sent()
    return net

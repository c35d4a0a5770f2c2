"""What the tests of the trace share: a cluster that only tells, and never runs.

`Teller` writes events by hand as the cluster, its nodes and its clients would, at moments that the
test sets. `at(ms)` moves the clock.
"""

from raftlock.trace.recorder import Recorder
from raftlock.trace.schema import fault_of
from raftlock.types import Micros, NodeID, Note

FIVE = ["n1", "n2", "n3", "n4", "n5"]


def header(nodes=FIVE):
    return {
        "name": "lesson",
        "timing": "lesson",
        "nodes": list(nodes),
        "modified": "",
        "timings": {"election_ms": [1500, 3000], "heartbeat_ms": 500, "delay_ms": 200},
        "seed": 7,
    }


class Teller:
    def __init__(self, nodes=FIVE, limit=30_000, wall=None):
        self.now_us = 0
        self.nodes = list(nodes)
        self.terms = dict.fromkeys(nodes, 0)
        self.writes = dict.fromkeys(nodes, 0)
        self.recorder = Recorder(header(nodes), lambda: Micros(self.now_us), wall, limit)

    @property
    def view(self):
        return self.recorder.view

    @property
    def lines(self):
        return [line.text for line in self.recorder.story.lines]

    def at(self, ms):
        assert ms * 1000 >= self.now_us
        self.now_us = ms * 1000
        return self

    def emit(self, where, kind, rule="", cause=0, /, **data):
        data = {name.removesuffix("_"): value for name, value in data.items()}
        note = Note(kind, data, rule)
        number = self.recorder.emit(NodeID(where), note, term=self.terms.get(where, 0), cause=cause)
        fault = fault_of(self.recorder.events[-1])
        assert fault == "", fault
        return number

    # the cluster

    def start(self):
        for node in self.nodes:
            self.emit(node, "node", state="up", what="started")
        return self

    def fault(self, what, **data):
        return self.emit("", "fault", what=what, by="panel", **data)

    def kill(self, node):
        self.fault("kill", node=node)
        self.emit(node, "node", state="down", what="killed")
        self.writes[node] = 0

    def restart(self, node, term=0, vote="", entries=()):
        self.fault("restart", node=node)
        self.emit(node, "node", state="up", what="restarted")
        self.terms[node] = term
        if term:
            self.emit(node, "term", "Restart", term=term)
        if vote:
            self.emit(node, "vote", "Restart", for_=vote)
        if entries:
            self.append(node, *entries, rule="Restart")

    def freeze(self, node):
        self.fault("freeze", node=node)
        self.emit(node, "node", state="frozen", what="frozen")

    def thaw(self, node):
        self.fault("thaw", node=node)
        self.emit(node, "node", state="up", what="thawed")

    def add(self, node):
        self.fault("add", node=node)
        self.begin(node)

    def begin(self, node):
        """A node that the header does not name starts."""
        for numbers in (self.terms, self.writes):
            numbers[node] = 0
        self.emit(node, "node", state="up", what="added")

    def remove(self, node):
        self.fault("remove", node=node)
        self.emit(node, "node", state="down", what="removed")

    def wipe(self, node, becomes):
        self.fault("wipe", node=node, becomes=becomes, as_voter=node == becomes)
        self.emit(node, "node", state="down", what="wiped")
        if node == becomes:
            self.emit(node, "node", state="up", what="restarted")
        else:
            self.begin(becomes)

    # Raft

    def timer(self, node, ms, kind="election"):
        self.emit(
            node, "timer_set", timer=kind, deadline=self.now_us + ms * 1000, duration=ms * 1000
        )

    def term(self, node, term):
        self.terms[node] = term
        self.emit(node, "term", "UpdateTerm", term=term)

    def stand(self, node, term, was="follower"):
        self.emit(node, "timer_fire", timer="election")
        self.terms[node] = term
        self.emit(node, "term", "Timeout", term=term)
        self.emit(node, "role", "Timeout", from_=was, to="candidate", leader="")
        self.emit(node, "tally", granted=[], refused=[], needed=self.view.majority)
        self.timer(node, 2000)

    def vote(self, node, candidate, term=None):
        if term:
            self.term(node, term)
        self.write(node, term=self.terms[node], vote=candidate)
        self.emit(node, "vote", "HandleRequestVoteRequest", for_=candidate)

    def tally(self, node, granted, refused=()):
        needed = self.view.majority
        self.emit(node, "tally", granted=list(granted), refused=list(refused), needed=needed)

    def lead(self, node, cluster_time=0):
        self.emit(
            node,
            "role",
            "BecomeLeader",
            from_="candidate",
            to="leader",
            leader=node,
            cluster_time=cluster_time,
        )
        self.timer(node, 500, "heartbeat")

    def elect(self, node, term):
        """The whole of an election that all nodes which are up take part in."""
        self.stand(node, term)
        voters = [name for name, other in self.view.nodes.items() if other.state == "up"]
        for other in voters:
            self.vote(other, node, None if other == node else term)
        self.tally(node, voters)
        self.lead(node)
        for other in voters:
            if other != node:
                self.follow(other, node)

    def follow(self, node, leader):
        self.emit(node, "leader", leader=leader)
        self.timer(node, 2000)

    def step_down(self, node, term, was="leader", leader=""):
        self.terms[node] = term
        self.emit(node, "term", "UpdateTerm", term=term)
        self.emit(node, "role", "UpdateTerm", from_=was, to="follower", leader=leader)
        self.timer(node, 2000)

    def append(self, node, *entries, rule="ClientRequest"):
        """`entries` are (index, term, stamp, op)."""
        rows = [
            {"index": index, "term": term, "stamp": stamp, "op": op}
            for index, term, stamp, op in entries
        ]
        return self.emit(node, "append", rule, entries=rows)

    def begin_write(self, node, first=0, last=0, term=0, vote=""):
        self.writes[node] += 1
        self.emit(
            node,
            "write",
            write=self.writes[node],
            term=term,
            voted_for=vote,
            from_=first,
            to=last,
        )

    def end_write(self, node):
        self.emit(node, "fsync", write=self.writes[node])

    def write(self, node, first=0, last=0, term=0, vote=""):
        self.begin_write(node, first, last, term, vote)
        self.end_write(node)

    def store(self, node, *entries):
        """Append and make durable."""
        self.append(node, *entries)
        self.write(node, entries[0][0], entries[-1][0])

    def commit(self, node, index):
        self.emit(node, "commit", index=index)

    def progress(self, node, peer, next_, match, stream="replicate"):
        self.emit(node, "progress", peer=peer, next=next_, match=match, stream=stream)

    def members(self, node, index, voters, learners=(), outgoing=(), *, rule="ChangeMembers"):
        voters, learners, outgoing = list(voters), list(learners), list(outgoing)
        self.emit(
            node,
            "config",
            rule,
            index=index,
            voters=voters,
            learners=learners,
            outgoing=outgoing,
        )

    # the table

    def apply(self, node, index, term=1, stamp=0, op="tick", *, hash_="0" * 8):
        self.emit(node, "apply", index=index, term=term, stamp=stamp, op=op, hash=hash_)

    def lock(self, node, lock, owner, token, why, *, deadline=10_000, ttl=10_000, queue=()):
        """`queue` is (client, priority, index, deadline)."""
        waiters = [
            {"client": client, "priority": priority, "index": index, "deadline": until}
            for client, priority, index, until in queue
        ]
        self.emit(
            node,
            "lock",
            lock=lock,
            owner=owner,
            token=token,
            deadline=deadline,
            ttl=ttl,
            why=why if isinstance(why, list) else [why],
            queue=waiters,
        )

    # messages

    def send(self, src, dst, label, ms=200, **fields):
        kinds = {"RV": "RequestVote", "HB": "AppendEntries", "AE": "AppendEntries"}
        kind = kinds.get(label[:2], "Message") + ("Reply" if label[-1] in "✓✗" else "")
        return self.emit(
            src,
            "send",
            to=dst,
            type=kind,
            label=label,
            fields=fields,
            deliver_at=self.now_us + ms * 1000,
        )

    def deliver(self, number):
        flight = self.view.network.flights[number]
        self.emit(
            flight.dst,
            "deliver",
            "",
            number,
            id=number,
            from_=flight.src,
            type=flight.type,
            label=flight.label,
        )

    def drop(self, number, why):
        flight = self.view.network.flights[number]
        self.emit(
            flight.src,
            "drop",
            "",
            number,
            id=number,
            from_=flight.src,
            to=flight.dst,
            type=flight.type,
            label=flight.label,
            why=why,
        )

    # clients

    def call(self, client, op, lock, request, **more):
        self.emit(
            f"client:{client}",
            "client_call",
            client=client,
            op=op,
            lock=lock,
            request_id=request,
            **more,
        )

    def answer(self, client, op, request, status="ok", text=""):
        self.emit(
            f"client:{client}",
            "client_return",
            client=client,
            op=op,
            request_id=request,
            status=status,
            text=text,
        )

    def believe(self, client, lock, token, until_ms=0):
        self.emit(
            f"client:{client}",
            "belief",
            client=client,
            lock=lock,
            token=token,
            until=until_ms * 1000,
        )

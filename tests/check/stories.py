"""Traces written by hand: each call of a story's methods adds an event."""

from raftlock.check import Checker, check_trace
from raftlock.types.events import TraceEvent
from raftlock.types.ids import Micros, NodeID

NODES = ["n1", "n2", "n3"]
HEADER = {"nodes": NODES}


class Story:
    """Writes a trace of a cluster of three: each call adds an event."""

    header = HEADER

    def __init__(self):
        self.events = []

    def tell(self, node, kind, /, *, rule="", at=None, cause=0, **data):
        seq = len(self.events) + 1
        at = at if at is not None else seq * 10_000
        term = data.get("term", 1)
        event = TraceEvent(seq, Micros(at), NodeID(node), kind, term, data, cause, rule)
        self.events.append(event)
        return seq

    def found(self):
        return [violation.property for violation in check_trace(self.header, self.events)]

    def checked(self):
        checker = Checker(self.header)
        for event in self.events:
            checker.feed(event)
        checker.end()
        return checker

    # ---- lives ----

    def start(self, *nodes):
        for node in nodes or ("n1",):
            self.tell(node, "node", state="up", what="started")

    def crash(self, node="n1"):
        self.tell(node, "node", state="down", what="killed")
        self.tell(node, "node", state="up", what="restarted")

    def acts(self, node="n1"):
        """It begins to act: what it read is what it had."""
        self.tell(node, "timer_set", rule="Restart")

    def end(self, node, what):
        self.tell(node, "node", state="down", what=what, why="")

    def fault(self, what, node, **more):
        self.tell("", "fault", what=what, by="", node=node, **more)

    # ---- logs and disks ----

    def append(self, node, *entries, rule="HandleAppendEntriesRequest", first=1, at=None):
        listed = [
            {"index": first + place, "term": term, "stamp": stamp, "op": "x", "sum": check}
            for place, (term, check, stamp) in enumerate(entries)
        ]
        self.tell(node, "append", rule=rule, entries=listed, at=at)

    def write(self, node, number, *, term=None, vote="", **more):
        more |= {} if term is None else {"term": term, "voted_for": vote}
        self.tell(node, "write", write=number, **more)

    def sync(self, node, number):
        self.tell(node, "fsync", write=number)

    def save(self, node, **more):
        """What was changed is written and durable."""
        number = 1_000 + len(self.events)
        self.write(node, number, **more)
        self.sync(node, number)

    def take(self, node, *entries, first=1, **more):
        """Entries come into its log, and to its disk."""
        self.append(node, *entries, first=first)
        self.save(node, **more)

    # ---- votes ----

    def vote(self, voter, term, candidate):
        """The vote is durable, and told to the candidate."""
        self.save(voter, term=term, vote=candidate)
        if voter != candidate:
            fields = {"term": term, "granted": True}
            self.tell(voter, "send", to=candidate, type="RequestVoteReply", fields=fields)

    def elect(self, node, term, *voters):
        for voter in (node, *voters):
            self.vote(voter, term, node)
        self.tell(node, "role", term=term, to="leader")

    # ---- what is committed, and snapshots of it ----

    def commit(self, node, index):
        self.tell(node, "commit", index=index)

    def apply(self, node, first, last, digest="{}"):
        for index in range(first, last + 1):
            told = digest.format(index)
            self.tell(node, "apply", index=index, term=1, stamp=0, hash=told)

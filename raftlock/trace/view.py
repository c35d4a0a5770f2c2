"""The picture: everything shown of a cluster, folded from its trace event by event.

The view knows nothing but the trace. Applying an event costs no more than what the event changes,
and each part remembers the number of the event that last changed it, so that a frame can be made of
the changes alone. Nothing a trace may hold makes the fold fail: an unknown kind changes nothing, a
missing field reads as empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from raftlock.trace.clients import Belief, ClientView, doing
from raftlock.trace.fields import flag, groups_of, names, number, rows, text, texts
from raftlock.trace.members import part_of, present
from raftlock.trace.network import Flight, LinkShape, NetworkView
from raftlock.trace.nodes import NodeView, Row, Tally, Timer
from raftlock.types import Configuration, Json, NodeID, TraceEvent

__all__ = ["CLIENT_PREFIX", "FULL_SPEED", "ClusterView"]

CLIENT_PREFIX = "client:"
"""How the `node` of an event begins that happened at a client."""

FULL_SPEED = 1_000_000
"""The speed at which a second of the cluster is a second of the clock, in ppm."""

KEPT_CLIENTS = 50
"""How many clients are shown at most; those with nothing to show go first."""


class ClusterView:
    """A cluster as its trace tells it up to event `seq` at run time `now` (microseconds).

    The header names the nodes (``nodes``) and the links' plain delay (``timings.delay_ms``). Plain
    mutable data, owned by whoever applies the events; everybody else only reads. `shape_version` is
    the event that last changed which nodes there are. `configuration` are the members by the word
    of the leader, or else by the latest word there is; the header's nodes are the first voters.
    `applied_high` is the highest index that any node has applied and `applied_by` the node that
    was the first to. `successors` are the nodes that took the place of one whose disk was lost;
    that one leaves the picture once it is no member any more.
    """

    __slots__ = (
        "_first",
        "_folds",
        "_removed",
        "applied_by",
        "applied_high",
        "clients",
        "clients_version",
        "configuration",
        "header",
        "members_version",
        "network",
        "nodes",
        "now",
        "paused",
        "seq",
        "shape_version",
        "speed_ppm",
        "successors",
    )

    def __init__(self, header: Mapping[str, Json]) -> None:
        self.header = header
        self._first = Configuration(tuple(map(NodeID, texts(header.get("nodes")))))
        self.nodes: dict[str, NodeView] = {
            name: NodeView(name, configurations=[(0, self._first)]) for name in self._first.voters
        }
        self.configuration = self._first
        self.members_version = 0
        self.successors: dict[str, str] = {}
        self._removed: set[str] = set()
        timings = header.get("timings")
        delay = number(timings, "delay_ms") if isinstance(timings, dict) else 0
        self.network = NetworkView(LinkShape(delay_ms=delay))
        self.clients: dict[str, ClientView] = {}
        self.clients_version = 0
        self.seq = 0
        self.now = 0
        self.shape_version = 0
        self.paused = False
        self.speed_ppm = FULL_SPEED
        self.applied_high = 0
        self.applied_by = ""
        node = self._at_node
        self._folds: dict[str, Callable[[TraceEvent], None]] = {
            "node": self._life,
            "fault": self._fault,
            "role": node(self._role),
            "term": node(_term),
            "vote": node(_vote),
            "tally": node(_tally),
            "pre_vote": node(_pre_vote),
            "leader": node(_leader),
            "timer_set": node(_timer_set),
            "timer_fire": node(_timer_fire),
            "write": node(_write),
            "fsync": node(_fsync),
            "append": node(_append),
            "truncate": node(_truncate),
            "commit": node(_commit),
            "config": node(self._config),
            "transfer": node(self._transfer),
            "snapshot": node(_snapshot),
            "install": node(self._install),
            "restore": node(self._restore),
            "compact": node(_compact),
            "progress": node(_progress),
            "apply": node(self._apply),
            "lock": node(_lock),
            "send": self._send,
            "deliver": self._deliver,
            "drop": self._drop,
            "due": self._due,
            "dup": self._dup,
            "client_call": self._client_call,
            "client_return": self._client_return,
            "belief": self._belief,
        }

    def copy(self) -> ClusterView:
        """The same picture, to go on apart."""
        twin = ClusterView(self.header)
        own = twin._folds
        for name in self.__slots__:
            setattr(twin, name, getattr(self, name))
        twin._folds = own
        twin.nodes = {name: node.copy() for name, node in self.nodes.items()}
        twin.clients = {name: client.copy() for name, client in self.clients.items()}
        twin.network, twin.successors = self.network.copy(), dict(self.successors)
        twin._removed = set(self._removed)
        return twin

    @property
    def majority(self) -> int:
        """How many voters a decision needs; while the voters change, of the new ones."""
        return len(self.configuration.voters) // 2 + 1

    def members_of(self, node: NodeView) -> Configuration:
        """The members that `node` goes by; those of the cluster if it has told of none."""
        return node.configurations[-1][1] if node.configurations else self.configuration

    def part(self, name: str) -> str:
        """Whether a node is a ``voter``, a ``learner``, or ``no member``."""
        return part_of(self.configuration, name)

    def apply(self, event: TraceEvent) -> None:
        """Fold one event in; the events of a trace come in their order."""
        fold = self._folds.get(event.kind)
        self.seq, self.now = event.seq, event.t
        if fold is not None:
            fold(event)

    def node(self, name: str) -> NodeView:
        """The node called `name`; one that is not known yet is a plain one that is down."""
        return self.nodes.get(name) or NodeView(name)

    def client(self, name: str) -> ClientView:
        """The client called `name`; one that is not known yet does nothing and holds nothing."""
        return self.clients.get(name) or ClientView(name)

    def _at_node(
        self, fold: Callable[[NodeView, TraceEvent], None]
    ) -> Callable[[TraceEvent], None]:
        def folded(event: TraceEvent) -> None:
            node = self.nodes.get(event.node)
            if node is None:
                if event.node in self._removed:
                    return
                node = self._new_node(event)
            node.version = event.seq
            fold(node, event)

        return folded

    def _new_node(self, event: TraceEvent) -> NodeView:
        """Begin to know a node that the header does not name. A successor stands by its place."""
        name, node = event.node, NodeView(event.node)
        if name:
            before = next((old for old, new in self.successors.items() if new == name), "")
            names = list(self.nodes)
            names.insert(names.index(before) + 1 if before in names else len(names), name)
            self.nodes = {other: self.nodes.get(other, node) for other in names}
            self.network.join(name, before)
            self.network.version = self.shape_version = event.seq
        return node

    def _remove(self, name: str, event: TraceEvent) -> None:
        self.nodes.pop(name, None)
        self._removed.add(name)
        self.network.forget(name)
        self.network.version = self.shape_version = event.seq

    def _reconfigure(self, event: TraceEvent) -> None:
        configuration = present(self.nodes.values(), self._first)
        if configuration == self.configuration:
            return
        self.configuration, self.members_version = configuration, event.seq
        for node in list(self.nodes.values()):
            if node.fate == "wiped" and node.id not in configuration.members:
                self._remove(node.id, event)  # it never comes back, and nobody counts on it

    # a node's life, and what people do to the cluster

    def _life(self, event: TraceEvent) -> None:
        state = text(event.data, "state")
        if event.node.startswith(CLIENT_PREFIX):
            self._client(event.node.removeprefix(CLIENT_PREFIX), event).state = state
            return
        what = text(event.data, "what")
        if what == "removed":
            self._remove(event.node, event)
            self._reconfigure(event)
            return
        self._removed.discard(event.node)
        node = self.nodes.get(event.node) or self._new_node(event)
        node.version = event.seq
        if state == "down" and node.state != "down":
            node.die(event.seq, event.t)
        if what == "wiped":
            node.lose_disk(event.seq)
        if what in ("started", "restarted", "added"):
            node.started = node.recovering = True
        node.state = state
        node.fate, node.why = (what, text(event.data, "why")) if state == "down" else ("", "")
        node.mark(event.seq, event.t)
        self._reconfigure(event)

    def _fault(self, event: TraceEvent) -> None:
        data, net = event.data, self.network
        what = text(data, "what")
        src, dst, one_way = text(data, "src"), text(data, "dst"), flag(data, "one_way")
        if what == "pause":
            self.paused = True
        elif what == "resume":
            self.paused = False
        elif what == "speed":
            self.speed_ppm = number(data, "speed_ppm")
        elif what == "wipe" and not flag(data, "as_voter"):
            self.successors[text(data, "node")] = text(data, "becomes")
        elif what == "clock":
            node = self.nodes.get(NodeID(text(data, "node")))
            if node is not None:
                node.set_clock(event)
        elif what in ("cut", "restore", "partition", "heal", "link"):
            net.version = event.seq
            if what == "cut":
                net.cut(src, dst, one_way=one_way)
            elif what == "restore":
                net.restore(src, dst, one_way=one_way)
            elif what == "partition":
                net.partition(groups_of(data))
            elif what == "heal":
                net.heal()
            else:
                shape = LinkShape(
                    number(data, "delay_ms"), number(data, "jitter_ms"), number(data, "loss_ppm")
                )
                net.reshape(src, dst, shape)

    # messages

    def _send(self, event: TraceEvent) -> None:
        data = event.data
        fields = data.get("fields")
        self.network.send(
            event.seq,
            Flight(
                id=event.seq,
                src=event.node,
                dst=text(data, "to"),
                type=text(data, "type"),
                label=text(data, "label"),
                t0=event.t,
                t1=max(event.t, number(data, "deliver_at")),
                fields=fields if isinstance(fields, dict) else {},
            ),
        )

    def _deliver(self, event: TraceEvent) -> None:
        flight = self.network.deliver(number(event.data, "id"))
        node = self.nodes.get(event.node)
        if node is not None:
            node.recovering = False
            if flight is not None and "cluster_time" in flight.fields:
                node.learn_time(number(flight.fields, "cluster_time"), event.t)
                node.version = event.seq

    def _drop(self, event: TraceEvent) -> None:
        self.network.drop(event.seq, number(event.data, "id"), text(event.data, "why"), event.t)

    def _due(self, event: TraceEvent) -> None:
        data = event.data
        self.network.move(
            event.seq,
            number(data, "id"),
            event.t,
            number(data, "deliver_at"),
            held=flag(data, "held"),
        )

    def _dup(self, event: TraceEvent) -> None:
        """A second copy is drawn as a message of its own, under its event's number."""
        first = self.network.flights.get(number(event.data, "id"))
        due = max(event.t, number(event.data, "deliver_at"))
        if first is not None:
            copy = first._replace(id=event.seq, done=first.way_at(event.t), t0=event.t, t1=due)
            self.network.send(event.seq, copy._replace(held=False))

    # the lock table: which node was first to apply an entry is the view's to know

    def _apply(self, node: NodeView, event: TraceEvent) -> None:
        node.applied = number(event.data, "index")
        node.hash = text(event.data, "hash")
        node.learn_time(number(event.data, "stamp"), event.t)
        if node.applied > self.applied_high:
            self.applied_high, self.applied_by = node.applied, node.id
        elif node.id == self.applied_by:
            self.applied_by = ""  # restarted, it applies again what it was the first to apply

    def _install(self, node: NodeView, event: TraceEvent) -> None:
        """The locks as the snapshot has them are told next, one by one."""
        index = number(event.data, "index")
        node.log.begin_after(event.seq, index, number(event.data, "term"))
        node.commit = node.applied = node.snapshot = index
        if node.id == self.applied_by:
            self.applied_by = ""  # what it tells of the locks now is no news
        self._restore(node, event)

    def _restore(self, node: NodeView, event: TraceEvent) -> None:
        node.hash, node.locks, node.locks_version = text(event.data, "hash"), {}, event.seq

    # the members, and who leads them

    def _role(self, node: NodeView, event: TraceEvent) -> None:
        _role(node, event)
        self._reconfigure(event)

    def _config(self, node: NodeView, event: TraceEvent) -> None:
        voters, learners, outgoing = (
            tuple(map(NodeID, names(event.data, key))) for key in ("voters", "learners", "outgoing")
        )
        node.go_by(number(event.data, "index"), Configuration(voters, learners, outgoing))
        self._reconfigure(event)

    def _transfer(self, node: NodeView, event: TraceEvent) -> None:
        target, what = text(event.data, "target"), text(event.data, "what")
        node.handover = "" if what == "given up" else target
        if what == "told" and target in self.nodes:
            self.nodes[target].told_by = node.id

    # clients

    def _client(self, name: str, event: TraceEvent) -> ClientView:
        client = self.clients.get(name)
        if client is None:
            if len(self.clients) >= KEPT_CLIENTS:
                idle = next(
                    (c.id for c in self.clients.values() if not c.calls and not c.holds),
                    next(iter(self.clients)),
                )
                del self.clients[idle]
            client = self.clients[name] = ClientView(name)
        self.clients_version = event.seq
        return client

    def _client_call(self, event: TraceEvent) -> None:
        data = event.data
        client = self._client(text(data, "client"), event)
        client.ask(text(data, "request_id"), doing(text(data, "op"), text(data, "lock")))

    def _client_return(self, event: TraceEvent) -> None:
        client = self._client(text(event.data, "client"), event)
        client.calls.pop(text(event.data, "request_id"), None)
        client.last, client.last_text = text(event.data, "status"), text(event.data, "text")

    def _belief(self, event: TraceEvent) -> None:
        data = event.data
        client, lock = self._client(text(data, "client"), event), text(data, "lock")
        token = number(data, "token")
        if token:
            client.holds[lock] = Belief(lock, token, number(data, "until"))
        else:
            client.holds.pop(lock, None)


# What Raft and the lock table say of one node.


def _role(node: NodeView, event: TraceEvent) -> None:
    node.move_to_term(event.term)
    role = text(event.data, "to")
    node.take_role(role, event.t)
    if role == "leader":
        node.leader = node.id
        node.clock_ms = number(event.data, "cluster_time")
        node.clock_at, node.clock_running = event.t, True
    else:
        node.leader = text(event.data, "leader")
    node.mark(event.seq, event.t)


def _term(node: NodeView, event: TraceEvent) -> None:
    term = number(event.data, "term")
    if node.recovering:
        # The disk's word: it may be older than what the picture had of a node that did not sync.
        node.term, node.voted_for, node.disk_term, node.disk_vote = term, "", term, ""
    else:
        node.move_to_term(term)
    node.mark(event.seq, event.t)


def _vote(node: NodeView, event: TraceEvent) -> None:
    node.move_to_term(event.term)
    node.voted_for = text(event.data, "for")
    if node.recovering:
        node.disk_vote = node.voted_for


def _tally(node: NodeView, event: TraceEvent) -> None:
    node.tally = _votes(event)


def _pre_vote(node: NodeView, event: TraceEvent) -> None:
    node.pre_vote = _votes(event)


def _votes(event: TraceEvent) -> Tally:
    data = event.data
    granted, refused = tuple(names(data, "granted")), tuple(names(data, "refused"))
    return Tally(granted, refused, number(data, "needed"))


def _leader(node: NodeView, event: TraceEvent) -> None:
    node.move_to_term(event.term)
    node.leader = text(event.data, "leader")
    if node.leader:
        node.pre_vote = None


def _timer_set(node: NodeView, event: TraceEvent) -> None:
    data = event.data
    node.pre_vote = None  # who waits anew does not ask any more; who asks says so after this
    node.timer = Timer(text(data, "timer"), number(data, "deadline"), number(data, "duration"))
    # A node counts its timers in whole milliseconds; a clock that jumped counts from elsewhere.
    begun = node.timer.deadline - node.timer.duration
    node.timer_at = begun if 0 <= event.t - begun < 1_000 else event.t


def _timer_fire(node: NodeView, event: TraceEvent) -> None:
    node.recovering, node.told_by = False, ""
    if node.timer and node.timer.kind == "election":
        node.waited = event.t - node.timer_at


def _write(node: NodeView, event: TraceEvent) -> None:
    data = event.data
    node.write(number(data, "write"), number(data, "term"), text(data, "voted_for"))


def _fsync(node: NodeView, event: TraceEvent) -> None:
    node.fsync(number(event.data, "write"))


def _append(node: NodeView, event: TraceEvent) -> None:
    entries = [
        Row(number(row, "index"), number(row, "term"), text(row, "op"), number(row, "stamp"))
        for row in rows(event.data, "entries")
    ]
    node.log.put(event.seq, entries)
    if entries:
        node.learn_time(entries[-1].stamp, event.t)
    if node.recovering:
        node.log.settle()


def _truncate(node: NodeView, event: TraceEvent) -> None:
    node.log.cut(event.seq, number(event.data, "from"))


def _commit(node: NodeView, event: TraceEvent) -> None:
    node.commit = number(event.data, "index")


def _snapshot(node: NodeView, event: TraceEvent) -> None:
    node.snapshot = number(event.data, "index")


def _compact(node: NodeView, event: TraceEvent) -> None:
    node.log.compact(event.seq, number(event.data, "to"))


def _progress(node: NodeView, event: TraceEvent) -> None:
    data = event.data
    peer = text(data, "peer")
    node.progress[peer] = (number(data, "next"), number(data, "match"))
    if text(data, "stream") == "snapshot":
        node.sent.add(peer)
    else:
        node.sent.discard(peer)


def _lock(node: NodeView, event: TraceEvent) -> None:
    node.locks_version = event.seq
    lock = text(event.data, "lock")
    if text(event.data, "owner") or rows(event.data, "queue"):
        node.locks[lock] = event.data
    else:
        node.locks.pop(lock, None)

"""The vocabulary of the trace: one stream of events from which all else is drawn and judged.

`Note` is what a pure room says happened; `TraceEvent` is that note once the recorder has given it a
number, a time and a place. The kinds and the fields of their `data` are listed in `KINDS`; panels,
checks and files know nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

from raftlock.types.ids import Micros, NodeID
from raftlock.types.log import LogEntry

__all__ = ["KINDS", "Emitter", "Json", "Note", "TraceEvent"]

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]
"""A value that JSON can carry. Below the simulator no float is used."""

KINDS: Mapping[str, str] = {
    # a node's life, told by the cluster
    "node": "state: up | down | frozen; what: started | killed | restarted | frozen | thawed |"
    " added (it begins, as a learner) | removed (it is no member any more) | wiped (its disk is"
    " gone) | stopped (its disk failed) | refused (it will not start over its disk); why: text"
    " (stopped, refused)",
    "gap": "why: of what happened before at this node not all is known; what follows, by the rule"
    " Observed, is no news but how it stands",
    "fault": "what: kill | restart | freeze | thaw | crash_on_write {node};"
    " cut | restore {src, dst, one_way}; drop | duplicate | hold {src, dst}; weather; calm;"
    " wipe {node, becomes: the member that takes its place, as_voter}; add | remove {node};"
    " members {voters, learners}; transfer {node}; disk {node, fault: fail_write | fail_sync | full"
    " | flip | well}; clock {node, jump_ms, rate_ppm}; stranger {node, sort};"
    " message {id: the send's number, src, dst, label, how: now | drop | delay | duplicate | hold |"
    " release, delay_ms (delay, duplicate)};"
    " partition {groups}; heal; link {src, dst, delay_ms, jitter_ms, loss_ppm}; pause; resume;"
    " speed {speed_ppm}; by: who asked",
    # Raft, told by the core
    "role": "from, to: follower | candidate | leader; leader: node or ''; cluster_time (leader)",
    "term": "term",
    "vote": "for: node (this node's own vote, durable before it is told)",
    "tally": "granted: [node], refused: [node], needed: votes for a majority",
    "pre_vote": "term: asked about; granted: [node], refused: [node], needed: for a majority",
    "leader": "leader: node or '' (whom this node believes to lead)",
    "timer_set": "timer: election | heartbeat; deadline, duration: microseconds",
    "timer_fire": "timer: election | heartbeat",
    "write": "write: number; term, voted_for, from, to: what is being made durable; snapshot: the"
    " last index that the snapshot in it stands for, base: up to where entries are dropped for it",
    "fsync": "write: number of the last write now durable",
    "append": "entries: [{index, term, stamp, op, sum: CRC-32 of the command, command: its fields"
    " (told once, by the leader who appends it)}]",
    "truncate": "from, to: indexes dropped",
    "commit": "index",
    "config": "index, voters: [node], learners: [node], outgoing: [node] (joint if there are any)",
    "transfer": "target; what: begun | told | given up",
    "snapshot": "index, term, bytes: what the snapshot taken stands for, and its size",
    "install": "index, term, bytes: the snapshot that took the place of the log up to there",
    "restore": "index, hash: the lock table as that snapshot has it, told by the driver",
    "compact": "to: the last index that is no longer in the log",
    "progress": "peer, next, match, stream: probe | replicate | snapshot (leader only)",
    # the lock table, told by the driver
    "apply": "index, term, stamp, op, hash",
    "lock": "lock, owner, token, deadline, ttl, why: [word], queue: [{client, priority, index,"
    " deadline}] (the whole lock as applied at this node)",
    # the network; the sender's event number names the message
    "send": "to, type, label, fields, deliver_at: microseconds",
    "deliver": "id: the send's number, from, type, label",
    "drop": "id: the send's number, from, to, type, label, why: cut | loss | down | closed"
    " | taken (by hand)",
    "due": "id: the send's number, from, to, type, label; deliver_at: when it arrives now; held:"
    " true while it is held on its link, and arrives when it is let go",
    "dup": "id: the send's number, from, to, type, label; deliver_at: when a second copy arrives",
    # clients
    "client_call": "client, op, lock, request_id, time_ms: how long its caller waits for an answer,"
    " and its arguments; again: the id of the request that was not answered and is meant again",
    "client_return": "client, op, lock, request_id, status: ok | fail | unknown, text; if"
    " ok: result (the outcome's status), token and expired if there is a token;"
    " else the error's code, if it has one",
    "belief": "client, lock, token, until: microseconds; token 0 if it believes it holds nothing",
    # what the locks protect
    "storage": "lock, client, token, accepted: whether the protected resource took the write",
    "violation": "property, text, index, terms: [term], nodes: [node]",
    "note": "text",
}
"""Every kind of event, and what its data holds."""


# Named tuples, unlike other values: there are millions of them, and a frozen dataclass takes five
# times as long to make. For one that differs, say `event._replace(data=...)`.


class Note(NamedTuple):
    """Something that happened in a pure room, not yet numbered or timed.

    `rule` is the action's name in raft.tla or the paper's rule. `entries` go with kind ``append``:
    the driver writes them out in words, since Raft does not know what a command means.
    """

    kind: str
    data: Mapping[str, Json] = MappingProxyType({})
    rule: str = ""
    entries: tuple[LogEntry, ...] = ()


class Emitter(Protocol):
    """Hears what happens; a trace's recorder is one."""

    def emit(self, node: NodeID, note: Note, *, term: int = 0, cause: int = 0) -> int:
        """`note` happened at `node` now; the number it was given."""
        ...


class TraceEvent(NamedTuple):
    """One event of the trace.

    `seq` numbers the events of a trace from 1; `t` is run time in microseconds; `node` is where it
    happened (``""`` for the cluster, ``"client:NAME"`` for a client); `term` is the node's current
    term then; `cause` is the number of the event that brought this one about, 0 if none. `wall`
    (Unix milliseconds) is only in live traces.
    """

    seq: int
    t: Micros
    node: NodeID
    kind: str
    term: int
    data: Mapping[str, Json]
    cause: int = 0
    rule: str = ""
    wall: int = 0

"""Why something happened: the rule of the paper behind an event, and the code here that follows it.

An event carries the name of the action that it is part of (raft.tla's, where that has one). This
says what the action is for, in words, and where the paper has it; the place in this project's
source is looked up when asked for, so no trace holds a line number.
"""

from __future__ import annotations

import inspect
from functools import cache
from pathlib import Path
from pkgutil import resolve_name
from typing import NamedTuple

import raftlock
from raftlock.types import Json

__all__ = ["ACTIONS", "Why", "key_of", "why"]


class Why(NamedTuple):
    """An action: what it is for, where the paper has it, and the function that does it."""

    words: str
    paper: str
    code: str


ACTIONS = {
    # ---- elections ----
    "PreVote": Why(
        "Whoever heard no leader for a whole timeout first asks if it could win, without touching "
        "anybody's term. One that was cut off so cannot unseat a leader when it comes back.",
        "Thesis, section 9.6",
        "raftlock.raft.election:_ask_first",
    ),
    "Timeout": Why(
        "On an election a candidate goes to the next term, votes for itself, and asks everybody "
        "else for a vote. Timeouts are drawn at random so that seldom two stand at once.",
        "Figure 2, Candidates, rule 1; section 5.2",
        "raftlock.raft.election:_stand",
    ),
    "RequestVote": Why(
        "A candidate asks all others for their vote, and says how far its log goes.",
        "Figure 2, RequestVote; section 5.2",
        "raftlock.raft.election:_stand",
    ),
    "HandleRequestVoteRequest": Why(
        "A node votes once a term, for the first candidate whose log is at least as far as its "
        "own. So whoever wins has every entry that is committed.",
        "Figure 2, RequestVote, receiver, rules 1 and 2; section 5.4.1",
        "raftlock.raft.election:handle_request_vote",
    ),
    "HandleRequestVoteResponse": Why(
        "A candidate counts the votes of this term's election. With those of a majority it leads: "
        "two majorities share a node, and that node voted once.",
        "Figure 2, Candidates, rule 2; section 5.2",
        "raftlock.raft.election:handle_request_vote_reply",
    ),
    "BecomeLeader": Why(
        "A new leader tells everybody at once, with an empty entry of its own term: only when that "
        "is committed does it know what else is.",
        "Figure 2, Leaders, rule 1; section 8",
        "raftlock.raft.replication:become_leader",
    ),
    "UpdateTerm": Why(
        "A higher term in any message means that others have moved on: whoever sees it takes that "
        "term and follows, a leader too.",
        "Figure 2, All servers, rule 2; section 5.1",
        "raftlock.raft.core:Core.hear_term",
    ),
    "PeerLost": Why(
        "A follower whose own connection to its leader broke need not wait for the whole timeout "
        "before it asks the others. Nobody is believed less for it: it still needs their votes.",
        "Not in the paper; a shortcut to its section 5.2",
        "raftlock.raft.election:peer_lost",
    ),
    "CheckQuorum": Why(
        "A leader that heard no majority for an election timeout gives up: another may lead by "
        "now, and its clients should not wait for it.",
        "Thesis, section 6.2",
        "raftlock.raft.check_quorum:still_leads",
    ),
    "DiskStuck": Why(
        "A leader whose own disk does not answer steps down: it could take entries but never count "
        "itself among those who have them.",
        "Not in the paper; after its thesis's section 10.2.1",
        "raftlock.raft.check_quorum:still_leads",
    ),
    # ---- the log ----
    "ClientRequest": Why(
        "What a client asks becomes an entry of the leader's log. It is answered once it has been "
        "applied, and that is after a majority has it.",
        "Figure 2, Leaders, rule 2; section 5.3",
        "raftlock.raft.replication:propose",
    ),
    "AppendEntries": Why(
        "The leader sends each follower what follows on the entry where their logs agree; with "
        "nothing to send it repeats heartbeats, so that nobody stands for election.",
        "Figure 2, Leaders, rules 1 and 3; section 5.3",
        "raftlock.raft.replication:_send_append",
    ),
    "HandleAppendEntriesRequest": Why(
        "A follower takes entries only if it has the one before them, with the same term. So two "
        "logs that share an entry share all before it.",
        "Figure 2, AppendEntries, receiver, rules 1 to 5; section 5.3",
        "raftlock.raft.replication:handle_append_entries",
    ),
    "HandleAppendEntriesRequest/truncate": Why(
        "Entries that differ from the leader's go, with all that follow them. They cannot have "
        "been committed: the leader would have them.",
        "Figure 2, AppendEntries, receiver, rule 3; section 5.3",
        "raftlock.raft.replication:_take_entries",
    ),
    "HandleAppendEntriesResponse": Why(
        "A success tells the leader how far that follower's log agrees with its own; a refusal "
        "makes it try further back.",
        "Figure 2, Leaders, rule 3; section 5.3",
        "raftlock.raft.replication:handle_append_entries_reply",
    ),
    "AdvanceCommitIndex": Why(
        "An entry is committed once a majority has it on disk, and it is of the leader's own term. "
        "Older entries are committed along with it, never by counting.",
        "Figure 2, Leaders, rule 4; sections 5.3 and 5.4.2",
        "raftlock.raft.commitment:advance_commit_index",
    ),
    "Restart": Why(
        "A node that starts again knows what its disk kept: its term, its vote and its log. What "
        "is committed it does not know, and learns anew.",
        "Figure 2, Persistent state; section 5.1",
        "raftlock.node.driver:Driver._tell_recovery",
    ),
    "ReadIndex": Why(
        "A read is answered once a majority has confirmed the leader after it was asked, and the "
        "entries up to then are applied. It takes no entry of its own.",
        "Section 8; thesis, section 6.4",
        "raftlock.raft.reads:take",
    ),
    # ---- snapshots ----
    "TakeSnapshot": Why(
        "What a snapshot of the table stands for need not be kept as entries. Each node takes its "
        "own, of what is committed.",
        "Section 7",
        "raftlock.raft.snapshotting:keep",
    ),
    "InstallSnapshot": Why(
        "A follower that needs entries which the leader no longer has is sent its snapshot, in "
        "pieces.",
        "Figure 13; section 7",
        "raftlock.raft.snapshotting:send_chunk",
    ),
    "HandleInstallSnapshotRequest": Why(
        "A follower gathers the pieces, and the whole takes the place of its table and of the log "
        "up to there. What follows in its log stays if it fits.",
        "Figure 13, receiver, rules 1 to 8; section 7",
        "raftlock.raft.snapshotting:handle_install_snapshot",
    ),
    "HandleInstallSnapshotResponse": Why(
        "The answer says how much of the snapshot is there; the leader goes on from that place.",
        "Figure 13; section 7",
        "raftlock.raft.replication:handle_install_snapshot_reply",
    ),
    # ---- members ----
    "ChangeMembers": Why(
        "While voters change, old and new majorities must both agree, so that there is no moment "
        "at which two can decide apart.",
        "Section 6",
        "raftlock.raft.membership:change",
    ),
    "LeaveJoint": Why(
        "Once the joint configuration is committed the leader writes the new one alone.",
        "Section 6",
        "raftlock.raft.membership:settle",
    ),
    "LeaveOffice": Why(
        "A leader that is no member any more leads until that is committed, and then steps down.",
        "Section 6",
        "raftlock.raft.membership:settle",
    ),
    "TransferLeadership": Why(
        "To hand over, the leader takes nothing new, waits until the other's log is as far as its "
        "own, and tells it to stand at once.",
        "Thesis, section 3.10",
        "raftlock.raft.transfer:begin",
    ),
    "HandleTimeoutNow": Why(
        "Whoever is told so by the leader stands for election without waiting, and is not held "
        "back by those who still believe the old leader.",
        "Thesis, section 3.10",
        "raftlock.raft.transfer:handle_timeout_now",
    ),
    # ---- what has no action of its own: by the kind of event ----
    "lock": Why(
        "The table changes by committed entries alone, in their order, and its clock is their "
        "stamps: so every node comes to the same holder, the same queue and the same token.",
        "Section 2 (replicated state machines); the locks are this project's",
        "raftlock.lock.machine:LockMachine.apply",
    ),
    "drop": Why(
        "The network may lose, delay and repeat messages. Raft needs none of them to arrive: what "
        "matters is sent again.",
        "Section 2",
        "raftlock.transport.links:Links.plan",
    ),
    "client_call": Why(
        "A client asks whichever node it last knew to lead. Each request has a number of its own, "
        "so that it counts once, however often it is sent.",
        "Section 8; thesis, section 6.3",
        "raftlock.client.protocol.calls:Calls.submit",
    ),
    "client_return": Why(
        "A client believes it has a lock from before it first asked, for less than it was given: "
        "so it stops before anybody else can begin.",
        "Thesis, section 6.3; the lease is this project's",
        "raftlock.client.lease:Lease.counted_from",
    ),
    "storage": Why(
        "What a lock protects remembers the highest token it has seen, and refuses a lower one: a "
        "holder that was stopped for a while may write late, and must not count.",
        "Not in the paper: this project's fencing tokens",
        "raftlock.sim.resource:Resource.write",
    ),
    "node": Why(
        "This was done to the cluster, or its disk did it. Raft must keep its promises whatever "
        "nodes stop and start, and goes on while a majority is up.",
        "Section 5.5",
        "raftlock.node.driver:Driver._tell_recovery",
    ),
    "fault": Why(
        "This was done to the cluster. No promise may break by it; at worst nobody can be answered "
        "until it ends.",
        "Sections 2 and 5.5",
        "raftlock.transport.links:Links.plan",
    ),
    "note": Why("Somebody wrote this note into the run.", "", ""),
}
"""Each action, under its name, or ``action/kind`` where a kind of event deserves its own words; for
events that are part of no action, under their kind."""

_ROOT = Path(raftlock.__file__).resolve().parent.parent


def key_of(rule: str, kind: str) -> str:
    """Under which of `ACTIONS` an event is explained; ``""`` if nowhere."""
    found = (key for key in (f"{rule}/{kind}", rule, kind) if key in ACTIONS)
    return next(found, "")


def why(rule: str, kind: str) -> dict[str, Json] | None:
    """What a page shows of an event: words, paper, and the source that did it."""
    key = key_of(rule, kind)
    return dict(_told(key)) if key else None


@cache
def _told(key: str) -> dict[str, Json]:
    known = ACTIONS[key]
    told: dict[str, Json] = {"action": key, "words": known.words, "paper": known.paper}
    if known.code:
        function = resolve_name(known.code)
        lines, first = inspect.getsourcelines(function)
        path = Path(inspect.getfile(function)).resolve()
        told["place"] = f"{path.relative_to(_ROOT)}:{first}"
        told["function"] = known.code.partition(":")[2]
        told["source"] = inspect.cleandoc("".join(lines)) if lines[0][:1] == " " else "".join(lines)
    return told

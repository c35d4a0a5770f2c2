"""What happened, one plain English sentence an event, for somebody who has never seen Raft.

A sentence is made from the event and from the picture as it was BEFORE the event: only so can it
say who held a lock until now, or how long a node had waited. Most events have no sentence: a
heartbeat, a timer that is set anew, the same entry arriving at the fifth node. Sentences are plain
text; names that come from people are shortened, and whoever shows them shows them as text.
"""

from __future__ import annotations

from collections.abc import Callable

from raftlock.trace.clients import doing
from raftlock.trace.fault_sentences import fault_line, node_line
from raftlock.trace.fields import flag, names, number, rows, shorten, text
from raftlock.trace.lock_sentences import lock_line
from raftlock.trace.member_sentences import (
    compact_line,
    config_line,
    install_line,
    progress_line,
    snapshot_line,
    transfer_line,
)
from raftlock.trace.messages import HEARTBEAT_LABELS
from raftlock.trace.nodes import NodeView
from raftlock.trace.told import FAULT, GOOD, WARN, Told
from raftlock.trace.view import ClusterView
from raftlock.trace.words import and_list, duration, entries_text
from raftlock.types import TraceEvent

__all__ = ["sentence", "tell"]


def sentence(event: TraceEvent, view: ClusterView) -> str | None:
    """The event in one sentence, or ``None`` if it is not worth one.

    `view` is the picture before the event: call this first, then ``view.apply(event)``.
    """
    told = tell(event, view)
    return told.text if told else None


def tell(event: TraceEvent, view: ClusterView) -> Told | None:
    """Like `sentence`, with the level at which it is shown."""
    if event.rule == "Observed":
        return None  # no news, but how it stood when somebody began to look
    teller = _TELLERS.get(event.kind)
    return teller(event, view) if teller else None


def _gap(event: TraceEvent, _view: ClusterView) -> Told | None:
    return Told(f"Of {event.node} not all is known: {text(event.data, 'why')}.", WARN)


def _role(event: TraceEvent, view: ClusterView) -> Told | None:
    node, name = view.node(event.node), event.node
    was, role = text(event.data, "from"), text(event.data, "to")
    if role == "candidate" and was == "candidate":
        return Told(
            f"{name} did not get enough votes in {duration(node.waited // 1000)}, so it stands"
            f" again, in term {event.term}."
        )
    if role == "candidate" and node.told_by:
        return Told(
            f"{name} stands for election in term {event.term} at once: {node.told_by} asked it to."
        )
    if role == "candidate" and node.pre_vote:
        votes = len(node.pre_vote.granted)
        return Told(
            f"{name} would have {votes} of {_votes(view, node)} votes, so it stands for election in"
            f" term {event.term}."
        )
    if role == "candidate":
        return Told(
            f"{name} heard from no leader for {duration(node.waited // 1000)}, so it stands for"
            f" election in term {event.term}."
        )
    if role == "leader":
        votes = len(node.tally.granted) if node.tally else view.majority
        return Told(
            f"{name} has {votes} of {_votes(view, node)} votes: it leads term {event.term}.", GOOD
        )
    if was == "leader" and event.rule == "CheckQuorum":
        return Told(f"{name} no longer leads: it has not heard a majority for too long.", WARN)
    if was == "leader" and event.rule == "DiskStuck":
        return Told(f"{name} no longer leads: its disk has not answered for too long.", WARN)
    if was == "leader" and event.rule == "LeaveOffice":
        return Told(f"{name} no longer leads: it has no vote any more, and a majority knows it.")
    if was == "leader":
        return Told(f"{name} no longer leads: it heard of term {event.term}.", WARN)
    if was == "candidate":
        return Told(f"{name} gives up its candidacy: {_why_given_up(event, node)}.")
    return None


def _votes(view: ClusterView, node: NodeView) -> int:
    """How many votes there are, by the members that the node goes by."""
    return len(view.members_of(node).voting)


def _why_given_up(event: TraceEvent, node: NodeView) -> str:
    # The rule tells: only a leader of the same term sends entries, only voters answer.
    if event.rule == "HandleAppendEntriesRequest":
        return f"another won term {event.term}"
    if event.rule == "HandleRequestVoteResponse" and node.tally and node.tally.refused:
        return f"{and_list(node.tally.refused)} refused their votes"
    if event.rule == "PreVote":
        return "too few votes came in time"
    return f"it heard of term {event.term}"


def _pre_vote(event: TraceEvent, view: ClusterView) -> Told | None:
    node, data = view.node(event.node), event.data
    if names(data, "refused") or names(data, "granted") != [event.node]:
        return None
    return Told(
        f"{event.node} heard from no leader for {duration(node.waited // 1000)}, so it asks"
        f" whether it could win term {number(data, 'term')}."
    )


def _vote(event: TraceEvent, view: ClusterView) -> Told | None:
    choice = text(event.data, "for")
    if choice == event.node or not choice or view.node(event.node).recovering:
        return None
    return Told(f"{event.node} votes for {choice} in term {event.term}.")


def _leader(event: TraceEvent, view: ClusterView) -> Told | None:
    leader, node = text(event.data, "leader"), view.node(event.node)
    if not leader or leader == event.node or (leader, event.term) == (node.leader, node.term):
        return None
    return Told(f"{event.node} follows {leader}, the leader of term {event.term}.")


def _append(event: TraceEvent, view: ClusterView) -> Told | None:
    entries = rows(event.data, "entries")
    if not entries:
        return None
    node, name = view.node(event.node), event.node
    first, last = number(entries[0], "index"), number(entries[-1], "index")
    which = entries_text(first, last)
    if node.recovering:
        return Told(f"{name} reads {which} from its disk.")
    if node.role != "leader":
        # One entry at every follower is the normal course; several at once are a catching up.
        return Told(f"{name} catches up: it copies {which}.") if last > first else None
    op = text(entries[-1], "op")
    if op.startswith("end session "):
        whose = shorten(op.removeprefix("end session "))
        silent = f"{name}, the leader, has not heard of {whose} for too long"
        return Told(f"{silent}: it writes the end of its session, {which}, into its log.", WARN)
    if op not in ("", "no-op", "tick"):
        words = shorten(op, 90 if op.startswith("members ") else 40)
        return Told(f"{name}, the leader, writes {which} into its log: {words}.")
    if op == "no-op" or node.log.term_at(first - 1) != event.term:
        return Told(f"{name} opens term {event.term} with an empty entry, number {last}.")
    return Told(f"{name} writes an empty entry, number {last}: it only says how late it is.")


def _truncate(event: TraceEvent, view: ClusterView) -> Told | None:
    first, last = number(event.data, "from"), number(event.data, "to")
    which = entries_text(first, last)
    if first > view.node(event.node).commit:
        # With a broken rule another node may well have taken it for committed.
        never = "" if text(view.header, "modified") else ", so never committed"
        return Told(f"{event.node} drops {which}: not in the leader's log{never}.", WARN)
    return Told(f"{event.node} drops {which}, which it had taken for committed!", FAULT)


def _commit(event: TraceEvent, view: ClusterView) -> Told | None:
    node, last = view.node(event.node), number(event.data, "index")
    if node.role != "leader":
        return None
    # A new leader's first commitment is news only from what nobody has applied yet.
    first = min(last, max(node.commit, view.applied_high) + 1)
    which = entries_text(first, last).capitalize()
    if text(view.header, "modified"):
        # With a broken rule nobody knows where it is.
        return Told(f"{event.node} takes {entries_text(first, last)} for committed.")
    verb = "is" if first == last else "are"
    them, members = "it" if verb == "is" else "them", view.members_of(node)
    if members.is_joint:
        old, new = and_list(members.outgoing), and_list(members.voters)
        return Told(f"{which} {verb} committed: a majority of {old} has {them}, and one of {new}.")
    voters = len(members.voters)
    majority = voters // 2 + 1
    have = "has" if majority == 1 else "have"
    return Told(f"{which} {verb} committed: at least {majority} of {voters} disks {have} {them}.")


_THINGS = {
    "PV": "question whether it could win",
    "RV": "request for a vote",
    "RV✓": "vote",
    "RV✗": "refusal of a vote",
    "AE✓": "acknowledgement",
    "AE✗": "answer",
    "IS✓": "acknowledgement",
    "TN": "word to stand at once",
}

_WHYS = {
    "cut": "the link is cut",
    "loss": "the network lost it",
    "closed": "the connection was closed",
    "taken": "it was taken off the wire",
}


def _drop(event: TraceEvent, view: ClusterView) -> Told | None:
    data, why, label = event.data, text(event.data, "why"), text(event.data, "label")
    src, dst = text(data, "from"), text(data, "to")
    if label in HEARTBEAT_LABELS or view.network.told.get((src, dst)) == why:
        return None  # silent until something passes there again, or fails for another reason
    thing = _THINGS.get(label, "message")
    if label.startswith("AE·"):
        thing = "entry" if label == "AE·1" else "entries"
    if label.startswith("IS@"):
        thing = "snapshot"
    reason = _WHYS.get(why, why)
    if why == "down":
        reason = f"{dst} is {'down' if dst in view.nodes else 'gone'}"
    verb = "do" if thing == "entries" else "does"
    return Told(f"{src}'s {thing} {verb} not reach {dst}: {reason}.", WARN)


def _client_call(event: TraceEvent, _view: ClusterView) -> Told | None:
    data = event.data
    client, op = shorten(text(data, "client")), text(data, "op")
    if op in ("open_session", "end_session"):
        return None
    more = ""
    if flag(data, "shared"):
        more = ", to share it"
    elif number(data, "permits"):
        more = f", one of its {number(data, 'permits')} permits"
    if op == "acquire" and flag(data, "wait"):
        more += ", and will wait for it"
    return Told(f"{client} {doing(op, text(data, 'lock'))}{more}.")


def _client_return(event: TraceEvent, _view: ClusterView) -> Told | None:
    data, status = event.data, text(event.data, "status")
    client, op = shorten(text(data, "client")), text(data, "op").replace("_", " ")
    why = shorten(text(data, "text"), 160).rstrip(".")
    if status == "fail":
        return Told(f"{client}'s {op} failed: {why or 'no reason given'}.", WARN)
    if status == "unknown":
        why = f": {why}" if why else ""
        return Told(f"{client} cannot know what became of its {op}{why}.", WARN)
    if op == "get lock info":
        lock, owner = shorten(text(data, "lock")), shorten(text(data, "owner"))
        holds = f"{owner} holds {lock} with token {number(data, 'token')}"
        if number(data, "holder_count") > 1:
            holds = f"{number(data, 'holder_count')} hold {lock}, {owner} longest"
        return Told(f"{client} is told: {holds if owner else f'nobody holds {lock}'}.")
    return None


def _storage(event: TraceEvent, _view: ClusterView) -> Told | None:
    data, token = event.data, number(event.data, "token")
    client, lock = shorten(text(data, "client")), shorten(text(data, "lock"))
    if flag(data, "accepted"):
        return Told(f"What {lock} protects takes {client}'s write, with token {token}.")
    return Told(f"What {lock} protects refuses {client}'s write: token {token} is stale.", WARN)


def _note(event: TraceEvent, _view: ClusterView) -> Told | None:
    words = shorten(text(event.data, "text"), 300)
    return Told(words) if words else None


_TELLERS: dict[str, Callable[[TraceEvent, ClusterView], Told | None]] = {
    "node": node_line,
    "gap": _gap,
    "fault": fault_line,
    "role": _role,
    "pre_vote": _pre_vote,
    "vote": _vote,
    "leader": _leader,
    "append": _append,
    "truncate": _truncate,
    "commit": _commit,
    "config": config_line,
    "transfer": transfer_line,
    "snapshot": snapshot_line,
    "install": install_line,
    "compact": compact_line,
    "progress": progress_line,
    "lock": lock_line,
    "drop": _drop,
    "client_call": _client_call,
    "client_return": _client_return,
    "storage": _storage,
    "note": _note,
}

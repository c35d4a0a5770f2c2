"""How a message is named and summed up on screen: the slip's label and the few fields worth a look.

The node calls these when it records a ``send``. A label is short enough for a slip that travels:
``RV`` asks for a vote, ``PV`` asks for a pre-vote, ``HB`` is a heartbeat, ``AE·2`` carries two
entries, ``IS@12`` a snapshot up to entry 12, ``TN`` asks to stand at once; a reply has the same
letters and ``✓`` or ``✗``.
"""

from __future__ import annotations

from raftlock.types import (
    AppendEntriesArgs,
    AppendEntriesReply,
    InstallSnapshotArgs,
    Json,
    Message,
    RequestVoteArgs,
    RequestVoteReply,
    TimeoutNow,
)

__all__ = ["HEARTBEAT_LABELS", "label", "message_fields", "message_type"]

HEARTBEAT_LABELS = frozenset({"HB", "HB✓"})
"""The labels of messages that only keep a leader in office."""


def label(message: Message) -> str:
    """The text on the message's slip.

    A successful answer to AppendEntries is ``HB✓`` if it acknowledges nothing beyond the place that
    was asked about, since then the request carried no entries.
    """
    if isinstance(message, RequestVoteArgs):
        return "PV" if message.is_pre_vote else "RV"
    if isinstance(message, RequestVoteReply):
        mark = "✓" if message.vote_granted else "✗"
        return ("PV" if message.is_pre_vote else "RV") + mark
    if isinstance(message, AppendEntriesArgs):
        return f"AE·{len(message.entries)}" if message.entries else "HB"
    if isinstance(message, AppendEntriesReply):
        if not message.success:
            return "AE✗"
        return "HB✓" if message.match_index == message.prev_log_index else "AE✓"
    if isinstance(message, InstallSnapshotArgs):
        return f"IS@{message.last_included_index}"
    return "TN" if isinstance(message, TimeoutNow) else "IS✓"


def message_type(message: Message) -> str:
    """The message's name in the paper; an answer's ends in ``Reply``."""
    return type(message).__name__.removesuffix("Args")


def message_fields(message: Message) -> dict[str, Json]:
    """What a reader wants to see of the message, under the paper's names, small enough to send.

    Indexes, terms and counts; milliseconds for `cluster_time`. Never the entries themselves.
    """
    if isinstance(message, RequestVoteArgs):
        return {
            "term": message.term,
            "last_log_index": message.last_log_index,
            "last_log_term": message.last_log_term,
            **_pre_vote(message),
        }
    if isinstance(message, RequestVoteReply):
        return {"term": message.term, "granted": message.vote_granted, **_pre_vote(message)}
    if isinstance(message, AppendEntriesArgs):
        return {
            "term": message.term,
            "prev_log_index": message.prev_log_index,
            "prev_log_term": message.prev_log_term,
            "entries": len(message.entries),
            "leader_commit": message.leader_commit,
            "cluster_time": message.cluster_time,
        }
    if isinstance(message, AppendEntriesReply):
        if message.success:
            return {"term": message.term, "match_index": message.match_index}
        return {
            "term": message.term,
            "conflict_index": message.conflict_index,
            "conflict_term": message.conflict_term,
        }
    if isinstance(message, InstallSnapshotArgs):
        return {
            "term": message.term,
            "last_included_index": message.last_included_index,
            "last_included_term": message.last_included_term,
            "offset": message.offset,
            "bytes": len(message.data),
            "done": message.done,
        }
    if isinstance(message, TimeoutNow):
        return {"term": message.term}
    return {
        "term": message.term,
        "offset": message.offset,
        "match_index": message.match_index,
    }


def _pre_vote(message: RequestVoteArgs | RequestVoteReply) -> dict[str, Json]:
    """Set only where it is one: a pre-vote promises nothing."""
    return {"pre_vote": True} if message.is_pre_vote else {}

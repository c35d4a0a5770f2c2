import pytest

from raftlock.trace.messages import HEARTBEAT_LABELS, label, message_fields, message_type
from raftlock.types import (
    AppendEntriesArgs,
    AppendEntriesReply,
    InstallSnapshotArgs,
    InstallSnapshotReply,
    LogEntry,
    RequestVoteArgs,
    RequestVoteReply,
    TimeoutNow,
)

ENTRIES = (LogEntry(4, 8, b"x", 70), LogEntry(4, 9, b"y", 80))

CASES = [
    (
        RequestVoteArgs(4, "n3", 7, 3),
        "RV",
        "RequestVote",
        {"term": 4, "last_log_index": 7, "last_log_term": 3},
    ),
    (
        RequestVoteArgs(5, "n3", 7, 3, is_pre_vote=True),
        "PV",
        "RequestVote",
        {"term": 5, "last_log_index": 7, "last_log_term": 3, "pre_vote": True},
    ),
    (RequestVoteReply(4, True), "RV✓", "RequestVoteReply", {"term": 4, "granted": True}),
    (RequestVoteReply(4, False), "RV✗", "RequestVoteReply", {"term": 4, "granted": False}),
    (
        RequestVoteReply(4, True, is_pre_vote=True),
        "PV✓",
        "RequestVoteReply",
        {"term": 4, "granted": True, "pre_vote": True},
    ),
    (
        AppendEntriesArgs(4, "n2", 7, 3, (), 6, 1234),
        "HB",
        "AppendEntries",
        {
            "term": 4,
            "prev_log_index": 7,
            "prev_log_term": 3,
            "entries": 0,
            "leader_commit": 6,
            "cluster_time": 1234,
        },
    ),
    (
        AppendEntriesArgs(4, "n2", 7, 3, ENTRIES, 6, 1234),
        "AE·2",
        "AppendEntries",
        {
            "term": 4,
            "prev_log_index": 7,
            "prev_log_term": 3,
            "entries": 2,
            "leader_commit": 6,
            "cluster_time": 1234,
        },
    ),
    (
        AppendEntriesReply(4, True, match_index=7, prev_log_index=7),
        "HB✓",
        "AppendEntriesReply",
        {"term": 4, "match_index": 7},
    ),
    (
        AppendEntriesReply(4, True, match_index=9, prev_log_index=7),
        "AE✓",
        "AppendEntriesReply",
        {"term": 4, "match_index": 9},
    ),
    (
        AppendEntriesReply(4, False, conflict_index=5, conflict_term=2, prev_log_index=7),
        "AE✗",
        "AppendEntriesReply",
        {"term": 4, "conflict_index": 5, "conflict_term": 2},
    ),
    (
        InstallSnapshotArgs(4, "n2", 12, 3, b"abc", 6, False),
        "IS@12",
        "InstallSnapshot",
        {
            "term": 4,
            "last_included_index": 12,
            "last_included_term": 3,
            "offset": 6,
            "bytes": 3,
            "done": False,
        },
    ),
    (TimeoutNow(4, "n1"), "TN", "TimeoutNow", {"term": 4}),
    (
        InstallSnapshotReply(4, 4, 9, 100),
        "IS✓",
        "InstallSnapshotReply",
        {"term": 4, "offset": 100, "match_index": 0},
    ),
]


@pytest.mark.parametrize(("message", "slip", "kind", "fields"), CASES)
def test_a_message_in_a_few_words(message, slip, kind, fields):
    assert label(message) == slip
    assert message_type(message) == kind
    assert message_fields(message) == fields


def test_only_what_carries_nothing_is_a_heartbeat():
    assert {slip for _, slip, _, _ in CASES} & HEARTBEAT_LABELS == {"HB", "HB✓"}

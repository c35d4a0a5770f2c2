"""Where to look for a broken rule: what a search for it does not draw, but sets.

Some mistakes show only with one entry a message, or where votes come late, or in reads that hardly
any run has; what is not set here is drawn as for every run.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["AIMS"]

AIMS: Mapping[str, Mapping[str, int]] = {
    "LongestLogLeads": {
        "partition_ppm": 80_000,
        "ask_ppm": 250_000,
        "clients": 5,
        "crash_ppm": 15_000,
    },
    "VoteApart": {"crash_on_write_ppm": 60_000, "kept_ppm": 1_000_000},
    "CountStaleVotes": {
        "stale_ppm": 200_000,
        "loss_ppm": 20_000,
        "crash_ppm": 15_000,
        "partition_ppm": 30_000,
    },
    "CommitOldTerms": {
        "batch": 1,
        "in_flight": 1,
        "mean_delay_us": 40_000,
        "crash_ppm": 45_000,
        "partition_ppm": 30_000,
    },
    "CommitWhatLeaderSays": {
        "batch": 1,
        "partition_ppm": 80_000,
        "one_way_ppm": 0,
        "loss_ppm": 0,
        "ask_ppm": 250_000,
        "clients": 5,
        "mean_delay_us": 10_000,
    },
    "MatchMyLength": {
        "batch": 1,
        "partition_ppm": 80_000,
        "one_way_ppm": 0,
        "loss_ppm": 0,
        "ask_ppm": 250_000,
        "clients": 5,
    },
    "CountStaleAcks": {
        "stale_ppm": 200_000,
        "partition_ppm": 80_000,
        "ask_ppm": 250_000,
        "crash_ppm": 15_000,
        "duplicate_ppm": 200_000,
    },
    "HeedLateRefusals": {"batch": 1, "stale_ppm": 100_000},
    "HeedLateAcks": {"batch": 1, "stale_ppm": 100_000},
    "CutAtDamage": {"flip_ppm": 20_000},
    "SyncAgain": {"disk_error_ppm": 20_000, "crash_ppm": 45_000},
    "ForgetDirectory": {"snapshot_entries": 5, "snapshot_tail": 0, "crash_ppm": 45_000},
    "DropSessions": {"snapshot_entries": 5, "snapshot_tail": 0, "crash_ppm": 45_000},
    "AnswerAtOnce": {
        "loss_ppm": 0,
        "one_way_ppm": 0,
        "crash_ppm": 0,
        "crash_on_write_ppm": 0,
        "pause_ppm": 0,
        "member_ppm": 0,
        "transfer_ppm": 0,
        "wipe_ppm": 0,
        "disk_error_ppm": 0,
        "flip_ppm": 0,
        "rate_ppm": 0,
        "jump_ppm": 0,
        "rate_change_ppm": 0,
        "stale_ppm": 0,
        "client_pause_ppm": 0,
        "read_ppm": 500_000,
        "ask_ppm": 250_000,
        "clients": 5,
        "locks": 1,
        "partition_ppm": 80_000,
        "partition_ms_min": 800,
        "mean_delay_us": 0,
        "nodes": 3,
        "check_quorum": 0,
        "lease_reads": 0,
    },
    "LongLease": {
        "read_ppm": 300_000,
        "partition_ppm": 80_000,
        "check_quorum": 1,
        "lease_reads": 1,
        "rate_ppm": 0,
    },
    "DeposeLeader": {
        "read_ppm": 300_000,
        "partition_ppm": 80_000,
        "check_quorum": 1,
        "lease_reads": 1,
        "rate_ppm": 0,
    },
    "OneHalfElects": {
        "loss_ppm": 0,
        "crash_ppm": 45_000,
        "wipe_ppm": 0,
        "disk_error_ppm": 0,
        "flip_ppm": 0,
        "member_ppm": 20_000,
        "partition_ppm": 80_000,
    },
    "OneHalfCommits": {"member_ppm": 20_000},
    "TwoChangesAtOnce": {"member_ppm": 20_000},
    "LeaveAtOnce": {"member_ppm": 20_000},
    "InstallAgain": {"snapshot_entries": 5, "snapshot_tail": 0, "stale_ppm": 100_000},
    "KeepSuffix": {"snapshot_entries": 5, "snapshot_tail": 0, "partition_ppm": 80_000},
    "GrantTooLate": {
        "nodes": 1,
        "pause_ppm": 15_000,
        "crash_ppm": 0,
        "ask_ppm": 250_000,
        "client_pause_ppm": 0,
        "locks": 1,
    },
    "ReadTooEarly": {"read_ppm": 500_000, "lease_reads": 0},
    "KeepDeadWaits": {"session_ttl_ms": 1_000},
    "AskAnew": {"patience_ms": 1000, "loss_ppm": 250_000},
    "NeverTruncate": {"member_ppm": 0, "partition_ppm": 80_000, "snapshot_entries": 10_000},
}
"""By the name of the class that breaks the rule: settings of `Profile`, and `nodes`."""

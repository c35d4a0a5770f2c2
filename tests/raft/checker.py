"""The safety properties of the paper's Figure 3, checked after every step of every node.

Nothing here is taken from the core but what it shows of itself: role, term, vote, log, commit.
"""

from itertools import pairwise

from raftlock.types import AppendEntriesReply, InstallSnapshotReply, NodeRole, RequestVoteReply


def entry_parts(entry):
    return entry.command, entry.stamp, entry.configuration


class Checker:
    def __init__(self, size):
        self.size = size
        self.leaders = {}  # term -> node: Election Safety
        self.votes = {}  # (node, term) -> candidate: one vote a term, over restarts
        self.entries = {}  # (index, term) -> (term before, command, stamp): Log Matching
        self.committed = {}  # index -> (its term, the term it was committed in)
        self.applied = {}  # index -> entry: State Machine Safety
        self.leading = {}  # node -> (term, log): Leader Append-Only
        self.seen = {}  # node -> (term, commit, applied), which never fall
        self.known_logs = {}
        self.made = {}  # (index, term) -> real time: what passes of cluster time between entries

    def forget(self, number):
        """The node crashed: commit and applied begin anew, and it leads no more."""
        self.leading.pop(number, None)
        self.seen.pop(number, None)
        self.known_logs.pop(number, None)

    def check(self, node, effects, now):
        raft = node.raft
        # What was compacted had been applied.
        first = raft.log.first_index
        log = (*node.applied[: first - 1], *raft.log.entries(first, raft.log.last_index))
        if log != self.known_logs.get(node.number):
            self._check_log_matching(log)
            self._check_stamps(log, now)
            self.known_logs[node.number] = log
        committed_before = self._check_monotone(node)
        self._check_leader(node, log)
        self._check_commit(node, log, committed_before)
        for entry in effects.apply:
            assert self.applied.setdefault(entry.index, entry) == entry, "State Machine Safety"
        assert [entry.index for entry in node.applied] == list(range(1, raft.last_applied + 1))
        assert effects.wake_at == raft.deadline

    def check_promise(self, node, send):
        """What leaves a node must be true of its disk already."""
        message, disk = send.message, node.disk
        if isinstance(message, RequestVoteReply) and message.is_pre_vote:
            return  # nothing is promised
        if isinstance(message, RequestVoteReply) and message.vote_granted:
            key = (node.number, message.request_term)
            assert self.votes.setdefault(key, send.to) == send.to, "one vote a term"
            assert disk.state.current_term >= message.request_term, "term on disk"
            if disk.state.current_term == message.request_term:
                assert disk.state.voted_for == send.to, "vote on disk"
        if isinstance(message, AppendEntriesReply) and message.success:
            assert disk.state.current_term >= message.term, "term on disk"
            if disk.state.current_term == message.term:
                assert disk.last[0] >= message.match_index, "entries on disk"
        if isinstance(message, InstallSnapshotReply):
            assert disk.last[0] >= message.match_index, "snapshot on disk"

    def _check_monotone(self, node):
        raft = node.raft
        now = (raft.current_term, raft.commit_index, raft.last_applied)
        before = self.seen.get(node.number, (0, 0, 0))
        assert all(new >= old for new, old in zip(now, before, strict=True)), (before, now)
        assert raft.last_applied <= raft.commit_index <= raft.log.last_index
        assert raft.durable_index <= raft.log.last_index
        self.seen[node.number] = now
        return before[1]

    def _check_log_matching(self, log):
        previous = None
        for entry in log:
            before = (previous.term if previous else 0, *entry_parts(entry))
            assert self.entries.setdefault((entry.index, entry.term), before) == before, (
                "Log Matching"
            )
            assert previous is None or previous.term <= entry.term
            previous = entry

    def _check_stamps(self, log, now):
        """Entries are first seen on their leader, when it makes them."""
        for entry in log:
            self.made.setdefault((entry.index, entry.term), now)
        for earlier, later in pairwise(log):
            real = self.made[later.index, later.term] - self.made[earlier.index, earlier.term]
            assert 0 <= later.stamp - earlier.stamp <= real, "no lock expires early"

    def _check_leader(self, node, log):
        raft = node.raft
        if raft.role is not NodeRole.LEADER:
            self.leading.pop(node.number, None)
            return
        term = raft.current_term
        assert self.leaders.setdefault(term, node.number) == node.number, "Election Safety"
        led_term, led_log = self.leading.get(node.number, (0, ()))
        if led_term == term:
            assert log[: len(led_log)] == led_log, "Leader Append-Only"
        else:
            for index, (entry_term, leader_term) in self.committed.items():
                if leader_term < term:
                    assert index <= len(log), "Leader Completeness"
                    assert log[index - 1].term == entry_term, "Leader Completeness"
        self.leading[node.number] = (term, log)

    def _check_commit(self, node, log, before):
        """A leader commits first, so the first to commit an entry tells the term it was done in."""
        term = node.raft.current_term
        for entry in log[before : node.raft.commit_index]:
            known_term, _ = self.committed.setdefault(entry.index, (entry.term, term))
            assert known_term == entry.term, "State Machine Safety"

"""Commitment and application: the end of section 5.3, and section 5.4.2, of the paper."""

from __future__ import annotations

from raftlock.raft.core import Core
from raftlock.types.ids import Index, Term
from raftlock.types.roles import NodeRole

__all__ = ["advance_commit_index", "apply_committed", "commit", "log_durable"]


def log_durable(core: Core, write: int, last_index: Index, last_term: Term) -> None:
    """This node's own disk is done with `write`, and has the log up to there.

    A leader now counts itself.

    An entry that has been dropped meanwhile says nothing about the log as it is now.
    """
    state = core.state
    while state.writing and state.writing[0][0] <= write:
        state.writing.popleft()
    if state.log.term_at(last_index) != last_term:
        return
    state.durable_index = max(state.durable_index, last_index)
    if state.role is NodeRole.LEADER:
        advance_commit_index(core)


def advance_commit_index(core: Core) -> None:
    """Leaders, rule 4: commit up to an index N that a majority has, if N's term is this term.

    The leader is one of the majority only as far as its own disk is.
    """
    state = core.state
    index = Index(core.reached(lambda progress: progress.match_index, state.durable_index))
    if index <= state.commit_index:
        return
    # Terms in a log never fall, so if N's term is an earlier one, no index before it will do.
    entry_term = state.log.term_at(index)
    assert entry_term is not None, "nobody matches more than the leader has"
    if core.rules.counts_for_commit(entry_term, state.current_term):
        core.out.action = "AdvanceCommitIndex"
        commit(core, index)


def commit(core: Core, index: Index) -> None:
    """Commit up to `index`, as far as the log goes; the commit index never goes back."""
    state = core.state
    index = min(index, state.log.last_index)
    if index <= state.commit_index:
        return
    for entry in state.log.entries(state.commit_index + 1, index):
        state.proposals.pop(entry.index, None)
        if state.leadership is not None:
            state.leadership.uncommitted_bytes -= len(entry.command)
    state.commit_index = index
    core.out.note("commit", {"index": index})


def apply_committed(core: Core) -> None:
    """All servers, rule 1: apply what is committed and not applied yet, in order."""
    state = core.state
    last = core.rules.applies_up_to(state.commit_index, state.log.last_index)
    entries = state.log.entries(state.last_applied + 1, last)
    if entries:
        state.last_applied = entries[-1].index
        state.applied_bytes += sum(len(entry.command) for entry in entries)
        core.out.apply(entries)

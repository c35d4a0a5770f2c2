"""Reading without writing to the log: section 8 of the paper, section 6.4 of the thesis.

A leader notes how far it has committed, makes sure by a round of heartbeats that it still leads,
and answers once all it had noted is applied. One round serves all reads that came before it began;
those that come meanwhile wait for the next. With a lease (6.4.1, off by default) it need not ask:
a majority has answered so lately that none of them may vote for another yet.
"""

from __future__ import annotations

from raftlock.raft.core import Core
from raftlock.raft.effects import Resolution
from raftlock.raft.state import WaitingRead
from raftlock.types.ids import Millis, ProposalID

__all__ = ["answer_ready", "begin_round", "confirm_rounds", "take"]


def take(core: Core, read_id: ProposalID) -> bool:
    """Take in a read; true if the caller is to begin a round for it."""
    core.out.action = "ReadIndex"
    state = core.state
    if state.leadership is None:
        core.out.answer_read(core.not_leader(read_id))
        return False
    leadership = state.leadership
    index = core.rules.read_index(state.commit_index, leadership.first_index)
    after = leadership.confirmed if _has_lease(core) else leadership.round + 1
    leadership.reads.append(WaitingRead(read_id, index, after))
    # While a round is under way, the next one waits for it, and serves all that come meanwhile.
    return after > leadership.round == leadership.confirmed


def begin_round(core: Core) -> None:
    """Number the heartbeats that go out now."""
    leadership = core.leadership
    leadership.round += 1
    leadership.round_began[leadership.round] = core.now
    confirm_rounds(core)  # a leader alone is its own majority


def confirm_rounds(core: Core) -> bool:
    """See how many rounds a majority has answered; true if a new one is to begin for reads."""
    leadership = core.leadership
    confirmed = core.reached(lambda progress: progress.round, leadership.round)
    if confirmed <= leadership.confirmed:
        return False
    leadership.confirmed = confirmed
    for number in [number for number in leadership.round_began if number < confirmed]:
        del leadership.round_began[number]
    return confirmed == leadership.round and any(
        read.round > confirmed for read in leadership.reads
    )


def answer_ready(core: Core) -> None:
    """Answer the reads that are confirmed, and whose index is applied."""
    state, leadership = core.state, core.state.leadership
    if leadership is None:
        return
    waiting = []
    for read in leadership.reads:
        confirmed = core.rules.read_is_confirmed(read.round, leadership.confirmed)
        if confirmed and read.index <= state.last_applied:
            core.out.answer_read(
                Resolution(read.read_id, accepted=True, index=read.index, leader_id=core.node_id)
            )
        else:
            waiting.append(read)
    leadership.reads = waiting


def _has_lease(core: Core) -> bool:
    leadership, config = core.leadership, core.config
    began = leadership.round_began.get(leadership.confirmed)
    if not config.lease_reads or began is None:
        return False
    if leadership.handover is not None or leadership.has_told:
        # Votes that are asked for in the leader's name are given in spite of its lease.
        return False
    return core.rules.lease_holds(Millis(core.now - began), config.election_timeout_ms_min)

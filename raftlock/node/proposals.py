"""Which proposals a node still owes an answer, and how they have fared."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from raftlock.errors import ErrorCode
from raftlock.raft.effects import Resolution
from raftlock.types.answers import Outcome, OutcomeStatus
from raftlock.types.commands import Command
from raftlock.types.ids import Index, Millis, ProposalID, Term
from raftlock.types.status import PendingProposal, ProposalResult, ProposalStats

__all__ = ["Proposals"]


class Proposals:
    """The proposals of one node, from submission to their one answer.

    A proposal is answered once: by the outcome of its own entry when that is applied, or by the
    refusal of the core. Nobody is left without: `fail_all` answers the rest when the node can no
    longer know.
    """

    def __init__(self) -> None:
        self._pending: dict[ProposalID, PendingProposal] = {}
        self._by_index: dict[Index, ProposalID] = {}
        self._stats = ProposalStats()
        self._latency_sum = 0
        self._submitted = 0

    def submit(
        self,
        now: Millis,
        command: Command,
        encoded: bytes,
        result: Callable[[ProposalResult], None],
        *,
        deadline: Millis | None = None,
    ) -> PendingProposal:
        """Take a proposal in; the caller steps it through the core under the id it is given."""
        self._submitted += 1
        pending = PendingProposal(
            id=ProposalID(str(self._submitted)),
            index=Index(0),
            term=Term(0),
            operation=command.op,
            start_time=now,
            result=result,
            deadline=deadline,
            command=encoded,
            client_id=command.client_id,
            lock_id=command.lock_id,
        )
        self._pending[pending.id] = pending
        self._stats = replace(self._stats, total_proposals=self._stats.total_proposals + 1)
        return pending

    def resolve(self, now: Millis, resolution: Resolution) -> None:
        """The core accepted the proposal, and its entry has a place; or refused it."""
        pending = self._pending.get(resolution.proposal_id)
        if pending is None:
            return
        if resolution.accepted:
            placed = replace(pending, index=resolution.index, term=resolution.term)
            self._pending[pending.id] = placed
            self._by_index[resolution.index] = pending.id
            return
        code = resolution.code
        self._finish(now, pending, self._refusal(pending, code, resolution.message))

    def applied(self, now: Millis, index: Index, term: Term, outcome: Outcome | None) -> None:
        """The entry at `index` was applied: whoever proposed it in that `term` has its answer."""
        proposal_id = self._by_index.pop(index, None)
        pending = self._pending.get(proposal_id) if proposal_id is not None else None
        if pending is None:
            return
        if pending.term == term and outcome is not None:
            self._finish(now, pending, outcome)
        else:
            text = "Another leader's entry took the proposal's place: ask again with the same id."
            self._finish(now, pending, self._refusal(pending, ErrorCode.REPLICATION_FAILURE, text))

    def fail_all(self, now: Millis, code: ErrorCode, message: str) -> None:
        """Answer every pending proposal with `code`: this node can no longer tell their outcome."""
        for pending in tuple(self._pending.values()):
            self._finish(now, pending, self._refusal(pending, code, message))
        self._by_index.clear()

    def pending(self) -> Iterable[PendingProposal]:
        """The proposals still without an answer, oldest first."""
        return tuple(self._pending.values())

    def stats(self) -> ProposalStats:
        """How this node's proposals have fared; latencies in milliseconds of its clock."""
        return replace(self._stats, pending_proposals=len(self._pending))

    def _refusal(self, pending: PendingProposal, code: ErrorCode, message: str) -> Outcome:
        return Outcome(
            status=OutcomeStatus.REFUSED,
            op=pending.operation,
            lock_id=pending.lock_id,
            client_id=pending.client_id,
            code=code,
            message=message,
        )

    def _finish(self, now: Millis, pending: PendingProposal, outcome: Outcome) -> None:
        del self._pending[pending.id]
        self._by_index.pop(pending.index, None)
        success = outcome.status is not OutcomeStatus.REFUSED
        latency = max(0, now - pending.start_time)
        done = self._stats.successful_proposals + self._stats.failed_proposals + 1
        self._latency_sum += latency
        self._stats = replace(
            self._stats,
            successful_proposals=self._stats.successful_proposals + success,
            failed_proposals=self._stats.failed_proposals + (not success),
            average_latency=Millis(self._latency_sum // done),
            max_latency=Millis(max(self._stats.max_latency, latency)),
        )
        pending.result(
            ProposalResult(
                success=success,
                error="" if success else outcome.message,
                data=outcome,
                applied_at=now,
                duration=Millis(latency),
            )
        )

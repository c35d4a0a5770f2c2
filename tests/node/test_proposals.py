"""Proposals: each is answered once, whatever comes of it."""

from __future__ import annotations

from raftlock.errors import ErrorCode
from raftlock.node.proposals import Proposals
from raftlock.raft.effects import Resolution
from raftlock.types import (
    ClientID,
    Command,
    Index,
    LockID,
    LockOperation,
    Millis,
    Outcome,
    OutcomeStatus,
    PendingProposal,
    ProposalID,
    ProposalResult,
    Term,
)

GRANTED = Outcome(OutcomeStatus.GRANTED, LockOperation.ACQUIRE, LockID("printer"))


class Desk:
    def __init__(self) -> None:
        self.proposals = Proposals()
        self.results: list[ProposalResult] = []

    def submit(self, now: int = 0) -> PendingProposal:
        command = Command(LockOperation.ACQUIRE, LockID("printer"), ClientID("alice"))
        return self.proposals.submit(Millis(now), command, b"x", self.results.append)

    def accept(self, pending: PendingProposal, index: int, term: int = 1) -> None:
        self.proposals.resolve(
            Millis(0), Resolution(pending.id, accepted=True, index=Index(index), term=Term(term))
        )

    def codes(self) -> list[ErrorCode]:
        return [result.data.code for result in self.results if result.data is not None]


def test_the_outcome_of_its_own_entry_is_the_answer() -> None:
    desk = Desk()
    desk.accept(desk.submit(now=10), 5)
    desk.proposals.applied(Millis(40), Index(5), Term(1), GRANTED)
    assert [result.data for result in desk.results] == [GRANTED]
    assert desk.results[0].duration == 30
    stats = desk.proposals.stats()
    assert (stats.total_proposals, stats.pending_proposals, stats.average_latency) == (1, 0, 30)


def test_another_terms_entry_at_its_place_means_it_was_overtaken() -> None:
    desk = Desk()
    desk.accept(desk.submit(), 5)
    desk.proposals.applied(Millis(40), Index(5), Term(2), GRANTED)
    assert desk.codes() == [ErrorCode.REPLICATION_FAILURE]


def test_an_entry_that_nobody_here_proposed_answers_nobody() -> None:
    desk = Desk()
    desk.accept(desk.submit(), 5)
    desk.proposals.applied(Millis(40), Index(4), Term(1), GRANTED)
    assert desk.results == []


def test_a_refusal_names_its_code_and_a_stranger_is_ignored() -> None:
    desk = Desk()
    pending = desk.submit()
    refusal = Resolution(pending.id, accepted=False, code=ErrorCode.NO_LEADER, message="No leader.")
    desk.proposals.resolve(Millis(0), refusal)
    desk.proposals.resolve(Millis(0), refusal)
    desk.proposals.resolve(Millis(0), Resolution(ProposalID(""), accepted=True))
    assert desk.codes() == [ErrorCode.NO_LEADER]
    assert desk.results[0].error == "No leader."


def test_all_that_are_left_can_be_answered_at_once() -> None:
    desk = Desk()
    desk.accept(desk.submit(), 5)
    desk.submit()
    desk.proposals.fail_all(Millis(9), ErrorCode.NOT_LEADER, "Ask n2.")
    desk.proposals.applied(Millis(10), Index(5), Term(1), GRANTED)
    assert desk.codes() == [ErrorCode.NOT_LEADER, ErrorCode.NOT_LEADER]
    assert desk.proposals.stats().failed_proposals == 2

"""Leader election: section 5.2 of the paper, and what 5.4.1 asks of a candidate's log.

Two additions of the thesis keep elections from being called in vain. Pre-vote (section 9.6): who
hears no leader first asks the others whether they would vote for it, and enters no new term before
a majority would; so a node that was cut off comes back quietly. Stickiness (section 4.2.3): who has
just heard a leader answers no such question with yes, and gives no vote.
"""

from __future__ import annotations

from dataclasses import replace

from raftlock.raft import replication
from raftlock.raft.core import Core
from raftlock.raft.state import Candidacy
from raftlock.types.events import Json
from raftlock.types.ids import Millis, NodeID, Term
from raftlock.types.roles import NodeRole
from raftlock.types.rpc import RequestVoteArgs, RequestVoteReply

__all__ = [
    "election_timeout",
    "handle_request_vote",
    "handle_request_vote_reply",
    "own_vote_durable",
    "peer_lost",
    "stand_for_leader",
]


def election_timeout(core: Core) -> None:
    """Followers, rule 2, and candidates, rule 4: nothing heard in time, so stand for election.

    With pre-vote, ask first whether that has a chance.
    """
    core.out.action = "Timeout"
    core.out.note("timer_fire", {"timer": "election"})
    if not core.may_stand:
        core.reset_election_timer()
    elif core.config.pre_vote:
        _ask_first(core)
    else:
        _stand(core)


def peer_lost(core: Core, peer: NodeID) -> None:
    """The connection to the leader broke: do not wait out the timer to ask whether it is gone.

    Nothing is decided by it: those who still hear the leader refuse.
    """
    state, config = core.state, core.config
    if state.role is NodeRole.FOLLOWER and peer == state.leader_id:
        core.out.action = "PeerLost"
        if config.peer_lost and config.pre_vote:
            state.leader_heard = None
            core.hurry_election_timer()


def stand_for_leader(core: Core) -> None:
    """Thesis 3.10: the leader itself asked this follower to stand, so ask nobody first."""
    if core.may_stand:
        _stand(core, is_transfer=True)


# Asking for votes


def _ask_first(core: Core) -> None:
    """Pre-vote (thesis 9.6): nothing is promised yet, so nothing need be on disk."""
    core.out.action = "PreVote"
    state = core.state
    if state.role is NodeRole.CANDIDATE:
        core.become(NodeRole.FOLLOWER)
    core.reset_election_timer()
    state.pre_vote = Candidacy()
    for peer in _voters(core):
        core.out.send_now(peer, _request(core, Term(state.current_term + 1), is_pre_vote=True))
    _count_pre_vote(core, state.pre_vote, core.node_id, granted=True)


def _stand(core: Core, *, is_transfer: bool = False) -> None:
    """Candidates, rule 1: next term, vote for oneself, reset the timer, ask all others."""
    core.out.action = "Timeout"
    state = core.state
    core.enter_term(Term(state.current_term + 1))
    core.become(NodeRole.CANDIDATE)
    core.vote_for(core.node_id)
    core.candidacy.own_vote_write = core.out.next_write
    core.reset_election_timer()
    _note_tally(core)
    core.out.action = "RequestVote"
    for peer in _voters(core):
        # After the write: a candidate that forgot its own vote could give it to another.
        request = _request(core, state.current_term)
        core.out.send_after(peer, replace(request, is_transfer=is_transfer))


def _voters(core: Core) -> tuple[NodeID, ...]:
    return tuple(peer for peer in core.configuration.voting if peer != core.node_id)


def _request(core: Core, term: Term, *, is_pre_vote: bool = False) -> RequestVoteArgs:
    log = core.state.log
    return RequestVoteArgs(term, core.node_id, log.last_index, log.last_term, is_pre_vote)


# Giving them


def handle_request_vote(core: Core, sender: NodeID, args: RequestVoteArgs) -> None:
    """RequestVote, receiver: grant this term's one vote to a candidate with a fresh log.

    A pre-vote is answered as the vote would be, and changes nothing.
    """
    core.out.action = "HandleRequestVoteRequest"
    if args.is_pre_vote:
        reply = RequestVoteReply(
            core.state.current_term,
            vote_granted=not _stands_by_leader(core) and _would_grant(core, args),
            is_pre_vote=True,
            request_term=args.term,
        )
        core.out.send_now(sender, reply)
    elif _stands_by_leader(core) and not args.is_transfer:
        # Thesis 4.2.3: not even the term is taken over.
        _answer(core, sender, args, granted=False)
    else:
        core.hear_term(args.term)
        core.out.action = "HandleRequestVoteRequest"
        granted = _would_grant(core, args)
        if granted:
            core.vote_for(args.candidate_id)
            if core.state.role is NodeRole.FOLLOWER:
                # Followers, rule 2: whoever grants a vote gives its candidate the time to win.
                core.reset_election_timer()
        _answer(core, sender, args, granted=granted)


def _answer(core: Core, sender: NodeID, args: RequestVoteArgs, *, granted: bool) -> None:
    reply = RequestVoteReply(core.state.current_term, granted, request_term=args.term)
    core.out.send_after(sender, reply)


def _would_grant(core: Core, args: RequestVoteArgs) -> bool:
    state, rules, log = core.state, core.rules, core.state.log
    return (
        # Rule 1: not in a term that is over.
        not rules.stale_vote_request(args.term, state.current_term)
        # Rule 2: not if the vote is given to another (a pre-vote may ask of a term to come), ...
        and (args.term > state.current_term or rules.may_vote(state.voted_for, args.candidate_id))
        # ... and not to a log that is behind this one.
        and rules.up_to_date(
            (args.last_log_term, args.last_log_index), (log.last_term, log.last_index)
        )
    )


def _stands_by_leader(core: Core) -> bool:
    """Stickiness (thesis 4.2.3): a leader was heard just now, or is this node itself."""
    state, patience = core.state, core.config.election_timeout_ms_min
    if not core.config.check_quorum:
        return False
    heard = core.now if state.role is NodeRole.LEADER else state.leader_heard
    return heard is not None and core.rules.withholds_vote(Millis(core.now - heard), patience)


# Counting them


def own_vote_durable(core: Core, write: int) -> None:
    """A candidate's vote for itself counts from here on, if it is still standing."""
    core.out.action = "HandleRequestVoteResponse"
    candidacy = core.state.candidacy
    if candidacy is None or write < candidacy.own_vote_write:
        return
    if core.node_id not in candidacy.granted:
        _count_vote(core, core.node_id, granted=True)


def handle_request_vote_reply(core: Core, sender: NodeID, reply: RequestVoteReply) -> None:
    """Candidates, rule 2: count the votes of this election."""
    state, rules = core.state, core.rules
    if not (reply.is_pre_vote and reply.vote_granted):
        # Who would vote in a term is often in it already; nothing is over because of that.
        core.hear_term(reply.term)
    core.out.action = "HandleRequestVoteResponse"
    asked, now, granted = reply.request_term, state.current_term, reply.vote_granted
    if reply.is_pre_vote:
        if state.pre_vote is not None and rules.pre_vote_reply_counts(asked, now):
            _count_pre_vote(core, state.pre_vote, sender, granted=granted)
    elif state.role is NodeRole.CANDIDATE and rules.vote_reply_counts(asked, now):
        _count_vote(core, sender, granted=granted)


def _count_pre_vote(core: Core, asking: Candidacy, voter: NodeID, *, granted: bool) -> None:
    """Stand once a majority would vote for this node; if it would not, wait for the timer."""
    _add_vote(core, asking, voter, granted=granted)
    term: dict[str, Json] = {"term": core.state.current_term + 1}
    core.out.note("pre_vote", term | _told(core, asking))
    if _is_won(core, asking):
        _stand(core)
    elif _is_lost(core, asking):
        core.state.pre_vote = None


def _count_vote(core: Core, voter: NodeID, *, granted: bool) -> None:
    _add_vote(core, core.candidacy, voter, granted=granted)
    _note_tally(core)
    if _is_won(core, core.candidacy):
        replication.become_leader(core)
    elif _is_lost(core, core.candidacy):
        # Too few are left to make a majority: stand back until the timer fires again.
        core.become(NodeRole.FOLLOWER)


def _add_vote(core: Core, candidacy: Candidacy, voter: NodeID, *, granted: bool) -> None:
    if granted:
        candidacy.granted = core.rules.with_vote(candidacy.granted, voter)
    else:
        candidacy.refused = core.rules.with_vote(candidacy.refused, voter)


def _is_won(core: Core, candidacy: Candidacy) -> bool:
    return core.rules.decides(core.configuration, candidacy.granted)


def _is_lost(core: Core, candidacy: Candidacy) -> bool:
    """Whether too few are left to decide, even if all of them granted their votes."""
    left = [voter for voter in core.configuration.voting if voter not in candidacy.refused]
    return not core.rules.decides(core.configuration, left)


def _note_tally(core: Core) -> None:
    core.out.note("tally", _told(core, core.candidacy))


def _told(core: Core, candidacy: Candidacy) -> dict[str, Json]:
    granted: list[Json] = list(candidacy.granted)
    refused: list[Json] = list(candidacy.refused)
    return {"granted": granted, "refused": refused, "needed": core.quorum}

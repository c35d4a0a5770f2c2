"""Driver: effects become deeds in their order, and nothing leaves before its write is durable."""

from __future__ import annotations

from dataclasses import replace
from zlib import crc32

from raftlock.errors import ErrorCode
from raftlock.lock.rules import LockRules
from raftlock.node.driver import Driver, Work
from raftlock.raft.config import RaftConfig
from raftlock.raft.effects import Receive, Recovered, Resolution, Transfer, Wake
from raftlock.storage.memory import MemoryStorage
from raftlock.trace.recorder import Recorder
from raftlock.types import (
    AppendEntriesArgs,
    AppendEntriesReply,
    ClientID,
    Command,
    Configuration,
    Index,
    InstallSnapshotArgs,
    InstallSnapshotReply,
    LockID,
    LockOperation,
    LogEntry,
    Micros,
    Millis,
    NodeID,
    NodeRole,
    OutcomeStatus,
    PersistentState,
    ProposalID,
    ProposalResult,
    RequestVoteArgs,
    RequestVoteReply,
    SessionID,
    Term,
    TimeoutNow,
)

N1, N2, N3 = NodeID("n1"), NodeID("n2"), NodeID("n3")


class Bench:
    """One driver, its clock in the test's hand, its disk done when the test says so."""

    def __init__(
        self,
        *voters: NodeID,
        recovered: Recovered | None = None,
        snapshot_entries: int = 10_000,
        lock_rules: LockRules | None = None,
    ) -> None:
        self.now = 0
        self.recorder = Recorder({"nodes": list(voters)}, lambda: Micros(self.now * 1000))
        config = RaftConfig(
            node_id=N1,
            voters=voters,
            election_timeout_ms_min=150,
            election_timeout_ms_max=300,
            heartbeat_ms=50,
            pre_vote=False,
            snapshot_entries=snapshot_entries,
            snapshot_tail=1,
        )
        self.driver = Driver(
            *(config, recovered or Recovered(), self.recorder),
            seed=1,
            now=Millis(0),
            lock_rules=lock_rules,
        )
        self.results: list[ProposalResult] = []
        self.wake(0)  # as every caller does first, to learn the deadline

    def wake(self, at: int) -> Work:
        self.now = at
        return self.driver.step(Wake(Millis(at)))

    def receive(self, sender: NodeID, message: object) -> Work:
        return self.driver.step(Receive(Millis(self.now), sender, message))  # type: ignore[arg-type]

    def synced(self) -> Work:
        return self.driver.synced(Millis(self.now))

    def propose(self, op: LockOperation, client: str, **fields: object) -> Work:
        command = Command(op, LockID("printer"), ClientID(client), **fields)  # type: ignore[arg-type]
        return self.driver.propose(Millis(self.now), command, self.results.append)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.recorder.events]


def alone(lock_rules: LockRules | None = None) -> Bench:
    """A cluster of one that leads itself, its no-op applied."""
    bench = Bench(N1, lock_rules=lock_rules)
    bench.wake(1_000)
    bench.synced()
    bench.synced()
    assert bench.driver.raft.role is NodeRole.LEADER
    assert bench.driver.raft.last_applied == 1
    return bench


def leader_of_three() -> Bench:
    bench = Bench(N1, N2, N3)
    bench.wake(1_000)
    bench.synced()
    term = bench.driver.raft.current_term
    bench.receive(N2, RequestVoteReply(term, vote_granted=True, request_term=term))
    assert bench.driver.raft.role is NodeRole.LEADER
    bench.synced()
    return bench


def test_a_candidate_asks_for_votes_only_once_its_own_is_durable() -> None:
    bench = Bench(N1, N2, N3)
    work = bench.wake(1_000)
    assert not work.sends
    assert work.write[0].state == PersistentState(Term(1), N1)
    sends = bench.synced().sends
    assert [(send.to, type(send.message)) for send in sends] == [
        (N2, RequestVoteArgs),
        (N3, RequestVoteArgs),
    ]
    timer = next(event for event in bench.recorder.events if event.kind == "timer_fire")
    assert sends[0].cause == timer.seq


def test_an_answer_waits_for_every_write_handed_out_before_it() -> None:
    bench = Bench(N1, N2, N3)
    entry = LogEntry(Term(1), Index(1), b"", Millis(5))
    first = bench.receive(N2, AppendEntriesArgs(Term(1), N2, Index(0), Term(0), (entry,)))
    assert first.write
    assert not first.sends
    # A heartbeat has nothing to persist, but its answer would overtake the first one's write.
    second = bench.receive(N2, AppendEntriesArgs(Term(1), N2, Index(1), Term(1)))
    assert not second.sends
    assert not second.write
    answers = [send.message for send in bench.synced().sends]
    assert [answer.match_index for answer in answers] == [1, 1]  # type: ignore[union-attr]


def test_writes_that_come_while_the_disk_is_busy_go_in_one_batch() -> None:
    bench = alone()
    assert len(bench.propose(LockOperation.ACQUIRE, "alice", ttl=1_000).write) == 1
    assert not bench.propose(LockOperation.ACQUIRE, "bob", ttl=1_000).write
    assert not bench.propose(LockOperation.ACQUIRE, "carol", ttl=1_000).write
    assert len(bench.synced().write) == 2


def test_a_proposal_is_answered_when_its_entry_is_applied() -> None:
    bench = alone()
    bench.propose(LockOperation.ACQUIRE, "alice", ttl=1_000)
    assert bench.results == []
    bench.synced()
    (result,) = bench.results
    assert result.success
    assert result.data is not None
    assert result.data.status is OutcomeStatus.GRANTED
    assert result.data.token == 2
    assert bench.driver.proposals.stats().successful_proposals == 1
    lock = next(event for event in bench.recorder.events if event.kind == "lock")
    assert lock.data["owner"] == "alice"


def test_a_refusal_by_the_table_is_an_answer_too() -> None:
    bench = alone()
    bench.propose(LockOperation.ACQUIRE, "alice", ttl=1_000)
    bench.propose(LockOperation.ACQUIRE, "bob", ttl=1_000)
    bench.synced()
    bench.synced()
    refused = bench.results[1]
    assert not refused.success
    assert refused.data is not None
    assert refused.data.code is ErrorCode.LOCK_HELD
    assert bench.driver.proposals.stats().failed_proposals == 1


def test_who_does_not_lead_refuses_at_once() -> None:
    bench = Bench(N1, N2, N3)
    bench.propose(LockOperation.ACQUIRE, "alice", ttl=1_000)
    assert bench.results[0].data is not None
    assert bench.results[0].data.code is ErrorCode.NO_LEADER


def test_who_asks_for_more_than_can_wait_is_answered_busy_at_once() -> None:
    bench = leader_of_three()
    large = {str(number): "x" * 250 for number in range(30)}
    while not bench.results:
        bench.propose(LockOperation.ACQUIRE, "alice", ttl=Millis(1_000), metadata=large)
    outcome = bench.results[0].data
    assert outcome is not None
    assert (outcome.status, outcome.code) == (OutcomeStatus.REFUSED, ErrorCode.BUSY)
    assert bench.driver.raft.log.last_index > 100, "until then it takes what it is asked for"


def test_a_leader_that_steps_down_leaves_nobody_waiting() -> None:
    bench = leader_of_three()
    bench.propose(LockOperation.ACQUIRE, "alice", ttl=1_000)
    work = bench.receive(N3, AppendEntriesArgs(Term(9), N3, Index(0), Term(0)))
    assert work.lost_leadership
    (result,) = bench.results
    assert result.data is not None
    assert result.data.code is ErrorCode.NOT_LEADER
    assert not bench.driver.proposals.pending()


def test_a_lock_that_is_due_is_expired_by_a_tick_and_only_one() -> None:
    bench = alone()
    bench.propose(LockOperation.ACQUIRE, "alice", ttl=1_000)
    work = bench.synced()
    assert work.wake_at is not None
    bench.now = 2_000  # not yet: due means after the deadline
    assert bench.driver.table.info(LockID("printer"))
    last = bench.driver.raft.log.last_index
    bench.wake(2_001)
    assert bench.driver.raft.log.last_index == last + 1
    bench.wake(2_002)
    assert bench.driver.raft.log.last_index == last + 1
    bench.synced()
    assert bench.driver.table.info(LockID("printer")) is None
    words = [event.data["op"] for event in bench.recorder.events if event.kind == "apply"]
    assert words[0] == "no-op"
    assert words[-1] == "tick"


def test_a_tick_that_was_not_taken_is_still_due() -> None:
    bench = leader_of_three()
    term = bench.driver.raft.current_term
    acked = AppendEntriesReply(term, success=True, match_index=Index(1), request_term=term)
    bench.receive(N2, acked)
    bench.propose(LockOperation.ACQUIRE, "alice", ttl=1)
    bench.synced()
    bench.receive(N2, replace(acked, match_index=Index(2)))
    bench.driver.step(Transfer(Millis(bench.now), ProposalID("t"), N3))
    for _ in range(3):
        bench.wake(bench.now + 60)
        assert bench.driver.raft.log.last_index == 2  # nothing is taken while it hands over
        bench.receive(N2, acked)
    while bench.driver.raft.log.last_index == 2:
        bench.wake(bench.now + 60)
        bench.receive(N2, acked)
        assert bench.now < 3_000
    assert bench.driver.raft.log.last_index == 3


def test_who_waits_is_told_when_another_entry_decides() -> None:
    bench = alone()
    bench.propose(LockOperation.OPEN_SESSION, "bob")
    bench.synced()
    assert bench.results[0].data is not None
    session = SessionID(bench.results[0].data.session_id)
    bench.propose(LockOperation.ACQUIRE, "alice", ttl=60_000)
    bench.synced()
    bench.propose(
        LockOperation.ACQUIRE,
        "bob",
        ttl=1_000,
        wait=True,
        wait_timeout=Millis(60_000),
        session_id=session,
        sequence=1,
    )
    bench.synced()
    assert bench.results[-1].data is not None
    assert bench.results[-1].data.status is OutcomeStatus.QUEUED
    token = bench.driver.table.info(LockID("printer")).token  # type: ignore[union-attr]
    bench.propose(LockOperation.RELEASE, "alice", version=token)
    (final,) = bench.synced().outcomes
    assert final.status is OutcomeStatus.GRANTED
    assert (final.client_id, final.session_id, final.sequence) == ("bob", session, 1)


def test_a_restarted_node_tells_what_its_disk_kept() -> None:
    entries = (LogEntry(Term(2), Index(1)), LogEntry(Term(2), Index(2), b"", Millis(7)))
    recovered = Recovered(PersistentState(Term(3), N2), entries)
    bench = Bench(N1, N2, N3, recovered=recovered)
    assert bench.kinds() == ["term", "vote", "append", "timer_set"]
    told = bench.recorder.events[2].data["entries"]
    assert [(row["index"], row["op"]) for row in told] == [(1, "no-op"), (2, "tick")]  # type: ignore[index,union-attr,call-overload]


def test_a_read_is_answered_from_what_is_applied() -> None:
    bench = alone()
    bench.propose(LockOperation.ACQUIRE, "alice", ttl=1_000)
    owners: list[str] = []

    def look(resolution: Resolution) -> None:
        assert resolution.accepted
        change = bench.driver.table.info(LockID("printer"))
        owners.append(change.owner_id if change else "")

    bench.driver.read(Millis(bench.now), look)
    assert owners == [""]  # what was not committed was not asked for
    bench.synced()
    bench.driver.read(Millis(bench.now), look)
    assert owners == ["", "alice"]
    # Its time is over, though no entry says so yet: the read waits for the one that does.
    bench.now = 3_000
    bench.driver.read(Millis(bench.now), look)
    assert len(owners) == 2
    bench.synced()
    assert owners == ["", "alice", ""]


class Ticker(LockRules):
    def expires_between_entries(self, local_now: Millis) -> Millis | None:
        return local_now


def test_a_broken_table_that_expires_between_entries_is_told_of() -> None:
    for rules, told in ((None, []), (Ticker(), [("bob", ["expired", "promoted"])])):
        bench = alone(rules)
        bench.propose(LockOperation.ACQUIRE, "alice", ttl=1_000)
        bench.synced()
        bench.propose(LockOperation.ACQUIRE, "bob", ttl=9_000, wait=True, wait_timeout=9_000)
        bench.synced()
        before = bench.recorder.last_seq
        work = bench.wake(5_000)
        changes = [event for event in bench.recorder.since(before) if event.kind == "lock"]
        assert [(event.data["owner"], event.data["why"]) for event in changes] == told
        assert [it.client_id for it in work.outcomes] == [owner for owner, _ in told]


def test_who_does_not_lead_does_not_read() -> None:
    bench = Bench(N1, N2, N3)
    answers: list[Resolution] = []
    bench.driver.read(Millis(0), answers.append)
    assert [(answer.accepted, answer.code) for answer in answers] == [(False, ErrorCode.NO_LEADER)]


def test_a_long_log_becomes_a_snapshot_and_a_restart_goes_on_from_it() -> None:
    bench = Bench(N1, snapshot_entries=3)
    disk = MemoryStorage()
    work = bench.wake(1_000)
    for client in ("alice", "bob", "carol", "dave"):
        while work.write:
            disk.write(work.write)
            disk.sync()
            work = bench.synced()
        work = bench.propose(LockOperation.ACQUIRE, client, ttl=1_000)
    while work.write:
        disk.write(work.write)
        disk.sync()
        work = bench.synced()
    kept = disk.load()
    assert kept.snapshot is not None
    assert kept.snapshot.metadata.last_included_index == 3
    assert [entry.index for entry in kept.entries] == [3, 4, 5]
    again = Bench(N1, recovered=kept)
    assert again.driver.raft.last_applied == again.driver.table.last_applied == 3
    told = [event for event in again.recorder.events if event.kind in {"install", "lock", "append"}]
    assert [event.kind for event in told] == ["install", "lock", "append"]
    assert told[1].data["owner"] == "alice"
    again.wake(3_000)
    again.synced()
    again.synced()
    assert again.driver.table.last_token == bench.driver.table.last_token


def test_a_snapshot_from_the_leader_takes_the_tables_place() -> None:
    leader = alone()
    leader.propose(LockOperation.ACQUIRE, "alice", ttl=1_000)
    leader.synced()
    data = leader.driver.table.snapshot()
    bench = Bench(N1, N2, N3)
    chunk = InstallSnapshotArgs(Term(1), N2, Index(2), Term(1), data, checksum=crc32(data))
    assert not bench.receive(N2, chunk).sends
    assert bench.driver.table.digest() == leader.driver.table.digest()
    (reply,) = bench.synced().sends
    assert isinstance(reply.message, InstallSnapshotReply)
    assert reply.message.match_index == 2
    assert bench.driver.raft.durable_index == 2
    view = bench.recorder.view.nodes[N1]
    assert (view.applied, view.commit, view.log.first, list(view.locks)) == (2, 2, 3, ["printer"])


def test_an_old_leaders_answer_after_a_truncation_is_not_taken_for_durable() -> None:
    bench = Bench(N1, N2, N3)
    old = LogEntry(Term(1), Index(1), b"", Millis(1))
    new = LogEntry(Term(2), Index(1), b"", Millis(2))
    bench.receive(N2, AppendEntriesArgs(Term(1), N2, Index(0), Term(0), (old,)))
    bench.receive(N3, AppendEntriesArgs(Term(2), N3, Index(0), Term(0), (new,)))
    assert bench.synced().sends  # the first write is durable, its answer may leave
    assert bench.driver.raft.durable_index == 0
    answers = [send.message for send in bench.synced().sends]
    assert bench.driver.raft.durable_index == 1
    assert [a.match_index for a in answers if isinstance(a, AppendEntriesReply)] == [1]


def asked_and_lost(ask: str) -> tuple[Bench, list[Resolution]]:
    """A leader of three that was asked something, and then loses its office."""
    bench = leader_of_three()
    answers: list[Resolution] = []
    now, driver = Millis(bench.now), bench.driver
    if ask == "read":
        driver.read(now, answers.append)
    elif ask == "transfer":
        driver.transfer(now, N2, answers.append)
    else:
        acked = AppendEntriesReply(
            driver.raft.current_term,
            success=True,
            match_index=Index(1),
            request_term=driver.raft.current_term,
        )
        bench.receive(N2, acked)
        driver.change_members(now, (N1, N2), (N3,), answers.append)
        assert [answer.accepted for answer in answers] == [True]
    bench.receive(N3, AppendEntriesArgs(Term(9), N3, Index(0), Term(0)))
    return bench, answers


def test_who_asked_a_leader_that_steps_down_is_answered_once() -> None:
    for ask in ("read", "transfer"):
        _, answers = asked_and_lost(ask)
        assert [answer.code for answer in answers] == [ErrorCode.NO_LEADER], ask


def test_a_change_of_members_that_is_overwritten_was_answered_before() -> None:
    bench, answers = asked_and_lost("change")
    assert bench.driver.raft.members[1].outgoing == (N1, N2, N3)
    other = LogEntry(Term(9), Index(2))
    bench.receive(N3, AppendEntriesArgs(Term(9), N3, Index(1), Term(1), (other,)))
    assert bench.driver.raft.members[1].voters == (N1, N2, N3)
    assert len(answers) == 1


def test_a_transfer_is_answered_once_the_target_is_told() -> None:
    bench = leader_of_three()
    answers: list[Resolution] = []
    bench.driver.transfer(Millis(bench.now), N2, answers.append)
    assert not answers
    term = bench.driver.raft.current_term
    acked = AppendEntriesReply(term, success=True, match_index=Index(1), request_term=term)
    sends = bench.receive(N2, acked).sends
    assert TimeoutNow(term, N1) in [send.message for send in sends]
    bench.receive(N2, RequestVoteArgs(Term(term + 1), N2, Index(1), term, is_transfer=True))
    assert bench.driver.raft.role is NodeRole.FOLLOWER
    assert [answer.accepted for answer in answers] == [True]


def test_a_transfer_to_nobody_in_particular_goes_to_who_is_furthest() -> None:
    bench = leader_of_three()
    answers: list[Resolution] = []
    term = bench.driver.raft.current_term
    acked = AppendEntriesReply(term, success=True, match_index=Index(1), request_term=term)
    bench.receive(N3, acked)
    work = bench.driver.transfer(Millis(bench.now), NodeID(""), answers.append)
    assert [send.to for send in work.sends if isinstance(send.message, TimeoutNow)] == [N3]
    assert [answer.accepted for answer in answers] == [True]


def test_a_change_of_members_is_answered_once_it_is_in_the_log() -> None:
    bench = alone()
    answers: list[Resolution] = []
    bench.driver.change_members(Millis(bench.now), (N1,), (N2,), answers.append)
    assert [(answer.accepted, answer.index) for answer in answers] == [(True, 2)]
    assert bench.driver.raft.members == (2, Configuration((N1,), (N2,)))
    bench.synced()
    assert bench.driver.raft.commit_index == 2
    bench.driver.change_members(Millis(bench.now), (), (), answers.append)
    assert answers[1].code is ErrorCode.INVALID_ARGUMENT


def test_who_joins_and_who_comes_back_say_by_which_members_they_go() -> None:
    members = Configuration((N1, N2), (N3,))
    entries = (LogEntry(Term(2), Index(1)), LogEntry(Term(2), Index(2), configuration=members))
    bench = Bench(N1, N2, recovered=Recovered(PersistentState(Term(2)), entries))
    told = [event.data for event in bench.recorder.events if event.kind == "config"]
    assert told == [
        {"index": 2, "voters": [N1, N2], "learners": [N3], "outgoing": []},
    ]
    recorder = Recorder({}, lambda: Micros(0))
    config = RaftConfig(N1, (N2, N3), 150, 300, 50, learners=(N1,))
    Driver(config, Recovered(), recorder, seed=1, now=Millis(0))
    assert [event.data for event in recorder.events if event.kind == "config"] == [
        {"index": 0, "voters": [N2, N3], "learners": [N1], "outgoing": []},
    ]


def test_a_clock_that_goes_back_is_held_where_it_was() -> None:
    bench = alone()
    bench.propose(LockOperation.ACQUIRE, "alice", ttl=1_000)
    bench.synced()
    stamp = bench.driver.raft.log.last_stamp
    bench.wake(1_500)
    bench.now = 200
    bench.propose(LockOperation.ACQUIRE, "bob", ttl=1_000)
    bench.synced()
    assert bench.driver.raft.log.last_stamp >= stamp
    assert bench.driver.raft.role is NodeRole.LEADER
    assert bench.driver.raft.deadline > 1_500


# --- sessions ---------------------------------------------------------------------------------


def opens(bench: Bench, client: str) -> SessionID:
    """The client's session, opened and applied."""
    bench.propose(LockOperation.OPEN_SESSION, client)
    settle(bench)
    outcome = bench.results.pop().data
    assert outcome is not None
    return outcome.session_id


def settle(bench: Bench) -> Work:
    """The disk does all that it was given; what the last of it led to."""
    work = bench.synced()
    while work.write:
        work = bench.synced()
    return work


def words(bench: Bench) -> list[object]:
    """The entries that were proposed, after the no-op."""
    entries: list[object] = []
    for event in bench.recorder.events:
        told = event.data["entries"] if event.kind == "append" else []
        assert isinstance(told, list)
        entries += [entry["op"] for entry in told if isinstance(entry, dict)]
    return entries[1:]


def test_a_session_that_is_silent_for_its_ttl_is_ended_once_and_its_wait_with_it() -> None:
    bench = alone()
    bench.propose(LockOperation.ACQUIRE, "alice", ttl=60_000)
    settle(bench)
    session = opens(bench, "bob")
    wait = {"wait": True, "wait_timeout": 60_000, "ttl": 1_000, "session_id": session}
    bench.propose(LockOperation.ACQUIRE, "bob", **wait, sequence=1, lowest_unanswered=1)
    settle(bench)
    wake_at = bench.wake(2_000).wake_at
    assert wake_at is not None
    assert wake_at <= 11_001
    bench.wake(11_000)
    assert "end session bob" not in words(bench)
    bench.wake(11_001)
    bench.wake(11_050)
    assert words(bench).count("end session bob") == 1
    (outcome,) = settle(bench).outcomes
    assert outcome.code is ErrorCode.WAIT_CANCELLED
    assert not bench.driver.table.session(session)
    info = bench.driver.table.info(LockID("printer"))
    assert info is not None
    assert (info.owner_id, info.waiters) == ("alice", ())
    bench.wake(40_000)
    assert words(bench).count("end session bob") == 1


def test_commands_and_keep_alives_are_heard_and_leave_nothing_in_the_log() -> None:
    bench = alone()
    session = opens(bench, "bob")
    bench.now = 9_000
    bench.propose(LockOperation.CANCEL_WAIT, "bob", session_id=session, sequence=1)
    settle(bench)
    bench.now = 18_000
    before, answers = words(bench), list[Resolution]()
    bench.driver.keep_alive(Millis(bench.now), session, answers.append)
    assert [answer.accepted for answer in answers] == [True]
    bench.wake(28_000)
    assert words(bench) == before
    bench.wake(28_001)
    assert words(bench)[-1] == "end session bob"


def test_a_session_that_its_client_replaced_needs_no_end() -> None:
    bench = alone()
    opens(bench, "bob")
    bench.now = 5_000
    opens(bench, "bob")
    bench.wake(11_001)
    assert "end session bob" not in words(bench)
    bench.wake(15_001)
    assert words(bench).count("end session bob") == 1


def leader_of_three_with_a_session() -> tuple[Bench, SessionID]:
    bench = leader_of_three()
    bench.propose(LockOperation.OPEN_SESSION, "bob")
    settle(bench)
    term = bench.driver.raft.current_term
    acked = AppendEntriesReply(term, success=True, match_index=Index(1), request_term=term)
    bench.receive(N2, acked)
    bench.receive(N2, replace(acked, match_index=Index(2), prev_log_index=Index(1)))
    (session,) = bench.driver.table.sessions()
    return bench, session


def wake_among_others(bench: Bench, at: int) -> Work:
    """Time passes in which the other nodes have answered: a leader alone would step down."""
    bench.now = at
    term, last = bench.driver.raft.current_term, bench.driver.raft.log.last_index
    bench.receive(N2, AppendEntriesReply(term, success=True, match_index=last, request_term=term))
    return bench.wake(at)


def test_an_end_that_was_not_taken_is_proposed_again_until_it_is() -> None:
    bench, session = leader_of_three_with_a_session()
    wake_among_others(bench, 10_950)
    bench.driver.transfer(Millis(bench.now), N3, lambda _: None)
    wake_at = wake_among_others(bench, 11_001).wake_at
    assert "end session bob" not in words(bench), "a leader that goes takes nothing in"
    assert wake_at is not None
    assert wake_at > 11_001
    assert bench.driver.watch.due(Millis(11_101)) == [session]
    wake_among_others(bench, 12_000)  # the transfer was given up
    wake_among_others(bench, 12_100)
    assert words(bench).count("end session bob") == 1


def test_only_a_leader_ends_sessions_and_a_new_one_waits_for_a_full_ttl() -> None:
    bench, session = leader_of_three_with_a_session()
    term = bench.driver.raft.current_term
    bench.wake(1_300)
    bench.receive(N3, AppendEntriesArgs(Term(term + 1), N3, Index(2), term))
    settle(bench)
    assert bench.driver.raft.role is NodeRole.FOLLOWER
    bench.driver.keep_alive(Millis(bench.now), session, lambda _: None)
    assert bench.driver.watch.wake_at() is None
    bench.wake(20_000)  # stands for election
    settle(bench)
    assert "end session bob" not in words(bench)
    newest = bench.driver.raft.current_term
    bench.receive(N2, RequestVoteReply(newest, vote_granted=True, request_term=newest))
    assert bench.driver.raft.role is NodeRole.LEADER
    settle(bench)
    wake_among_others(bench, 30_000)
    assert "end session bob" not in words(bench)
    wake_among_others(bench, 30_001)
    assert words(bench)[-1] == "end session bob"

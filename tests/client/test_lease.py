"""How long a holder may believe that it holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftlock.client.lease import Lease
from raftlock.types import Index, LockOperation, Millis, Outcome, OutcomeStatus


def granted(ttl=10_000, stamp=500, enqueued_stamp=None, *, expired=False, token=7):
    return Outcome(
        OutcomeStatus.GRANTED,
        LockOperation.ACQUIRE,
        token=Index(token),
        ttl=Millis(ttl),
        stamp=Millis(stamp),
        enqueued_stamp=Millis(stamp if enqueued_stamp is None else enqueued_stamp),
        expired=expired,
    )


@pytest.mark.parametrize(
    ("first_left", "outcome", "started", "until"),
    [
        (0, granted(), 0, 9_800),
        (1_000, granted(), 1_000, 10_800),
        (1_000, granted(ttl=1), 1_000, 1_000),
        (1_000, granted(ttl=1_001), 1_000, 1_980),
        (1_000, granted(stamp=90_500, enqueued_stamp=500), 89_200, 99_000),
        (1_000, granted(stamp=500, enqueued_stamp=900), 1_000, 10_800),
        (1_000, granted(expired=True), 1_000, 1_000),
    ],
    ids=[
        "granted at once",
        "from when the first attempt left",
        "nothing is left of a millisecond",
        "what is left is rounded down",
        "the time in the queue is added, with the same margin",
        "stamps that make no sense add nothing",
        "over before it was told",
    ],
)
def test_from_when_until_when(first_left, outcome, started, until):
    lease = Lease.counted_from(Millis(first_left), outcome)
    assert (lease.token, lease.ttl) == (outcome.token, outcome.ttl)
    assert (lease.started, lease.until) == (started, until)


@pytest.mark.parametrize(
    ("now", "remaining", "valid"),
    [(1_000, 9_800, True), (10_799, 1, True), (10_800, 0, False), (99_999, 0, False)],
)
def test_what_remains(now, remaining, valid):
    lease = Lease.counted_from(Millis(1_000), granted())
    assert lease.remaining(Millis(now)) == remaining
    assert lease.valid(Millis(now)) is valid


@pytest.mark.parametrize(
    ("now", "needed"), [(0, False), (6_466, False), (6_467, True), (20_000, True)]
)
def test_less_than_a_third_of_the_ttl_wants_a_renewal(now, needed):
    assert Lease.counted_from(Millis(0), granted()).needs_renewal(Millis(now)) is needed


def test_a_renewal_makes_it_longer_and_never_shorter():
    long = Lease.counted_from(Millis(0), granted(ttl=60_000))
    short = Lease.counted_from(Millis(1_000), granted(ttl=2_000))
    assert short.extended_by(long) is long
    assert long.extended_by(short) is long
    assert long.extended_by(long) is long


def test_another_token_is_another_hold():
    old = Lease.counted_from(Millis(0), granted(ttl=60_000))
    new = Lease.counted_from(Millis(0), granted(ttl=1_000, token=8))
    assert old.extended_by(new) is new


def test_a_margin_of_one_s_own():
    assert Lease.counted_from(Millis(0), granted(), margin_percent=5).until == 9_000


@given(
    ttl=st.integers(1, 86_400_000),
    queued=st.integers(0, 600_000),
    to_leader=st.integers(0, 60_000),
    holder_ppm=st.integers(-10_000, 10_000),
    leader_ppm=st.integers(-10_000, 10_000),
)
def test_it_ends_before_the_cluster_s_with_clocks_one_percent_off(
    ttl, queued, to_leader, holder_ppm, leader_ppm
):
    # Real time 0: the first attempt leaves. The entry that queues it is stamped `to_leader` later.
    lease = Lease.counted_from(Millis(0), granted(ttl=ttl, stamp=queued, enqueued_stamp=0))
    holder_ends = lease.until * 1_000_000 / (1_000_000 + holder_ppm)
    cluster_ends = to_leader + (queued + ttl) * 1_000_000 / (1_000_000 + leader_ppm)
    assert holder_ends <= cluster_ends

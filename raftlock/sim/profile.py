"""What one run of the explorer is like: drawn from its seed, all of it, and written in its header.

After the "swarm testing" of Groce and others (2012): a run that has every fault at once has none
often, so each run leaves most out and has some in plenty. The protocol's own constants are drawn as
well; batches of one entry find bugs that batches of many hide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace

from raftlock.client.protocol import RetryPolicy
from raftlock.node.sessions import SESSION_TTL_MS
from raftlock.node.timing import TIMINGS, Timing
from raftlock.raft.random64 import Random64
from raftlock.sim.chance import keyed
from raftlock.sim.network import Weather
from raftlock.types.events import Json

__all__ = ["Profile", "profile_of", "timing_of"]

EAGER = RetryPolicy(
    backoff_ms_min=20,
    backoff_ms_max=200,
    connect_ms=300,
    answer_ms=500,
    probe_ms=1_000,
    withdraw_ms=5_000,
)
"""Clients as impatient as a short run needs."""

STEADY_PPM = 10_000
"""Clocks no further off than this are what leases, of locks and of reads, are made for."""


@dataclass(frozen=True, slots=True)
class Profile:
    """All that is drawn for a run: chances in parts per million, for each tick of `TICK_US`."""

    # the network
    loss_ppm: int = 0
    duplicate_ppm: int = 0
    mean_delay_us: int = 0
    stale_ppm: int = 0
    base_delay_us: int = 500
    partition_ppm: int = 0
    partition_ms_min: int = 0
    one_way_ppm: int = 0
    # nodes and clients
    crash_ppm: int = 0
    crash_on_write_ppm: int = 0
    kept_ppm: int = 0
    blackout: bool = False
    pause_ppm: int = 0
    client_pause_ppm: int = 0
    rate_ppm: int = 0
    lull_ms: int = 0
    # the protocol
    timeout_percent: int = 100
    batch: int = 64
    sync_us: int = 1_000
    in_flight: int = 64
    pre_vote: bool = False
    check_quorum: bool = False
    # the work
    clients: int = 3
    locks: int = 2
    ask_ppm: int = 60_000
    patience_ms: int = 2_000
    ttl_ms: int = 1_500
    read_ppm: int = 0  # of what is asked
    lease_reads: bool = False
    terms_ppm: int = 0  # of the requests for a lock that is shared, or has permits
    several_ppm: int = 0  # of what is asked: several locks at once, or that a hold be revoked
    # snapshots; as they stand here a run is too short for one
    snapshot_entries: int = 10_000
    snapshot_tail: int = 1_000
    chunk_bytes: int = 1 << 16
    # members
    member_ppm: int = 0
    transfer_ppm: int = 0
    wipe_ppm: int = 0
    # disks
    disk_error_ppm: int = 0
    flip_ppm: int = 0
    torn_ppm: int = 0  # of the crashes
    # clocks
    rate_change_ppm: int = 0
    jump_ppm: int = 0
    # sessions
    session_ttl_ms: int = SESSION_TTL_MS
    # who knocks at the door
    stranger_ppm: int = 0

    @property
    def weather(self) -> Weather:
        """What it does to messages."""
        return Weather(self.loss_ppm, self.duplicate_ppm, self.mean_delay_us, self.stale_ppm)

    def to_json(self) -> dict[str, Json]:
        """What differs from a quiet run, for people to read."""
        plain = Profile()
        return {
            each.name: value
            for each in fields(self)
            if (value := getattr(self, each.name)) != getattr(plain, each.name)
        }


def profile_of(seed: int) -> Profile:
    """The profile that a seed draws.

    Each part has a stream of its own: what one draws changes nothing of another.
    """
    profile = _timely(_plain(seed))
    for name, draw in _DRAWS.items():
        profile = draw(profile, keyed(seed, name))
    return profile


def _one_of(random: Random64, *choices: int) -> int:
    return choices[random.below(len(choices))]


def _plain(seed: int) -> Profile:
    """The network, crashes, pauses and the work."""
    random = keyed(seed, "profile")

    def one_of(*choices: int) -> int:
        return _one_of(random, *choices)

    return Profile(
        loss_ppm=one_of(0, 0, 20_000, 100_000, 250_000),
        duplicate_ppm=one_of(0, 0, 50_000, 200_000),
        mean_delay_us=one_of(0, 3_000, 10_000, 40_000, 80_000),
        stale_ppm=one_of(0, 0, 20_000, 100_000),
        base_delay_us=one_of(500, 2_000, 5_000),
        partition_ppm=one_of(0, 8_000, 30_000, 80_000),
        partition_ms_min=one_of(0, 200, 800),
        one_way_ppm=one_of(0, 300_000, 600_000),
        crash_ppm=one_of(0, 4_000, 15_000, 45_000),
        crash_on_write_ppm=one_of(0, 10_000, 60_000),
        kept_ppm=one_of(0, 0, 200_000),
        blackout=random.below(20) == 0,
        pause_ppm=one_of(0, 0, 5_000, 15_000),
        client_pause_ppm=one_of(0, 10_000, 15_000, 20_000),
        rate_ppm=one_of(0, 0, 3_000, 9_000),
        timeout_percent=one_of(50, 100, 100, 200),
        batch=one_of(1, 2, 16, 64),
        sync_us=one_of(500, 1_000, 5_000, 20_000),
        clients=2 + random.below(4),
        locks=1 + random.below(3),
        ask_ppm=one_of(60_000, 120_000, 250_000),
        patience_ms=one_of(1_000, 2_000, 4_000),
        ttl_ms=one_of(1_000, 1_000, 2_000),
    )


def _timely(profile: Profile) -> Profile:
    """Elections end soon only where votes are much faster than the timeouts (section 5.6).

    On the slowest disks a vote takes 50 ms, two syncs and two ways, and half of the usual timeouts
    are 75 to 150 ms: where all that are left must agree, votes could be split for seconds.
    """
    slowest = profile.sync_us >= 20_000
    return (
        replace(profile, timeout_percent=max(100, profile.timeout_percent)) if slowest else profile
    )


def _additions(profile: Profile, random: Random64) -> Profile:
    """What the paper does not have: with them off, a run is what it alone would make of it."""
    in_flight = _one_of(random, 1, 4, 64, 64)
    if profile.batch < 16 and profile.sync_us > 1_000:
        # One entry at a time over a slow disk: a calm would be too short for what lies there.
        in_flight = max(4, in_flight)
    return replace(
        profile,
        in_flight=in_flight,
        pre_vote=random.below(2) == 1,
        check_quorum=random.below(2) == 1,
    )


def _rhythm(profile: Profile, random: Random64) -> Profile:
    """Where faults never pause, nobody may come to lead at all, and nothing is put to the test."""
    return replace(profile, lull_ms=_one_of(random, 0, 400, 800))


def _snapshots(profile: Profile, random: Random64) -> Profile:
    """Chunks so small that a snapshot needs several, and yet arrives while a calm lasts."""
    return replace(
        profile,
        snapshot_entries=_one_of(random, 5, 20, 1_000, 1_000),
        snapshot_tail=_one_of(random, 0, 2, 100),
        chunk_bytes=_one_of(random, 256, 1_000, 1 << 16),
    )


def _members(profile: Profile, random: Random64) -> Profile:
    return replace(
        profile,
        member_ppm=_one_of(random, 0, 0, 0, 10_000, 30_000),
        transfer_ppm=_one_of(random, 0, 0, 5_000, 20_000),
        wipe_ppm=_one_of(random, 0, 0, 0, 10_000, 30_000),
    )


def _disks(profile: Profile, random: Random64) -> Profile:
    return replace(
        profile,
        disk_error_ppm=_one_of(random, 0, 0, 0, 1_000, 5_000),
        flip_ppm=_one_of(random, 0, 0, 0, 10_000),
        torn_ppm=_one_of(random, 0, 200_000),
    )


def _clocks(profile: Profile, random: Random64) -> Profile:
    """Beyond 1 % off only a lock's token protects; the checks go by what was drawn."""
    rate_ppm, jumps = profile.rate_ppm, random.below(10) == 0
    if random.below(8) == 0:
        rate_ppm = 30_000
    return replace(
        profile,
        rate_ppm=rate_ppm,
        rate_change_ppm=_one_of(random, 0, 2_000) if rate_ppm else 0,
        jump_ppm=5_000 if jumps else 0,
    )


def _reads(profile: Profile, random: Random64) -> Profile:
    """By a lease only where the clocks are as good as a lease needs them."""
    steady = profile.rate_ppm <= STEADY_PPM and not profile.jump_ppm
    lease = random.below(2) == 1
    return replace(
        profile,
        read_ppm=_one_of(random, 0, 100_000, 300_000),
        lease_reads=lease and steady and profile.check_quorum,
    )


def _sessions(profile: Profile, random: Random64) -> Profile:
    """Some so short that a client which stands still for a while finds its session ended."""
    ttl_ms = _one_of(random, SESSION_TTL_MS, SESSION_TTL_MS, 2_000, 1_000)
    return replace(profile, session_ttl_ms=ttl_ms)


def _terms(profile: Profile, random: Random64) -> Profile:
    """In half of the runs every lock is one client's alone, as in all of the paper's examples."""
    return replace(
        profile,
        terms_ppm=_one_of(random, 0, 0, 600_000, 900_000),
        several_ppm=_one_of(random, 0, 60_000),
    )


def _strangers(profile: Profile, random: Random64) -> Profile:
    return replace(profile, stranger_ppm=_one_of(random, 0, 0, 0, 10_000))


_DRAWS: Mapping[str, Callable[[Profile, Random64], Profile]] = {
    "additions": _additions,
    "rhythm": _rhythm,
    "snapshots": _snapshots,
    "members": _members,
    "disks": _disks,
    "clocks": _clocks,
    "reads": _reads,
    "sessions": _sessions,
    "strangers": _strangers,
    "terms": _terms,
}


def timing_of(profile: Profile, random: Random64) -> Timing:
    """The timing of a run of that profile."""
    lan, percent = TIMINGS["lan"], profile.timeout_percent
    return Timing(
        name="drawn",
        election_timeout_ms_min=lan.election_timeout_ms_min * percent // 100,
        election_timeout_ms_max=lan.election_timeout_ms_max * percent // 100,
        heartbeat_ms=lan.heartbeat_ms * percent // 100,
        link_delay_us=profile.base_delay_us,
        sync_us=profile.sync_us,
        first_timeout_ms=lan.first_timeout_ms,
        first_timeout_step_ms=4 + random.below(lan.first_timeout_step_ms),
        # A simulated network tells nobody of a broken connection.
        peer_lost=False,
    )

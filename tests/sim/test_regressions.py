"""What the explorer found once: its schedules, made short, and what must be so in them now."""

from raftlock.sim.profile import Profile
from raftlock.sim.run import Plan, replay


def actions(outcome, kind, name):
    return sum(
        event.kind == kind and event.data.get("type") == name for event in outcome.recorder.events
    )


def test_a_follower_far_behind_is_not_drowned_where_messages_overtake_each_other():
    # Each refusal of a message that came too early was followed by a late success, and each late
    # success called for a whole window anew: 57,000 messages for one follower in a tenth of a
    # second.
    profile = Profile(batch=1, mean_delay_us=3_000)
    script = [{"t": 400_000, "do": "kill", "node": "n3"}]
    ask = {"do": "ask", "client": "c0", "op": "acquire", "ttl_ms": 60_000, "time_ms": 2_000}
    script += [
        {"t": 500_000 + 10_000 * number, "lock": f"lock{number}", **ask} for number in range(60)
    ]
    script.append({"t": 1_300_000, "do": "restart", "node": "n3"})
    outcome = replay(Plan(1, 3, profile), script, 2_100_000)
    assert outcome.violations == []
    assert outcome.tally.counts["committed"] > 60
    assert actions(outcome, "send", "AppendEntries") < 2_500


def test_a_look_does_not_prolong_a_hold_that_was_stamped_before():
    # The leader stamped the grant of token 9 at 4.05 s and c2 found the lock free at 4.08 s, since
    # the entry was not applied yet: the judge took the hold to have begun only then.
    wait = {"do": "ask", "op": "wait", "lock": "lock1", "priority": 9}
    rival = {**wait, "client": "rival", "ttl_ms": 1_000, "wait_ms": 4_000, "time_ms": 5_000}
    look = {"do": "ask", "client": "c2", "op": "info", "lock": "lock1", "time_ms": 2_000}
    script = [
        {"t": 310_000, **wait, "client": "c2", "lock": "lock0", "ttl_ms": 1_097, "wait_ms": 2_207}
        | {"priority": 2, "time_ms": 4_062},
        {"t": 740_000, **rival},
        {"t": 4_030_000, **wait, "client": "c0", "lock": "lock2", "ttl_ms": 1_177}
        | {"wait_ms": 1_378, "priority": 1, "time_ms": 4_935},
        {"t": 4_040_000, **wait, "client": "c2", "ttl_ms": 1_132, "wait_ms": 1_933}
        | {"priority": 1, "time_ms": 4_518},
        {"t": 4_080_000, **look},
        {"t": 4_300_000, **rival},
        {"t": 5_000_000, "do": "calm"},
    ]
    profile = Profile(mean_delay_us=40_000, base_delay_us=2_000, in_flight=1)
    outcome = replay(Plan(4, 5, profile), script, 5_187_500)
    assert outcome.violations == []
    granted = [
        (event.data["client"], event.data["token"])
        for event in outcome.recorder.events
        if event.kind == "client_return" and event.data.get("result") == "granted"
    ]
    assert {("c2", 9), ("rival", 12)} <= set(granted)

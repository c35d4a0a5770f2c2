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

"""Members, disks and machines all at once, drawn at random: no promise may be broken by it."""

import pytest

from raftlock.check.checker import Checker
from raftlock.node.timing import timing_named
from raftlock.sim.actions import try_to
from raftlock.sim.chance import keyed
from raftlock.sim.header import header_of
from raftlock.sim.network import Weather
from raftlock.sim.profile import EAGER
from raftlock.sim.queue import Clock
from raftlock.sim.world import World, WorldSettings
from raftlock.trace.recorder import Recorder
from raftlock.types import NodeID


class Turmoil:
    def __init__(self, seed):
        self.random = random = keyed(seed, "turmoil")
        self.settings = WorldSettings(
            nodes=tuple(NodeID(f"n{number}") for number in range(1, 3 + random.below(3))),
            timing=timing_named("lan"),
            seed=seed,
            weather=Weather(duplicate_ppm=50_000, delay_us=random.below(20_000)),
            batch=(1, 2, 64)[random.below(3)],
            in_flight=(1, 4, 64)[random.below(3)],
            snapshot_entries=(3, 6, 20)[random.below(3)],
            snapshot_tail=random.below(3),
            snapshot_chunk_bytes=(50, 300, 1 << 16)[random.below(3)],
            retry=EAGER,
        )
        self.clock = Clock()
        header = header_of(self.settings, "turmoil")
        self.recorder = Recorder(header, self.clock.now_us, limit=1_000_000)
        self.checker = Checker(header)
        self.recorder.subscribe(self.checker.feed)
        self.world = World(self.settings, self.clock, self.recorder)
        self.added = 0

    def run(self, until):
        while self.clock.now < until and not self.checker.violations:
            try_to(self.world, self.action())
            self.world.run_to(self.clock.now + 10_000 + self.random.below(20_000))

    def one_of(self, *choices):
        return choices[self.random.below(len(choices))]

    def action(self):
        choice, node = self.random.below(100), self.one_of(*self.world.nodes)
        if choice < 25:
            op = self.one_of("acquire", "wait", "release", "info")
            told = {"do": "ask", "client": f"c{self.random.below(3)}", "op": op, "time_ms": 1_000}
            return told | {"lock": self.one_of("a", "b"), "ttl_ms": 200 + self.random.below(1_000)}
        if choice < 31:
            left = {"kept": self.random.below(4), "torn": self.one_of(False, True)}
            point = self.one_of("before", "written", "synced", "sent")
            verb = self.one_of("kill", "crash_on_write")
            return {"do": verb, "node": node, "point": point, **left}
        if choice < 50:
            return self.mend()
        if choice < 53:
            fault = self.one_of("fail_write", "fail_sync", "full", *self.spared("flip"))
            return {"do": "disk", "node": node, "fault": fault, "left": self.random.below(3)}
        if choice < 58:
            return self.come_or_go(node)
        if choice < 76:
            return self.members(node)
        if choice < 78:
            return {"do": "partition", "groups": [[node]]}
        if choice < 84:
            return {"do": "heal"}
        return {"do": self.one_of("freeze", "thaw", "thaw"), "node": node}

    def spared(self, *faults):
        """Those faults, if the cluster can spare one more node for good."""
        nodes = self.world.nodes.values()
        alive = {node.id for node in nodes if not node.refused}
        halves = self.world.members().halves
        spare = all(2 * (len(alive.intersection(half)) - 1) > len(half) for half in halves)
        return faults if spare and len(alive) == len(nodes) else ()

    def mend(self):
        for node in self.world.nodes.values():
            if not node.is_up:
                try_to(self.world, {"do": "disk", "node": node.id, "fault": "well"})
                return {"do": "restart", "node": node.id}
        return {"do": "heal"}

    def come_or_go(self, node):
        if self.random.below(2):
            self.added += 1
            return {"do": "add", "node": f"m{self.added}"}
        if self.spared("wipe"):
            return {"do": self.one_of("wipe", "remove"), "node": node}
        return {"do": "remove", "node": node}

    def members(self, node):
        if self.random.below(3) == 0:
            return {"do": "transfer", "node": self.one_of("", node)}
        up = [each.id for each in self.world.nodes.values() if each.is_up]
        voters = [each for each in up if self.random.below(4)] or up[:1]
        learners = [each for each in up if each not in voters and self.random.below(2)]
        return {"do": "members", "voters": voters, "learners": learners}


@pytest.fixture(scope="module")
def runs():
    made = [Turmoil(seed) for seed in range(20)]
    for each in made:
        each.run(4_000_000)
    return made


def test_whatever_befalls_members_and_machines_no_promise_is_broken(runs):
    assert [found for each in runs for found in each.checker.violations] == []


def test_there_was_turmoil_enough(runs):
    told = {event.kind for each in runs for event in each.recorder.events}
    told |= {event.rule for each in runs for event in each.recorder.events}
    for each in runs:
        told |= {event.data["what"] for event in each.recorder.events if event.kind == "node"}
    assert told >= {"started", "killed", "restarted", "frozen", "thawed"}
    assert told >= {"added", "removed", "wiped", "stopped", "refused"}
    assert told >= {"install", "transfer", "ChangeMembers", "LeaveJoint"}

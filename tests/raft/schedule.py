"""Random schedules: everything a network, a disk and a process can do to Raft, in any order.

A seed draws the size, the knobs of the protocol and how often each thing happens; then steps are
drawn one by one. `Network` checks the safety properties after every step.
"""

import random

from raftlock.raft import Receive
from tests.raft.harness import HEARTBEAT_MS, LEADER, Network, name

IN_FLIGHT_MAX = 40


class Schedule(Network):
    def __init__(self, seed, rules=None):
        self.draw = random.Random(seed)
        draw = self.draw
        self.loss = draw.choice([0, 0, 0.02, 0.1, 0.25])
        self.doubling = draw.choice([0, 0, 0.05, 0.2])
        self.stale = draw.choice([0, 0.02, 0.1])
        self.crash_rate = draw.choice([0, 0.005, 0.02, 0.05])
        self.partition_rate = draw.choice([0, 0.01, 0.03])
        self.slow_disk = draw.choice([0, 0.2, 0.6])
        self.time_rate = draw.choice([0.03, 0.06, 0.12])
        self.change_rate = draw.choice([0, 0, 0.02, 0.1])
        self.rebel_rate = draw.choice([0.05, 0.1, 0.3])
        self.accepted = self.asked = 0
        self.must_see = {}
        super().__init__(
            draw.choice([3, 3, 4, 5]),
            rules=rules,
            auto_sync=False,
            seed=seed,
            max_entries_per_append=draw.choice([1, 2, 64]),
            max_in_flight=draw.choice([1, 2, 64]),
            max_uncommitted_bytes=draw.choice([3, 1000]),
            snapshot_entries=draw.choice([1, 5, 1000]),
            snapshot_tail=draw.choice([0, 0, 3]),
            snapshot_chunk_bytes=draw.choice([50, 10_000]),
            pre_vote=draw.random() < 0.4,
            check_quorum=draw.random() < 0.4,
        )
        self.late = []  # messages held back for long

    def run(self, steps):
        for _ in range(steps):
            self.one_step()

    def one_step(self):
        draw = self.draw
        if draw.random() < self.crash_rate:
            self.crash(draw.choice(self.leaders() if draw.random() < 0.5 else list(self.nodes)))
        if draw.random() < self.partition_rate:
            self.change_links()
        for k, node in self.nodes.items():
            if node.disk.pending and draw.random() >= self.slow_disk:
                self.sync(k, draw.randint(1, len(node.disk.pending)))
        if self.late and draw.random() < 0.03:
            self.hand_over(*self.late.pop(draw.randrange(len(self.late))))
        elif not self.in_flight or draw.random() < self.time_rate:
            self.let_time_pass()
        elif draw.random() < 0.12:
            self.propose_somewhere()
        elif draw.random() < 0.1:
            self.read_somewhere()
        elif draw.random() < self.change_rate:
            self.change_somewhere()
        elif draw.random() < 0.02:
            self.transfer(draw.choice(self.leaders()), draw.choice(list(self.nodes)))
        elif draw.random() < 0.01:
            ends = [draw.choice(list(self.nodes)), draw.choice(self.leaders())]
            draw.shuffle(ends)
            self.lose(*ends)
        else:
            self.deliver_one()

    def leaders(self):
        """The nodes that lead, or all if none does."""
        leading = [k for k, node in self.nodes.items() if node.raft.role is LEADER]
        return leading or list(self.nodes)

    def deliver_one(self):
        draw = self.draw
        messages = self.in_flight
        while len(messages) > IN_FLIGHT_MAX:
            messages.popleft()
        if draw.random() < 0.5:
            messages.rotate(-draw.randrange(len(messages)))
        source, target, message = messages.popleft()
        if draw.random() < self.loss:
            return
        if draw.random() < self.stale:
            self.late.append((source, target, message))
            return
        if draw.random() < self.doubling:
            messages.append((source, target, message))
        self.hand_over(source, target, message)

    def hand_over(self, source, target, message):
        if self.passes(source, target, message):
            self.step(target, Receive(self.now, name(source), message))

    def change_somewhere(self):
        numbers = list(self.nodes)
        self.draw.shuffle(numbers)
        voters = self.draw.randint(1, len(numbers))
        learners = self.draw.randint(0, len(numbers) - voters)
        self.change(
            self.draw.choice(self.leaders()), numbers[:voters], numbers[voters : voters + learners]
        )

    def read_somewhere(self):
        """A read must see all that any node had committed when it was asked."""
        k = self.draw.choice(self.leaders())
        self.asked += 1
        self.must_see[f"{self.asked}"] = max(self.checker.committed, default=0)
        self.read(k, f"{self.asked}")

    def step(self, k, event):
        effects = super().step(k, event)
        for read in effects.reads:
            seen = self[k].last_applied
            assert not read.accepted or seen >= self.must_see[read.proposal_id], "linearizable"
        return effects

    def propose_somewhere(self):
        self.accepted += 1
        self.propose(self.draw.choice(self.leaders()), b"%d" % self.accepted)

    def let_time_pass(self):
        """Mostly whose turn it is, sometimes somebody whose clock runs ahead."""
        numbers = list(self.nodes)
        if self.draw.random() >= self.rebel_rate:
            self.fire(min(numbers, key=lambda k: self[k].deadline))
        else:
            self.now += self.draw.randint(0, 3 * HEARTBEAT_MS)
            self.fire(self.draw.choice(numbers))

    def crash(self, k):
        """Some of what was not synced may have reached the disk all the same."""
        disk = self.nodes[k].disk
        disk.sync(self.draw.randint(0, len(disk.pending)))
        self.restart(k)

    def change_links(self):
        draw = self.draw
        self.recover()
        kind = draw.randrange(8)
        numbers = list(self.nodes)
        leaders = self.leaders()
        if kind == 0:
            self.isolate(draw.choice(leaders))
        elif kind == 1:
            draw.shuffle(numbers)
            half = len(numbers) // 2
            for one in numbers[:half]:
                for other in numbers[half:]:
                    self.cut(one, other)
        elif kind == 2:
            self.drop(draw.choice(numbers), draw.choice(numbers))
        elif kind == 3:
            leader, friend = draw.choice(leaders), draw.choice(numbers)
            for other in numbers:
                if other not in {leader, friend}:
                    self.cut(leader, other)
                    self.cut(friend, other)

    def has_applied(self, k, command):
        return any(entry.command == command for entry in self.nodes[k].applied)

    def heal_and_finish(self):
        """With everything healed a new command is applied by every member, or this raises."""
        self.recover()
        self.auto_sync = True
        for k in self.nodes:
            self.sync(k)
        command = b"last"
        for _ in range(400):
            self.deliver()
            leaders = [k for k in self.nodes if self[k].role is LEADER]
            if leaders:
                newest = max(leaders, key=lambda k: self[k].current_term)
                self.propose(newest, command)
                self.deliver()
            if leaders:
                members = self[newest].status().configuration.members
                if all(self.has_applied(int(member[1:]), command) for member in members):
                    return
            self.fire(min(self.nodes, key=lambda k: self[k].deadline))
        raise AssertionError("no progress after healing")

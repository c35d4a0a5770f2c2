"""Three nodes as processes under load and faults: what was promised must hold.

    .venv/bin/python tools/soak_service.py [--minutes 1] [--clients 32] [--seed N]

Each node has its files and stands behind a gate of its own. Clients take locks, wait for them,
renew them, let them expire, look at them, give up, and write to what they protect with their
tokens; one lock is read by some and written by others, one has two permits. Every few seconds a
node is killed (SIGKILL), stands still (SIGSTOP), or its gate is shut so that nobody reaches it. All
that clients asked and were told is recorded, a stretch at a time, and judged: one order must
explain it (linearizability), and no token that was overtaken may write. At the end all nodes must
agree. Exits with 1 if anything did not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from raftlock.check.checker import check_history  # noqa: E402
from raftlock.client.client import AsyncLockClient  # noqa: E402
from raftlock.client.fencing import FencedResource  # noqa: E402
from raftlock.client.held import Held  # noqa: E402
from raftlock.errors import RaftLockError, StaleToken  # noqa: E402
from raftlock.trace.recorder import Recorder  # noqa: E402
from raftlock.types.events import Note  # noqa: E402
from raftlock.types.ids import Micros, NodeID  # noqa: E402
from tests.serve.processes import Nodes, free_ports  # noqa: E402

STRETCH_SECONDS = 15.0
"""How long the same locks are used: their history is judged as a whole, and then forgotten."""

LOCKS = 6
READ, POOL = 4, 5
"""Which of them is shared by those who read it, and which has permits."""
FAULT_EVERY = (2.0, 5.0)
FAULT_LASTS = (0.3, 3.0)
RECOVERY_SECONDS = 60.0


class Gate:
    """What a node is reached through. Shut, it takes nobody in and hands nothing on."""

    def __init__(self, port: int, behind: int) -> None:
        self.port, self.behind = port, behind
        self._open = asyncio.Event()
        self._open.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)

    async def stop(self) -> None:
        """Be gone."""
        self._server.close()
        self._open.set()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def close(self) -> None:
        """Nobody reaches the node: what was under way stays under way."""
        self._open.clear()

    def open(self, *, break_off: bool) -> None:
        """Let what waited through, or break its connections off."""
        if break_off:
            for writer in self._writers:
                writer.transport.abort()
        self._open.set()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.current_task())
        await self._open.wait()
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.behind)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back}
        try:
            ways = (self._hand_on(reader, back), self._hand_on(there, writer))
            await asyncio.gather(*ways)
        finally:
            self._writers -= {writer, back}
            for each in (writer, back):
                each.transport.abort()

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                await self._open.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@dataclass
class Soak:
    """One run."""

    nodes: Nodes
    gates: dict[str, Gate]
    clients: int
    random: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    stretch: int = 0
    busy: int = 0
    ended: bool = False

    def __post_init__(self) -> None:
        began = time.monotonic_ns()
        self.recorder = Recorder(
            {}, lambda: Micros((time.monotonic_ns() - began) // 1000), None, 10**6
        )
        self.resource = FencedResource()
        self.tokens: dict[int, tuple[str, str]] = {}
        self.going_on = asyncio.Event()
        self.idle = asyncio.Event()
        self.idle.set()

    # ---- load ----

    async def use(self, number: int) -> None:
        """One client, until the run has ended: a few locks a stretch."""
        draw = random.Random(self.random.random())
        name = f"c{number:02}"
        async with AsyncLockClient.from_access(
            self.nodes.client_file, client_id=name, observer=lambda note: self.tell(name, note)
        ) as client:
            while not self.ended:
                await self.going_on.wait()
                if self.ended:
                    return
                self.busy += 1
                self.idle.clear()
                try:
                    await self.turn(client, name, draw)
                except RaftLockError as error:
                    self.counts[type(error).__name__] += 1
                finally:
                    self.busy -= 1
                    if not self.busy:
                        self.idle.set()
                await asyncio.sleep(draw.uniform(0, 0.2))

    async def turn(self, client: AsyncLockClient, name: str, draw: random.Random) -> None:
        number = draw.randrange(LOCKS)
        lock = f"s{self.stretch}/{number}"
        terms = {"permits": 2} if number == POOL else {}
        if number == READ and draw.random() < 0.7:
            terms = {"shared": True}
        kind = draw.random()
        self.counts["operations"] += 1
        if kind < 0.15:
            await client.get_lock_info(lock, timeout=5)
            return
        if kind < 0.25:  # somebody who gives up
            asked = asyncio.create_task(
                client.acquire(lock, 2, wait=True, wait_timeout=10, **terms)
            )
            await asyncio.sleep(draw.uniform(0, 0.5))
            asked.cancel()
            with suppress(asyncio.CancelledError, RaftLockError):
                held = await asked
                await client.release(held, timeout=5)
            return
        waits = {"wait": True, "wait_timeout": draw.uniform(1, 6)} if kind < 0.75 else {}
        held = await client.acquire(lock, draw.uniform(1, 4), timeout=12, **waits, **terms)
        self.counts["grants shared"] += held.shared
        self.counts["grants of a permit"] += bool(held.slot)
        self.granted(name, held)
        for _ in range(draw.randrange(4)):
            await asyncio.sleep(draw.uniform(0, 0.3))
            self.write(name, held, sure=held.valid)
            if draw.random() < 0.3 and held.valid:
                self.counts["operations"] += 1
                await client.renew(held, timeout=5)
        if draw.random() < 0.85:
            self.counts["operations"] += 1
            await client.release(held, timeout=8)
        elif draw.random() < 0.5:
            await asyncio.sleep(held.remaining + draw.uniform(0, 1))
            self.write(name, held, sure=False)

    def tell(self, name: str, note: Note) -> None:
        self.recorder.emit(NodeID(f"client:{name}"), note)

    def granted(self, name: str, held: Held) -> None:
        self.counts["grants"] += 1
        other = self.tokens.setdefault(held.token, (name, held.lock_id))
        if other != (name, held.lock_id):
            self.wrong.append(f"token {held.token} for {name} on {held.lock_id}, and for {other}")

    def write(self, name: str, held: Held, *, sure: bool) -> None:
        """Write with the token. Who may still believe must not be refused."""
        if held.shared:
            return  # who reads does not write
        try:
            self.resource.admit(held.lock_id, held.token, slot=held.slot)
            self.counts["writes"] += 1
        except StaleToken as error:
            self.counts["writes refused"] += 1
            if sure and held.valid:
                self.wrong.append(f"{name} believed in its hold, and {error}")

    # ---- faults ----

    async def break_things(self) -> None:
        while not self.ended:
            await asyncio.sleep(self.random.uniform(*FAULT_EVERY))
            leader = await self.leader_now() if self.random.random() < 0.6 else ""
            name = leader or self.random.choice(list(self.gates))
            lasts = self.random.uniform(*FAULT_LASTS)
            fault = self.random.choice(("SIGKILL", "SIGSTOP", "cut"))
            self.counts[f"faults: {fault}"] += 1
            self.counts["faults on a leader"] += bool(leader)
            if fault == "SIGKILL":
                await asyncio.to_thread(self.nodes.kill, name)
                await asyncio.sleep(lasts)
                self.nodes.start(name)
            elif fault == "SIGSTOP":
                self.nodes.signal(name, signal.SIGSTOP)
                await asyncio.sleep(lasts)
                self.nodes.signal(name, signal.SIGCONT)
            else:
                self.gates[name].close()
                await asyncio.sleep(lasts)
                self.gates[name].open(break_off=self.random.random() < 0.5)

    async def leader_now(self) -> str:
        found = [await self.nodes.status(name) for name in self.gates]
        leads = [one for one in found if one is not None and one.leader_id == one.id]
        return max(leads, key=lambda one: one.term).id if leads else ""

    # ---- judging ----

    async def judge(self, seconds: float) -> None:
        """Stretch by stretch: let the clients come to an end, judge, forget, and go on."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.going_on.set()
            await asyncio.sleep(min(STRETCH_SECONDS, max(0.1, end - time.monotonic())))
            self.going_on.clear()
            await self.idle.wait()
            events = list(self.recorder.events)
            found = await asyncio.to_thread(check_history, {}, events)
            self.counts["events judged"] += len(events)
            self.wrong += [f"{each.property}: {each.text}" for each in found]
            self.recorder = Recorder({}, self.recorder.now, None, 10**6)
            self.tokens.clear()
            self.stretch += 1
            left = max(0, end - time.monotonic())
            print(
                f"{left:6.0f} s left: {self.counts['operations']:,} operations, "
                f"{self.faults} faults, {len(self.wrong)} wrong",
                flush=True,
            )
        self.ended = True
        self.going_on.set()

    @property
    def faults(self) -> int:
        return sum(count for what, count in self.counts.items() if what.startswith("faults:"))

    async def settle(self) -> None:
        """All faults have ended: the nodes must come to agree."""
        end = time.monotonic() + RECOVERY_SECONDS
        while True:
            found = [await self.nodes.status(name) for name in self.gates]
            known = [one for one in found if one is not None]
            same = {(one.last_applied, one.commit_index, one.leader_id) for one in known}
            if len(known) == len(self.gates) and len(same) == 1:
                self.counts["terms"] = max(one.term for one in known)
                return
            if time.monotonic() > end:
                self.wrong.append(f"the nodes did not come to agree in {RECOVERY_SECONDS:g} s")
                return
            await asyncio.sleep(0.2)


async def soak(minutes: float, clients: int, seed: int, folder: Path) -> int:
    nodes = Nodes(folder, 3)
    run = await prepared(nodes, clients, seed)
    try:
        await nodes.leader()
        users = [asyncio.create_task(run.use(number)) for number in range(clients)]
        breaking = asyncio.create_task(run.break_things())
        judging = asyncio.create_task(run.judge(60 * minutes))
        await asyncio.wait((judging, breaking), return_when=asyncio.FIRST_COMPLETED)
        await judging
        await breaking
        await asyncio.gather(*users)
        await run.settle()
    finally:
        nodes.stop()
        for gate in run.gates.values():
            await gate.stop()
    for what, count in sorted(run.counts.items()):
        print(f"  {what}: {count:,}")
    print(f"wrong: {len(run.wrong)}")
    for text in run.wrong[:10]:
        print(f"  {text}")
    return 1 if run.wrong else 0


async def prepared(nodes: Nodes, clients: int, seed: int) -> Soak:
    """The nodes, each behind its gate: it listens elsewhere than where it is reached."""
    gates = {}
    for name, address in nodes.addresses.items():
        (behind,) = free_ports(1)
        gate = Gate(int(address.rpartition(":")[2]), behind)
        await gate.start()
        gates[name] = gate
        (nodes.folder / name / "raftlock.toml").write_text(f'listen = "127.0.0.1:{behind}"\n')
    nodes.start()
    return Soak(nodes, gates, clients, random.Random(seed))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    chosen = parser.parse_args()
    print(f"{chosen.clients} clients, {chosen.minutes:g} minutes, seed {chosen.seed}")
    with tempfile.TemporaryDirectory(prefix="raftlock-soak-") as folder:
        return asyncio.run(soak(chosen.minutes, chosen.clients, chosen.seed, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())

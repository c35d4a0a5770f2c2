"""Scenarios: small texts that say what is done to a cluster, and what then is told.

::

    # The leader dies, and another takes its place.
    nodes 3
    seed 5

    > wait for leader
      0.121  n2 heard from no leader, so it stands for election in term 1.
    > kill leader
    > run 2

Lines with ``>`` are commands; what is indented below one is what the cluster tells while it is
done. Lines with ``#`` are for the reader. `rewrite` gives the text with what is really told; a
scenario holds if that is the text itself.

Commands: ``run SECONDS``, ``wait for leader``, ``kill``, ``restart``, ``freeze``, ``thaw`` a node
(or ``freeze alice``), ``crash NODE POINT``, ``cut A B``, ``cut A -> B``, ``restore A B``,
``partition A B | C D E``, ``heal``, ``drop A B [COUNT]``, ``duplicate A B``, ``hold A B SECONDS``,
``CLIENT acquire|wait|release|renew|cancel|write LOCK [ttl=10] [wait=60] [priority=0] [work=0]``
(with ``&`` at its end nobody waits for the answer),
``status``, ``locks``. ``leader`` stands for the present leader; ``follower``, ``down`` and
``frozen`` for the first node that is up and does not lead, is down, or stands still.
"""

from __future__ import annotations

from collections.abc import Iterator

from raftlock.check.checker import check_trace
from raftlock.errors import InvalidArgument, RaftLockError
from raftlock.sim.simulation import Simulation
from raftlock.trace.sentences import tell
from raftlock.trace.view import ClusterView
from raftlock.transport.limits import millis_from_seconds
from raftlock.types.events import Json

__all__ = ["rewrite"]

SETTINGS = ("nodes", "seed", "timing")
CLIENT_OPS = ("acquire", "wait", "release", "renew", "cancel", "write")
TWO_NODES = ("cut", "restore", "drop", "duplicate", "hold")


def rewrite(text: str) -> str:
    """The scenario with what is really told; a mistake raises `InvalidArgument` with its line."""
    written: list[str] = []
    settings: dict[str, str] = {}
    stage: _Stage | None = None
    for number, line in enumerate(text.splitlines(), 1):
        word, _, rest = line.partition(" ")
        try:
            if line.startswith(">"):
                stage = stage or _Stage(settings)
                written.append(line.rstrip())
                written += [f"  {told}" for told in stage.do(rest.strip())]
            elif line.startswith("  "):
                continue  # what was told the last time
            else:
                if word in SETTINGS:
                    settings[word] = rest.strip()
                elif line.strip() and not line.startswith("#"):
                    raise InvalidArgument("This is no command (>), no setting and no remark (#).")
                written.append(line.rstrip())
        except InvalidArgument as error:
            raise InvalidArgument(f"Line {number}: {error.message}") from None
    if stage is not None:
        stage.check()
    return "\n".join(written) + "\n"


class _Stage:
    """The cluster of one scenario, and how far its trace has been told."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._simulation = Simulation(
            int(settings.get("nodes", "3")),
            seed=int(settings.get("seed", "1")),
            timing=settings.get("timing", "lan"),
        )
        self._view = ClusterView(self._simulation.recorder.header)
        self._seen = 0

    def check(self) -> None:
        """No scenario may break a promise. Raises `InvalidArgument` with the first one broken."""
        recorder = self._simulation.recorder
        if recorder.dropped == 0:
            for violation in check_trace(recorder.header, recorder.events):
                raise InvalidArgument(f"{violation.property} is broken: {violation.text}")

    def do(self, command: str) -> list[str]:
        """Do one command; what is told meanwhile."""
        words = command.split()
        if not words:
            raise InvalidArgument("There is no command after the >.")
        told: list[str] = []
        try:
            told += self._perform(words)
        except InvalidArgument:
            raise
        except RaftLockError as error:
            told.append(f"refused: {error.message}")
        return [*self._sentences(), *told]

    def _sentences(self) -> Iterator[str]:
        events = self._simulation.recorder.since(self._seen, 1_000_000)
        for event in events:
            told = tell(event, self._view)
            self._view.apply(event)
            if told is not None:
                yield f"{event.t / 1_000_000:.3f}  {told.text}"
        self._seen = self._simulation.recorder.last_seq

    def _perform(self, words: list[str]) -> list[str]:
        verb, rest = words[0], words[1:]
        simulation = self._simulation
        if len(words) > 1 and words[1] in CLIENT_OPS:
            return self._client(verb, words[1], words[2:])
        match verb, rest:
            case "run", [seconds]:
                simulation.run(_number(seconds))
            case "wait", ["for", "leader"]:
                simulation.wait_for_leader()
            case "heal", []:
                simulation.heal()
            case "partition", _:
                groups = " ".join(rest).split("|")
                simulation.partition(*([self._node(n) for n in group.split()] for group in groups))
            case "crash", [node, point]:
                simulation.crash_on_write(self._node(node), point)
            case "status", []:
                return self._status()
            case "locks", []:
                return self._locks()
            case (("kill" | "restart" | "freeze" | "thaw"), [node]):
                self._to_node(verb, node)
            case _ if verb in TWO_NODES:
                self._between(verb, rest)
            case _:
                raise InvalidArgument(f"There is no command {' '.join(words)[:60]!r}.")
        return []

    def _to_node(self, verb: str, name: str) -> None:
        simulation, node = self._simulation, self._node(name)
        if name in simulation.world.clients:
            node = f"client:{name}"
        match verb:
            case "kill":
                simulation.kill(node)
            case "restart":
                simulation.restart(node)
            case "freeze":
                simulation.freeze(node)
            case _:
                simulation.thaw(node)

    def _between(self, verb: str, rest: list[str]) -> None:
        simulation, one_way = self._simulation, "->" in rest
        names = [word for word in rest if word != "->"]
        if len(names) not in {2, 3}:
            raise InvalidArgument(f"{verb} needs two nodes.")
        one, other = self._node(names[0]), self._node(names[1])
        amount = _number(names[2]) if len(names) == 3 else 1.0
        match verb:
            case "cut":
                simulation.cut(one, other, one_way=one_way)
            case "restore":
                simulation.restore(one, other, one_way=one_way)
            case "drop":
                simulation.drop(one, other, int(amount))
            case "duplicate":
                simulation.duplicate(one, other)
            case _:
                simulation.hold(one, other, amount)

    def _client(self, name: str, op: str, rest: list[str]) -> list[str]:
        if not rest:
            raise InvalidArgument(f"Which lock does {name} mean?")
        lock, options = rest[0], dict(_option(each) for each in rest[1:] if each != "&")
        if op == "write":
            self._simulation.write(name, lock, options.get("work", 0.0))
            return []
        told: dict[str, Json] = {"priority": int(options.get("priority", 0))}
        if "ttl" in options:
            told["ttl_ms"] = millis_from_seconds("ttl", options["ttl"])
        if "wait" in options:
            told["wait_ms"] = millis_from_seconds("wait", options["wait"])
        ask = self._simulation.ask(name, op, lock, **told)
        if "&" in rest:
            return []
        self._simulation.run_until_answered(ask, placed=True)
        return [f"-> {ask.state}"]

    def _node(self, name: str) -> str:
        leader = self._simulation.leader
        if name == "leader":
            if leader is None:
                raise InvalidArgument("There is no leader now.")
            return leader
        world, up = self._simulation.world, self._simulation.status()
        meant = {
            "follower": (node for node in up if node != leader),
            "down": (node for node in world.nodes if node not in up),
            "frozen": (node.id for node in world.nodes.values() if node.frozen),
        }
        if name in meant:
            found = next(meant[name], None)
            if found is None:
                raise InvalidArgument(f"No node is meant by {name!r} now.")
            return found
        return name

    def _status(self) -> list[str]:
        statuses = self._simulation.status()
        return [
            f"{node}: {status.role.word} in term {status.term}, log to {status.last_log_index}, "
            f"committed {status.commit_index}, applied {status.last_applied}"
            for node, status in statuses.items()
        ]

    def _locks(self) -> list[str]:
        """The table of the node that has applied most."""
        up = [node for node in self._simulation.world.nodes.values() if node.is_up]
        if not up:
            return ["all nodes are down"]
        table = max(up, key=lambda node: node.running.raft.last_applied).running.table
        lines = []
        for lock in table.all():
            owner = f"{lock.owner_id} with token {lock.token}" if lock.owner_id else "nobody"
            waiting = ", ".join(waiter.client_id for waiter in lock.waiters) or "nobody"
            lines.append(f"{lock.lock_id}: held by {owner}; waiting: {waiting}")
        return lines or ["no lock is held"]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidArgument(f"{text[:24]!r} should be a number.") from None


def _option(word: str) -> tuple[str, float]:
    name, _, value = word.partition("=")
    if name not in {"ttl", "wait", "priority", "work"}:
        raise InvalidArgument(f"There is no option {name[:24]!r}: ttl, wait, priority or work.")
    return name, _number(value)

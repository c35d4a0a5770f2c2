"""The cluster of one scenario: does its commands, and tells what then happens.

`scenario` says how the commands are written; each family of them is one method here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from raftlock.check.checker import check_history
from raftlock.check.violation import Violation
from raftlock.errors import InvalidArgument, RaftLockError
from raftlock.lock.rules import AgeingRules, LockRules
from raftlock.node.timing import timing_named
from raftlock.sim.client import Ask
from raftlock.sim.settings import NODES_MAX, RuleSet, WorldSettings
from raftlock.sim.simulation import Simulation
from raftlock.sim.switches import settings_among, without
from raftlock.sim.telling import Telling, shown
from raftlock.transport.limits import millis_from_seconds
from raftlock.types.answers import LockChange
from raftlock.types.events import Json
from raftlock.types.ids import LockID, NodeID
from raftlock.types.roles import NodeRole

__all__ = ["COMMANDS", "SETTINGS", "Stage", "world_of"]

SETTINGS = ("nodes", "seed", "timing", "snapshots", "tail", "batch", "ageing", "rules")

COMMANDS = {
    "run": "run SECONDS",
    "step": "step [N]",
    "back": "back [N]",
    "wait": "wait for leader",
    "kill": "kill NODE [torn]",
    "restart": "restart NODE",
    "freeze": "freeze NODE",
    "thaw": "thaw NODE",
    "crash": "crash NODE POINT [torn]",
    "disk": "disk NODE FAULT",
    "clock": "clock NODE +SECONDS",
    "drift": "drift NODE PERCENT",
    "fire": "fire NODE",
    "transfer": "transfer [NODE]",
    "add": "add NODE",
    "remove": "remove NODE",
    "wipe": "wipe NODE [as voter]",
    "cut": "cut A B, or cut A -> B",
    "restore": "restore A B, or restore A -> B",
    "partition": "partition A B | C D E",
    "heal": "heal",
    "drop": "drop A B [COUNT]",
    "duplicate": "duplicate A B",
    "hold": "hold A B SECONDS",
    "status": "status",
    "members": "members",
    "locks": "locks",
    "check": "check",
    "note": "note TEXT",
    "expect": "expect WHAT",
}
"""How each command is written, by its first word; a client's begin with the client's name."""

CLIENT_OPS = ("acquire", "wait", "release", "renew", "cancel", "look", "write")

_QUIET_MAX = 10_000
"""After so many events without a sentence nothing more is expected to be told."""


class Stage:
    """One scenario's cluster. `do` its commands in order, then `finish`."""

    def __init__(self, settings: Mapping[str, str], off: Sequence[str] = ()) -> None:
        names = [name for name in (settings.get("rules", ""), *off) if name]
        world = without(world_of(settings), names)
        self.simulation = self._simulation = Simulation.begun(
            world, settings.get("name", "stage"), settings_among(names)
        )
        self._broken = ", ".join(names)
        self._telling = Telling(self._simulation.recorder)
        self._told: list[str] = []

    def do(self, command: str) -> list[str]:
        """Do one command; what is told meanwhile. Raises `InvalidArgument` on a mistake."""
        words = command.split()
        self._told = []
        # Some commands are for runs with all rules, or for those without one.
        if words[:1] in (["with"], ["without"]):
            if (words[0] == "without") != bool(self._broken):
                return []
            words = words[1:]
        quietly = words[:1] == ["quietly"]
        try:
            answer = self._perform(words[quietly:])
        except InvalidArgument:
            raise
        except RaftLockError as error:
            answer = [f"refused: {error.message}"]
        self._listen()
        return [] if quietly else [*self._told, *answer]

    def finish(self) -> list[str]:
        """What the whole run came to: nothing, or what only its end shows to be broken.

        Raises `InvalidArgument` if correct rules broke a promise, or a broken one none.
        """
        told = self._telling.found
        self._telling.end()
        found = self._found()
        if self._telling.disk_was_lost:
            return []
        if not self._broken:
            for violation in found:
                raise InvalidArgument(f"{violation.property} is broken: {violation.text}")
            return []
        if not found:
            raise InvalidArgument(f"{self._broken} breaks nothing here: let more happen.")
        return [] if told else [shown(found[0])]

    def _found(self) -> list[Violation]:
        """What is broken so far, in the trace or, if nothing is there, in its history."""
        recorder = self._simulation.recorder
        if self._telling.found or recorder.dropped:
            return self._telling.found
        return check_history(recorder.header, recorder.events)

    def _listen(self) -> None:
        self._told += self._telling.news()

    def _perform(self, words: list[str]) -> list[str]:
        if not words:
            raise InvalidArgument("There is no command after the >.")
        if len(words) > 1 and words[1] in CLIENT_OPS:
            return self._client(words[0], words[1], words[2:])
        families = (self._time, self._node_verb, self._member_verb, self._link_verb, self._look)
        for family in (*families, self._words):
            answer = family(words)
            if answer is not None:
                return answer
        usage = COMMANDS.get(words[0])
        if usage is not None:
            raise InvalidArgument(f"This command is written: {usage}.")
        raise InvalidArgument(
            f"There is no command {' '.join(words)[:60]!r}. There are {', '.join(COMMANDS)}, and"
            f" CLIENT {', '.join(CLIENT_OPS)}."
        )

    # ---- time ----

    def _time(self, words: list[str]) -> list[str] | None:
        simulation = self._simulation
        match words:
            case ["run", seconds]:
                simulation.run(_number(seconds))
            case ["wait", "for", "leader"]:
                simulation.wait_for_leader()
            case ["step"] | ["step", _]:
                self._go(_whole(words[1] if len(words) > 1 else "1", "step"), back=False)
            case ["back"] | ["back", _]:
                self._go(_whole(words[1] if len(words) > 1 else "1", "back"), back=True)
            case _:
                return None
        return []

    def _go(self, count: int, *, back: bool) -> None:
        """Go forward, or back, by so many sentences."""
        for _ in range(count):
            before, quiet = self._telling.count, 0
            while self._telling.count == before:
                if back:
                    self._simulation.back()
                else:
                    self._simulation.step()
                self._listen()
                quiet += 1
                if quiet > _QUIET_MAX:
                    raise InvalidArgument("Nothing more is told: let something be done.")

    # ---- nodes and links ----

    def _node_verb(self, words: list[str]) -> list[str] | None:
        simulation = self._simulation
        match words:
            case ["kill", name, *torn] if torn in ([], ["torn"]):
                simulation.kill(self._node(name), torn=bool(torn))
            case ["restart", name]:
                simulation.restart(self._node(name))
            case ["freeze", name]:
                simulation.freeze(self._place(name))
            case ["thaw", name]:
                simulation.thaw(self._place(name))
            case ["crash", name, point, *torn] if torn in ([], ["torn"]):
                simulation.crash_on_write(self._node(name), point, torn=bool(torn))
            case ["disk", name, fault]:
                simulation.disk_fault(self._node(name), fault)
            case ["clock", name, seconds] if seconds.startswith("+"):
                simulation.clock_jump(self._node(name), _number(seconds))
            case ["drift", name, percent]:
                simulation.drift(self._node(name), _number(percent))
            case ["fire", name]:
                simulation.fire_timer(self._node(name))
            case _:
                return None
        return []

    def _member_verb(self, words: list[str]) -> list[str] | None:
        simulation = self._simulation
        match words:
            case ["transfer"]:
                simulation.transfer_leadership()
            case ["transfer", name, "&"]:
                simulation.ask_to_lead(self._node(name))
            case ["transfer", name]:
                simulation.transfer_leadership(self._node(name))
            case ["add", name]:
                simulation.add_node(name)
            case ["remove", name]:
                simulation.remove_node(self._node(name))
            case ["wipe", name]:
                simulation.wipe(self._node(name))
            case ["wipe", name, "as", "voter"]:
                simulation.wipe(self._node(name), as_voter=True)
            case _:
                return None
        return []

    def _link_verb(self, words: list[str]) -> list[str] | None:
        simulation, node = self._simulation, self._node
        match words:
            case ["cut", a, b]:
                simulation.cut(node(a), node(b))
            case ["cut", a, "->", b]:
                simulation.cut(node(a), node(b), one_way=True)
            case ["restore", a, b]:
                simulation.restore(node(a), node(b))
            case ["restore", a, "->", b]:
                simulation.restore(node(a), node(b), one_way=True)
            case ["partition", *_]:
                groups = " ".join(words[1:]).split("|")
                simulation.partition(*([node(name) for name in group.split()] for group in groups))
            case ["heal"]:
                simulation.heal()
            case ["drop", a, b]:
                simulation.drop(node(a), node(b))
            case ["drop", a, b, count]:
                simulation.drop(node(a), node(b), _whole(count, "drop"))
            case ["duplicate", a, b]:
                simulation.duplicate(node(a), node(b))
            case ["hold", a, b, seconds]:
                simulation.hold(node(a), node(b), _number(seconds))
            case _:
                return None
        return []

    def _node(self, name: str) -> str:
        """The node that is meant by a name, or by `leader`, `follower`, `down` or `frozen`."""
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

    def _place(self, name: str) -> str:
        """A node, or a client."""
        if name in self._simulation.world.clients:
            return f"client:{name}"
        return self._node(name)

    # ---- clients ----

    def _client(self, name: str, op: str, rest: list[str]) -> list[str]:
        if not rest:
            raise InvalidArgument(f"Which lock does {name} mean?")
        lock, options = rest[0], dict(_option(each) for each in rest[1:] if each != "&")
        if op == "write":
            self._simulation.write(name, lock, options.get("work", 0.0))
            return []
        if op == "look":
            return self._answer(self._simulation.ask(name, "info", lock), rest)
        told: dict[str, Json] = {"priority": int(options.get("priority", 0))}
        if "ttl" in options:
            told["ttl_ms"] = millis_from_seconds("ttl", options["ttl"])
        if "wait" in options:
            told["wait_ms"] = millis_from_seconds("wait", options["wait"])
        return self._answer(self._simulation.ask(name, op, lock, **told), rest)

    def _answer(self, ask: Ask, rest: list[str]) -> list[str]:
        """What is answered, unless nobody waits for it; of a look the trace tells."""
        if "&" in rest:
            return []
        self._simulation.run_until_answered(ask, placed=True)
        return [] if ask.result is not None else [f"-> {ask.state}"]

    # ---- looking ----

    def _look(self, words: list[str]) -> list[str] | None:
        match words:
            case ["status"]:
                return self._status()
            case ["members"]:
                return self._members()
            case ["locks"]:
                return self._locks()
            case ["check"]:
                self._listen()
                return self._check()
            case _:
                return None

    def _words(self, words: list[str]) -> list[str] | None:
        """Words for whoever watches, and what must be so at this point."""
        match words:
            case ["note", _, *_]:
                self._simulation.note(" ".join(words[1:]))
            case ["expect", *what] if (told := self._is_so(what)) is not None:
                if not told:
                    raise InvalidArgument(f"It is not so: {' '.join(what)}.")
            case _:
                return None
        return []

    def _is_so(self, what: list[str]) -> bool | None:
        """Whether that is so now; ``None`` if it is nothing that can be asked."""
        terms = [status.term for status in self._simulation.status().values()]
        clients = self._simulation.world.clients
        match what:
            case ["leader"]:
                return self._simulation.leader is not None
            case ["no", "leader"]:
                return self._simulation.leader is None
            case [node, "leads"]:
                found = self._simulation.status().get(NodeID(node))
                return found is not None and found.role is NodeRole.LEADER
            case ["term", number]:
                return max(terms, default=0) == _whole(number, "term")
            case ["term", "above", number]:
                return max(terms, default=0) > _whole(number, "term")
            case [lock, "free"]:
                return self._owner(lock) == ""
            case [lock, "held", "by", client]:
                return self._owner(lock) == client
            case [client, "waits"] if client in clients:
                return any(not ask.done for ask in clients[NodeID(client)].asked.values())
            case [client, "holds", lock] if client in clients:
                held = clients[NodeID(client)].held.get(LockID(lock))
                return held is not None and held.valid(self._simulation.now_ms())
            case _:
                return None

    def _owner(self, name: str) -> str:
        """Who holds a lock, by the table of `_locks`."""
        table = self._table()
        return next((lock.owner_id for lock in table if lock.lock_id == name), "")

    def _status(self) -> list[str]:
        statuses, lines = self._simulation.status(), []
        for node in self._simulation.world.nodes:
            status = statuses.get(node)
            if status is None:
                lines.append(f"{node}: down")
                continue
            line = (
                f"{node}: {status.role.word} in term {status.term}, log to "
                f"{status.last_log_index}, committed {status.commit_index}, applied "
                f"{status.last_applied}"
            )
            if status.snapshot_index:
                line += f", snapshot of {status.snapshot_index}"
            lines.append(line)
        return lines

    def _members(self) -> list[str]:
        """The members by the leader's log, or by that of the first node that is up."""
        statuses = self._simulation.status()
        leader = self._simulation.leader
        status = statuses[NodeID(leader)] if leader else next(iter(statuses.values()), None)
        if status is None or status.configuration is None:
            return ["all nodes are down"]
        members = status.configuration
        parts = (("voters", members.voters), ("learners", members.learners))
        told = [f"{part}: {', '.join(names)}" for part, names in parts if names]
        if members.is_joint:
            told.append(f"and until that is done also: {', '.join(members.outgoing)}")
        return told

    def _locks(self) -> list[str]:
        if not self._simulation.status():
            return ["all nodes are down"]
        lines = []
        for lock in self._table():
            owner = f"{lock.owner_id} with token {lock.token}" if lock.owner_id else "nobody"
            waiting = ", ".join(waiter.client_id for waiter in lock.waiters) or "nobody"
            lines.append(f"{lock.lock_id}: held by {owner}; waiting: {waiting}")
        return lines or ["no lock is held"]

    def _table(self) -> Sequence[LockChange]:
        """The leader's table; if there is none, that of the node that has applied most."""
        nodes, leader = self._simulation.world.nodes, self._simulation.leader
        up = [node for node in nodes.values() if node.is_up and leader in {node.id, None}]
        if not up:
            return ()
        return tuple(max(up, key=lambda node: node.running.raft.last_applied).running.table.all())

    def _check(self) -> list[str]:
        first: dict[str, Violation] = {}
        for violation in self._found():
            first.setdefault(violation.property, violation)
        return [shown(violation) for violation in first.values()] or ["nothing is broken so far"]


def world_of(settings: Mapping[str, str]) -> WorldSettings:
    """The world that such settings mean, with all its rules."""
    nodes = _whole(settings.get("nodes", "3"), "nodes")
    if nodes not in range(1, NODES_MAX + 1):
        raise InvalidArgument(f"A cluster has 1 to {NODES_MAX} nodes, not {nodes}.")
    ages = _chosen(settings.get("ageing", "no"))
    return WorldSettings(
        nodes=tuple(NodeID(f"n{number}") for number in range(1, nodes + 1)),
        seed=_whole(settings.get("seed", "1"), "seed"),
        timing=timing_named(settings.get("timing", "lan")),
        snapshot_entries=_whole(settings.get("snapshots", "10000"), "snapshots"),
        snapshot_tail=_whole(settings.get("tail", "0"), "tail"),
        batch=_whole(settings.get("batch", "64"), "batch"),
        rules=RuleSet(lock=AgeingRules() if ages else LockRules()),
    )


def _chosen(text: str) -> bool:
    if text not in {"yes", "no"}:
        raise InvalidArgument(f"ageing is yes or no, not {text[:24]!r}.")
    return text == "yes"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidArgument(f"{text[:24]!r} should be a number.") from None


def _whole(text: str, word: str) -> int:
    if not text.isdecimal():
        raise InvalidArgument(f"{word} needs a whole number, not {text[:24]!r}.")
    return int(text)


def _option(word: str) -> tuple[str, float]:
    name, _, value = word.partition("=")
    if name not in {"ttl", "wait", "priority", "work"}:
        raise InvalidArgument(f"There is no option {name[:24]!r}: ttl, wait, priority or work.")
    return name, _number(value)

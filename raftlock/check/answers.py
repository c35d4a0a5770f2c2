"""What clients are told, held against what the log did.

- answered once: a call comes back once, and not long after its time is up, unless its client
  stands still;
- exactly once: who is told that a request was done can find it among what the log did, with the
  same token, however often it was asked; and nobody is told that it failed which the log did; who
  asks again for what was not answered means one thing, and it is done once, under whatever id;
- fencing: a token that a client is told of was given to it, for that lock.

What the answers of reads say is judged by the history of the lock, not here.
"""

from __future__ import annotations

from collections.abc import Callable

from raftlock.check.model import LockModel
from raftlock.check.violation import Findings
from raftlock.trace.fields import number, text
from raftlock.types.events import TraceEvent

__all__ = ["AnswerChecker"]

GRACE_US = 1_000_000
"""How long after its time is up a call must have come back."""

_DONE = frozenset({"granted", "renewed", "released", "revoked", "cancelled"})
_READ = "get_lock_info"

_Call = tuple[str, str, str]
"""Client, operation and request id."""


class AnswerChecker:
    """Its `handlers` look at one event of their kind each; `end` at what is open at the end."""

    def __init__(self, model: LockModel, findings: Findings) -> None:
        self._model = model
        self._say = findings.say
        self._open: dict[_Call, list[TraceEvent]] = {}
        self._asked: set[_Call] = set()
        self._asked_again: set[_Call] = set()
        # By client and request id: the id of the request that it is meant to be, too.
        self._first: dict[tuple[str, str], str] = {}
        self._frozen: dict[str, int] = {}
        self.handlers: dict[str, Callable[[TraceEvent], None]] = {
            "client_call": self._call,
            "client_return": self._return,
        }

    def life(self, event: TraceEvent) -> None:
        """A ``node`` event: also clients are frozen and thawed."""
        what = text(event.data, "what")
        if what in {"frozen", "thawed"}:
            # One that was thawed a moment ago has had no time either.
            self._frozen[event.node] = event.t if what == "thawed" else 1 << 62

    def end(self, now: int) -> None:
        """The trace ends: whose time was up long ago must have been answered."""
        for client, request in list(self._first):
            self._is_one(client, request)
        for (client, op, request), calls in self._open.items():
            for call in calls:
                since = call.t + number(call.data, "time_ms") * 1_000
                since = max(since, self._frozen.get(f"client:{client}", 0))
                if "time_ms" in call.data and since + GRACE_US < now:
                    sentence = (
                        f"{client} asked to {op} (request {request}), its time was up, and it was "
                        "never told what became of that."
                    )
                    self._say("answered once", sentence, seq=call.seq)

    def _call(self, event: TraceEvent) -> None:
        key = _call_of(event)
        if key in self._asked:
            self._asked_again.add(key)
        self._asked.add(key)
        self._open.setdefault(key, []).append(event)
        again = text(event.data, "again")
        if again and again != key[2]:
            self._first[key[0], key[2]] = self._first.get((key[0], again), again)

    def _return(self, event: TraceEvent) -> None:
        data, key = event.data, _call_of(event)
        calls = self._open.get(key)
        if not calls:
            sentence = f"{key[0]} was answered more often than it asked (request {key[2]})."
            self._say("answered once", sentence)
        else:
            calls.pop(0)
            if not calls:
                del self._open[key]
        if key[1] == _READ:
            return
        self._is_one(key[0], key[2])
        status = text(data, "status")
        if status == "ok" and text(data, "result") in _DONE:
            self._was_done(event)
        elif status == "fail" and key not in self._asked_again:
            # If it was asked before, and that call was given up, the log may have done that one.
            self._was_not_done(event)

    def _was_done(self, event: TraceEvent) -> None:
        data, model = event.data, self._model
        client, lock, request = text(data, "client"), text(data, "lock"), text(data, "request_id")
        result, token = text(data, "result"), number(data, "token")
        if result == "granted" and model.granted.get(token) != (lock, client):
            owner = model.granted.get(token)
            to_whom = f"which was given to {owner[1]} for {owner[0]}" if owner else "and nobody was"
            sentence = f"{client} was told that it has {lock} with token {token}, {to_whom}."
            self._say("fencing", sentence)
            return
        known = model.answers.get((client, request), ())
        if (result, token) in known:
            return
        tokens = [str(given) for what, given in known if what == result]
        if tokens:
            sentence = (
                f"{client} was told that its request {request} was {result} with token {token}, "
                f"and the log did that with {', '.join(tokens)}."
            )
            self._say("fencing", sentence)
        else:
            sentence = (
                f"{client} was told that its request {request} was done ({result}, token {token}), "
                "and no entry did that."
            )
            self._say("exactly once", sentence)

    def _was_not_done(self, event: TraceEvent) -> None:
        client, request = text(event.data, "client"), text(event.data, "request_id")
        known = self._model.answers.get((client, request))
        if known and all(result in _DONE for result, _ in known):
            sentence = (
                f"{client} was told that its request {request} was refused, and it was done: "
                f"{known[0][0]}."
            )
            self._say("exactly once", sentence)

    def _is_one(self, client: str, request: str) -> None:
        """What was asked for again under another id is not done a second time, nor refused then."""
        first = self._first.get((client, request))
        if first is None:
            return
        answers = self._model.answers
        done = [each for each in answers.get((client, first), ()) if each[0] in _DONE]
        now = [each for each in answers.get((client, request), ()) if each not in done]
        if done and now:
            del self._first[client, request]
            words = [
                f"{what}, token {token}" if token else what for what, token in (done[-1], now[-1])
            ]
            sentence = (
                f"{client} asked for one thing under two ids, and each was answered for itself: "
                f"{first} with {words[0]}, and {request} with {words[1]}."
            )
            self._say("exactly once", sentence)


def _call_of(event: TraceEvent) -> _Call:
    data = event.data
    return text(data, "client"), text(data, "op"), text(data, "request_id")

"""The lock table once more, as naively as can be: flat lists, searched from end to end.

It shares no code with the table and is written from the design, not from it: there is one list of
holds and one of waits, nothing is indexed, and every order is made by sorting when it is needed.
Limits are left out: runs stay below them. What it says of an entry are plain dicts.
"""

from __future__ import annotations

from collections import Counter

from raftlock.types import Command, LockOperation, LockStats


class NaiveTable:
    def __init__(self) -> None:
        self.clock = 0
        self.tokens = [0]
        self.holds: list[dict] = []
        self.waits: list[dict] = []
        self.sessions: list[dict] = []
        self.final: list[dict] = []
        self.count: Counter = Counter()
        self.lasted: list[int] = []

    # ------------------------------------------------------------- one entry

    def apply(self, index: int, stamp: int, command: Command | None) -> dict | None:
        """What the entry's own request is answered; `final` has what it decided for others."""
        self.index, self.clock, self.final = index, stamp, []
        while due := sorted(
            [(h["until"], h["lock"], h["who"], 0) for h in self.holds if h["until"] < stamp]
            + [(w["until"], w["lock"], w["who"], 1) for w in self.waits if w["until"] < stamp]
        ):
            _, lock, who, is_wait = due[0]
            if is_wait:
                self.finish(self.wait_of(lock, who), "timed_out")
                self.admit(lock)
            else:
                self.count["expired"] += 1
                self.vacate(self.hold_of(lock, who))
        return None if command is None else self.own(command)

    def own(self, c: Command) -> dict:
        if c.session_id == 0:
            return self.operate(c)
        session = next((s for s in self.sessions if s["id"] == c.session_id), None)
        if session is None:
            return self.refused(c, "SESSION_EXPIRED")
        if c.op is LockOperation.END_SESSION:
            self.close(session)
            return self.said(c, "session_ended", client=session["who"])
        session["low"] = max(session["low"], c.lowest_unanswered)
        session["said"] = [a for a in session["said"] if a["sequence"] >= session["low"]]
        for answer in session["said"]:
            if answer["sequence"] == c.sequence:
                return {**answer, "expired": self.is_over(answer)}
        for wait in self.waits:
            if (wait["c"].session_id, wait["c"].sequence) == (c.session_id, c.sequence):
                return self.place(wait)
        if c.sequence < session["low"]:
            return self.refused(c, "INVALID_ARGUMENT")
        answer = self.operate(c)
        if answer["status"] != "queued":
            session["said"].append(answer)
        return answer

    def operate(self, c: Command) -> dict:
        hold = self.hold_of(c.lock_id, c.client_id) or self.first(c.lock_id)
        mine = hold is not None and hold["who"] == c.client_id
        if c.op is LockOperation.OPEN_SESSION:
            for session in [s for s in self.sessions if s["who"] == c.client_id]:
                if c.request_id == session["by"]:
                    return self.said(c, "session_opened", session=session["id"])
                self.close(session)
            session = {"id": self.next_token(), "who": c.client_id, "by": c.request_id}
            self.sessions.append(session | {"low": 0, "said": []})
            return self.said(c, "session_opened", session=session["id"])
        if c.op is LockOperation.CANCEL_WAIT:
            wait = self.wait_of(c.lock_id, c.client_id)
            if wait is None:
                return self.refused(c, "NOT_WAITING")
            self.finish(wait, "cancelled")
            self.admit(c.lock_id)
            return self.said(c, "cancelled")
        if c.op in (LockOperation.RELEASE, LockOperation.RENEW):
            if hold is None:
                return self.refused(c, "LOCK_NOT_HELD")
            if not mine:
                return self.refused(c, "NOT_LOCK_OWNER")
            if hold["token"] != c.version:
                return self.refused(c, "VERSION_MISMATCH")
            if c.op is LockOperation.RENEW:
                return self.prolong(hold, c, "renewed")
            before = len(self.final)
            self.count["released"] += 1
            self.vacate(hold)
            promoted = len(self.final) > before
            return self.said(c, "released", token=hold["token"], promoted=promoted)
        if c.op is LockOperation.REVOKE:
            taken = [h for h in self.all_of(c.lock_id) if c.version in (0, h["token"])]
            if hold is None:
                return self.refused(c, "LOCK_NOT_HELD")
            if not taken:
                return self.refused(c, "VERSION_MISMATCH")
            token, before = self.next_token(), len(self.final)
            self.count["released"] += len(taken)
            self.vacate(*taken)
            return self.said(c, "revoked", token=token, promoted=len(self.final) > before)
        return self.want(c)

    def want(self, c: Command) -> dict:
        queues = c.op is LockOperation.ENQUEUE_WAITER
        ttl = c.ttl or 30_000
        mine, old = self.hold_of(c.lock_id, c.client_id), self.wait_of(c.lock_id, c.client_id)
        terms = (c.shared, c.permits)
        if any(each and each["terms"] != terms for each in (mine, old)):
            return self.refused(c, "INVALID_ARGUMENT")
        users = self.all_of(c.lock_id) + self.queue(c.lock_id)
        if c.permits and any(user["terms"][1] not in (0, c.permits) for user in users):
            return self.refused(c, "INVALID_ARGUMENT")
        if mine:
            return self.prolong(mine, c, "granted")
        index = old["index"] if old and old["priority"] == c.priority else self.index
        earlier = [
            w
            for w in self.queue(c.lock_id)
            if w is not old and (-w["priority"], w["index"]) < (-c.priority, index)
        ]
        if not earlier and self.fits(c.lock_id, terms):
            if old and self.is_same(old["c"], c):
                self.waits.remove(old)
                self.count["waits_granted"] += 1
            elif old:
                self.finish(old, "cancelled")
            return self.give(c, ttl)
        if not queues and not c.wait:
            return self.refused(c, "LOCK_HELD")
        patience = c.timeout if queues else c.wait_timeout
        wait = {
            "lock": c.lock_id,
            "who": c.client_id,
            "priority": c.priority,
            "index": self.index,
            "asked_index": self.index,
            "since": self.clock,
            "asked": self.clock,
            "until": self.clock + patience,
            "ttl": ttl,
            "terms": terms,
            "c": c,
        }
        if old is not None and old["priority"] == c.priority:
            wait["index"], wait["since"] = old["index"], old["since"]
        if old is not None:
            if not self.is_same(old["c"], c):
                self.finish(old, "cancelled")
            else:
                self.waits.remove(old)
                self.count["waits_begun"] -= 1
        self.waits.append(wait)
        self.count["waits_begun"] += 1
        self.admit(c.lock_id)
        return self.place(wait)

    # --------------------------------------------------------------- parts

    def is_same(self, one: Command, other: Command) -> bool:
        key = ("session_id", "sequence", "request_id")
        return all(getattr(one, name) == getattr(other, name) for name in key)

    def all_of(self, lock: str) -> list[dict]:
        return [h for h in self.holds if h["lock"] == lock]

    def first(self, lock: str) -> dict | None:
        return next(iter(self.all_of(lock)), None)

    def hold_of(self, lock: str, who: str) -> dict | None:
        return next((h for h in self.all_of(lock) if h["who"] == who), None)

    def fits(self, lock: str, terms: tuple[bool, int]) -> bool:
        """Alone, or all alike: any number that share it, or as many as there are permits."""
        held, (shared, permits) = self.all_of(lock), terms
        alike = all(h["terms"] == terms for h in held)
        return not held or (alike and (shared or len(held) < permits))

    def wait_of(self, lock: str, who: str) -> dict | None:
        return next((w for w in self.waits if (w["lock"], w["who"]) == (lock, who)), None)

    def queue(self, lock: str) -> list[dict]:
        return sorted(
            (w for w in self.waits if w["lock"] == lock),
            key=lambda w: (-w["priority"], w["index"]),
        )

    def next_token(self) -> int:
        self.tokens.append(max(self.tokens[-1] + 1, self.index))
        return self.tokens[-1]

    def give(self, c: Command, ttl: int) -> dict:
        hold = {
            "lock": c.lock_id,
            "who": c.client_id,
            "token": self.next_token(),
            "until": self.clock + ttl,
            "from": self.clock,
            "terms": (c.shared, c.permits),
            "slot": 0,
        }
        while c.permits and hold["slot"] in [h["slot"] for h in self.all_of(c.lock_id)] + [0]:
            hold["slot"] += 1
        self.holds.append(hold)
        self.count["acquired"] += 1
        more = {"token": hold["token"], "ttl": ttl, "until": hold["until"], "slot": hold["slot"]}
        return self.said(c, "granted", **more)

    def prolong(self, hold: dict, c: Command, status: str) -> dict:
        ttl = c.ttl or 30_000
        hold["until"] = max(hold["until"], self.clock + ttl)
        self.count["renewed"] += 1
        more = {"token": hold["token"], "ttl": ttl, "until": hold["until"], "slot": hold["slot"]}
        return self.said(c, status, **more)

    def vacate(self, *holds: dict) -> None:
        for over in holds:
            self.lasted.append(min(over["until"], self.clock) - over["from"])
            self.holds.remove(over)
        self.admit(holds[0]["lock"])

    def admit(self, lock: str) -> None:
        """The first of the queue comes in while there is room; who cannot wait is passed over."""
        while patient := [w for w in self.queue(lock) if w["until"] >= self.clock]:
            first = patient[0]
            if not self.fits(lock, first["terms"]):
                return
            granted = self.give(first["c"], first["ttl"])
            self.count["waits_granted"] += 1
            self.finish(first, granted)

    def finish(self, wait: dict, answer: dict | str) -> None:
        self.waits.remove(wait)
        if isinstance(answer, str):
            self.count[f"waits_{answer}"] += 1
            answer = self.said(wait["c"], answer)
        answer["enqueued"] = wait["asked"]
        self.final.append(answer)
        for session in self.sessions:
            if session["id"] == wait["c"].session_id and answer["sequence"] >= session["low"]:
                session["said"].append(answer)

    def close(self, session: dict) -> None:
        self.sessions.remove(session)
        waits = [w for w in self.waits if w["c"].session_id == session["id"]]
        for wait in sorted(waits, key=lambda w: w["asked_index"]):
            self.finish(wait, "cancelled")
            self.admit(wait["lock"])

    def is_over(self, answer: dict) -> bool:
        if answer["status"] not in ("granted", "renewed"):
            return False
        held = [(h["lock"], h["who"], h["token"]) for h in self.holds]
        return (answer["lock"], answer["client"], answer["token"]) not in held

    # -------------------------------------------------------------- answers

    def said(self, c: Command, status: str, **more) -> dict:
        return {
            "status": status,
            "lock": c.lock_id,
            "client": c.client_id,
            "session": c.session_id,
            "sequence": c.sequence,
            "request": c.request_id,
            "token": 0,
            "ttl": 0,
            "until": 0,
            "stamp": self.clock,
            "enqueued": self.clock,
            "position": 0,
            "expired": False,
            "promoted": False,
            "slot": 0,
            "code": "OK",
        } | more

    def refused(self, c: Command, code: str) -> dict:
        self.count["refused"] += 1
        return self.said(c, "refused", code=code)

    def place(self, wait: dict) -> dict:
        return self.said(
            wait["c"],
            "queued",
            ttl=wait["ttl"],
            until=wait["until"],
            stamp=wait["asked"],
            enqueued=wait["asked"],
            position=self.queue(wait["lock"]).index(wait),
        )

    def stats(self) -> LockStats:
        return LockStats(
            held=len({hold["lock"] for hold in self.holds}),
            waiting=len(self.waits),
            contested=len({wait["lock"] for wait in self.waits}),
            sessions=len(self.sessions),
            hold_time_total=sum(self.lasted),
            hold_time_longest=max(self.lasted, default=0),
            **self.count,
        )

    def table(self) -> dict[str, tuple]:
        """Each lock: its holders with token, end and permit, its terms, and the queue in order."""
        return {
            lock: (
                [(h["who"], h["token"], h["until"], h["slot"]) for h in self.all_of(lock)],
                self.all_of(lock)[0]["terms"],
                [
                    (w["who"], w["priority"], w["index"], w["until"], w["since"], w["terms"])
                    for w in self.queue(lock)
                ],
            )
            for lock in {h["lock"] for h in self.holds}
        }

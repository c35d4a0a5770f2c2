"""What happened sometimes: a campaign in which nothing ever went wrong has proved nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from raftlock.trace.fields import flag, names, number, rows, text
from raftlock.types.events import TraceEvent

__all__ = ["LEAST_PERCENT", "Tally"]

LEAST_PERCENT: Mapping[str, int] = {
    "elected a leader": 99,
    "changed leader 3 times": 30,
    "truncated a log": 10,
    "expired a lease": 20,
    "refused a stale token": 10,
    "installed a snapshot": 5,
    "changed members": 5,
    "handed leadership over": 5,
    "lost a disk": 1,
    "stopped by its disk": 5,
    "refused a damaged disk": 1,
    "answered a read": 20,
    "turned a stranger away": 10,
    "shared a lock": 10,
    "gave out two permits": 10,
    "revoked a hold": 10,
    "gave several at once": 2,
}
"""In how many of a hundred runs each must happen, or the campaign has failed."""


class Tally:
    """Counts what one run had in it."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def feed(self, event: TraceEvent) -> None:
        """Look at one event."""
        kind, data = event.kind, event.data
        if kind == "role" and text(data, "to") == "leader":
            self.counts["leaders"] += 1
        elif kind == "truncate":
            self.counts["truncations"] += 1
        elif kind == "lock":
            for why in names(data, "why"):
                self.counts[why] += 1
            together = "shared" if flag(data, "shared") else "by permit"
            self.counts[together] += bool(rows(data, "others"))
        elif kind == "storage" and not flag(data, "accepted"):
            self.counts["refused writes"] += 1
        elif kind == "node":
            self.counts[text(data, "what")] += 1
        elif kind in {"drop", "dup"}:
            self.counts[kind] += 1
        elif kind == "install" and event.rule != "Restart":
            self.counts["installed"] += 1
        elif kind == "config" and names(data, "outgoing"):
            self.counts["joint"] += 1
        elif kind == "transfer":
            self.counts[f"transfer {text(data, 'what')}"] += 1
        elif kind == "fault" and text(data, "what") == "stranger":
            self.counts["strangers"] += 1
        elif kind == "client_return":
            self.counts[f"calls {text(data, 'status')}"] += 1
            several = text(data, "request_id").endswith("/1")  # the second of them
            self.counts["at once"] += several and text(data, "status") == "ok"
            if text(data, "op") == "get_lock_info" and text(data, "status") == "ok":
                self.counts["reads"] += 1
        elif kind == "commit":
            self.counts["committed"] = max(self.counts["committed"], number(data, "index"))

    def sometimes(self) -> dict[str, bool]:
        """Which of the things that must happen sometimes happened in this run."""
        counts = self.counts
        return {
            "elected a leader": counts["leaders"] > 0,
            "changed leader 3 times": counts["leaders"] > 3,
            "truncated a log": counts["truncations"] > 0,
            "expired a lease": counts["expired"] > 0,
            "refused a stale token": counts["refused writes"] > 0,
            "installed a snapshot": counts["installed"] > 0,
            "changed members": counts["joint"] > 0,
            "handed leadership over": counts["transfer told"] > 0,
            "lost a disk": counts["wiped"] > 0,
            "stopped by its disk": counts["stopped"] > 0,
            "refused a damaged disk": counts["refused"] > 0,
            "answered a read": counts["reads"] > 0,
            "turned a stranger away": counts["strangers"] > 0,
            "shared a lock": counts["shared"] > 0,
            "gave out two permits": counts["by permit"] > 0,
            "revoked a hold": counts["revoked"] > 0,
            "gave several at once": counts["at once"] > 0,
        }

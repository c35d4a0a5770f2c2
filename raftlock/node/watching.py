"""Clients that watch locks: each change of an applied entry, from an index on.

A watcher is told what the log decided, in its order, and nothing twice; so whoever knows the index
of the last change it was told of can go on at any other node. The last changes are kept; who asks
for older ones is told so (`Compacted`), looks at the locks, and watches from there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from raftlock.errors import Compacted, InvalidArgument
from raftlock.node.shown import HOLDERS_SHOWN_MAX
from raftlock.transport.limits import INTEGER_MAX, check_pattern
from raftlock.types.answers import Holder, LockChange
from raftlock.types.events import Json
from raftlock.types.ids import Index, LockID

__all__ = ["KEPT_MAX", "WATCH", "WATCHES_MAX", "Watches", "told_of"]

Told = Mapping[str, Json]
"""A change as clients are told it."""

WATCH = "watch"
KEPT_MAX = 4_096
"""How many changes are kept for who comes back."""

WATCHES_MAX = 256
"""How many watches a node has at once."""


@dataclass(frozen=True, slots=True)
class _Watch:
    pattern: str
    after: Index
    tell: Callable[[Told], None]


@dataclass(frozen=True, slots=True)
class _Kept:
    """A change as it is told, and not with the whole queue of its lock: thousands are kept."""

    index: Index
    lock_id: LockID
    told: Told


class Watches:
    """One node's changes, and who is told of them. `of` is whatever a connection is known by."""

    def __init__(self) -> None:
        self._kept: deque[_Kept] = deque(maxlen=KEPT_MAX)
        self._before = Index(0)  # of everything up to there nothing is kept
        self._watches: dict[tuple[object, int], _Watch] = {}

    def __len__(self) -> int:
        return len(self._watches)

    def begin_after(self, index: Index) -> None:
        """The table came as a whole, as it was at `index`: what led there is not known."""
        self._kept.clear()
        self._before = index

    def changed(self, index: Index, changes: Iterable[LockChange]) -> None:
        """An entry was applied and changed these locks."""
        for change in changes:
            if len(self._kept) == KEPT_MAX:
                self._before = self._kept[0].index
            kept = _Kept(index, change.lock_id, told_of(index, change))
            self._kept.append(kept)
            for watch in tuple(self._watches.values()):
                _tell(watch, kept)

    def begin(
        self,
        of: object,
        number: int,
        params: Mapping[str, Json],
        applied: Index,
        tell: Callable[[Told], None],
    ) -> Index:
        """Tell every change after index `after` of locks that match `lock_id`, from now on.

        Gives the index after which it tells: `after`, or what has been `applied` here if none is
        given. Raises `Compacted`, or `InvalidArgument`.
        """
        unknown = params.keys() - {"lock_id", "after"}
        if unknown:
            raise InvalidArgument(f"watch has no param {min(unknown)[:40]!r}: leave it out.")
        pattern, after = check_pattern(params.get("lock_id", ""), "lock_id"), params.get("after")
        if after is None:
            after = applied
        if isinstance(after, bool) or not isinstance(after, int) or not 0 <= after <= INTEGER_MAX:
            raise InvalidArgument(f"after is an index, from 0 to {INTEGER_MAX}.")
        if after < self._before:
            raise Compacted(
                f"Changes up to index {self._before} are no longer kept here: look at the locks, "
                "and watch from now on.",
                {"kept_after": str(self._before)},
            )
        if len(self._watches) >= WATCHES_MAX and (of, number) not in self._watches:
            raise InvalidArgument(f"{WATCHES_MAX} watches are open here: ask another node.")
        watch = _Watch(pattern, Index(after), tell)
        self._watches[of, number] = watch
        return Index(after)

    def tell_kept(self, of: object, number: int) -> None:
        """Tell what it has missed, as far as it was kept; once, after `begin` was answered."""
        watch = self._watches[of, number]
        for kept in tuple(self._kept):
            _tell(watch, kept)

    def end(self, of: object) -> None:
        """That connection is gone."""
        for key in [key for key in self._watches if key[0] is of]:
            del self._watches[key]


def _tell(watch: _Watch, kept: _Kept) -> None:
    if kept.index > watch.after and (not watch.pattern or fnmatchcase(kept.lock_id, watch.pattern)):
        watch.tell(kept.told)


def told_of(index: Index, change: LockChange) -> dict[str, Json]:
    """A change as clients are told it."""
    return {
        "index": index,
        "lock_id": change.lock_id,
        "owner_id": change.owner_id,
        "version": change.token,
        "ttl": change.ttl,
        "waiting": len(change.waiters),
        "why": list(change.why),
        **({"shared": True} if change.shared else {}),
        **({"permits": change.permits, "slot": change.slot} if change.permits else {}),
        **_others(change),
    }


def _others(change: LockChange) -> dict[str, Json]:
    """Who holds the lock beside its owner, the first of them, and how many do in all."""
    if not change.others:
        return {}
    shown: list[Json] = [_other(each) for each in change.others[: HOLDERS_SHOWN_MAX - 1]]
    return {"holder_count": 1 + len(change.others), "others": shown}


def _other(holder: Holder) -> dict[str, Json]:
    slot: dict[str, Json] = {"slot": holder.slot} if holder.slot else {}
    return {"client_id": holder.client_id, "version": holder.token, "ttl": holder.ttl, **slot}

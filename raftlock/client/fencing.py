"""What a lock protects, if it looks at the token of each write: then a late holder does no harm.

A lock that ends by itself cannot keep its last holder from acting too late: that process may have
stood still between asking whether it holds the lock and writing. Who takes the write can: tokens
only grow, so a token that is smaller than one seen before belongs to a holder of the past.

It fences who holds a lock alone, and each permit of one that has permits; who holds a lock shared
reads, and is not fenced. A database does the same with one condition in its `UPDATE`.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from raftlock.errors import InvalidArgument, StaleToken
from raftlock.transport.limits import check_lock_id, check_slot, check_token

__all__ = ["FencedResource", "highest_for"]


def highest_for(slots: Mapping[int, int], slot: int) -> int:
    """The token that a write must not be below, of those that wrote, by permit (0: the lock alone).

    Who holds the lock alone comes after all before it; of who holds one of its permits only that
    permit's last holder has to have ended, and who held the lock alone.
    """
    return max((token for each, token in slots.items() if slot in (0, each) or not each), default=0)


class FencedResource:
    """Remembers the largest token that wrote under each lock, and refuses smaller ones.

    With a `path` it remembers through restarts too: the file is durable before a write is let in.
    Several threads may use one; several processes must not share a path.
    """

    def __init__(self, path: Path | str | None = None) -> None:
        self._path = None if path is None else Path(path)
        self._mutex = threading.Lock()
        self._highest: dict[str, dict[int, int]] = {}
        if self._path is not None and self._path.exists():
            self._highest = _read(self._path)

    def highest(self, lock_id: str, *, slot: int = 0) -> int:
        """The largest token that counts for a write under that lock, or permit; 0 if none does."""
        with self._mutex:
            return highest_for(self._highest.get(lock_id, {}), slot)

    def admit(self, lock_id: str, token: int, *, slot: int = 0) -> None:
        """Let a write in, or raise `StaleToken`: then its holder must stop.

        `slot` is that of the hold: each permit of a lock is fenced for itself. Between this and the
        write another one may be let in; where that matters use `writing`.
        """
        with self._mutex:
            self._admit(lock_id, token, slot)

    @contextmanager
    def writing(self, lock_id: str, token: int, *, slot: int = 0) -> Iterator[None]:
        """Let a write in, and no other one until the block has ended; or raise `StaleToken`."""
        with self._mutex:
            self._admit(lock_id, token, slot)
            yield

    def _admit(self, lock_id: str, token: int, slot: int) -> None:
        name, given, number = check_lock_id(lock_id), check_token(token), check_slot(slot)
        highest = highest_for(self._highest.get(name, {}), number)
        if given < highest:
            raise StaleToken(
                f"Token {given} of {name[:60]!r} is stale: {highest} has written since. Stop, and "
                "acquire the lock anew.",
                {"lock": name, "token": str(given), "highest": str(highest)},
            )
        if given > highest:
            known = {**self._highest, name: {**self._highest.get(name, {}), number: int(given)}}
            if self._path is not None:
                _write(self._path, known)
            self._highest = known


def _read(path: Path) -> dict[str, dict[int, int]]:
    try:
        found = {
            name: {int(slot): token for slot, token in slots.items()}
            for name, slots in json.loads(path.read_bytes()).items()
        }
        if all(type(token) is int for slots in found.values() for token in slots.values()):
            return found
    except (ValueError, AttributeError):
        pass
    raise InvalidArgument(f"{path} is no file of a FencedResource: name another, or remove it.")


def _write(path: Path, highest: Mapping[str, Mapping[int, int]]) -> None:
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        json.dump(highest, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)

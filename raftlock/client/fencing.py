"""What a lock protects, if it looks at the token of each write: then a late holder does no harm.

A lock that ends by itself cannot keep its last holder from acting too late: that process may have
stood still between asking whether it holds the lock and writing. Who takes the write can: tokens
only grow, so a token that is smaller than one seen before belongs to a holder of the past.

Exclusive holds are what it fences; a database does the same with one condition in its `UPDATE`.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from raftlock.errors import InvalidArgument, StaleToken
from raftlock.transport.limits import check_lock_id, check_token

__all__ = ["FencedResource"]


class FencedResource:
    """Remembers the largest token that wrote under each lock, and refuses smaller ones.

    With a `path` it remembers through restarts too: the file is durable before a write is let in.
    Several threads may use one; several processes must not share a path.
    """

    def __init__(self, path: Path | str | None = None) -> None:
        self._path = None if path is None else Path(path)
        self._mutex = threading.Lock()
        self._highest: dict[str, int] = {}
        if self._path is not None and self._path.exists():
            self._highest = _read(self._path)

    def highest(self, lock_id: str) -> int:
        """The largest token that was let in under that lock; 0 if none was."""
        with self._mutex:
            return self._highest.get(lock_id, 0)

    def admit(self, lock_id: str, token: int) -> None:
        """Let a write in, or raise `StaleToken`: then its holder must stop.

        Between this and the write another one may be let in; where that matters use `writing`.
        """
        with self._mutex:
            self._admit(lock_id, token)

    @contextmanager
    def writing(self, lock_id: str, token: int) -> Iterator[None]:
        """Let a write in, and no other one until the block has ended; or raise `StaleToken`."""
        with self._mutex:
            self._admit(lock_id, token)
            yield

    def _admit(self, lock_id: str, token: int) -> None:
        name, given = check_lock_id(lock_id), check_token(token)
        highest = self._highest.get(name, 0)
        if given < highest:
            raise StaleToken(
                f"Token {given} of {name[:60]!r} is stale: {highest} has written since. Stop, and "
                "acquire the lock anew.",
                {"lock": name, "token": str(given), "highest": str(highest)},
            )
        if given > highest:
            known = {**self._highest, name: int(given)}
            if self._path is not None:
                _write(self._path, known)
            self._highest = known


def _read(path: Path) -> dict[str, int]:
    try:
        found = json.loads(path.read_bytes())
        if isinstance(found, dict) and all(type(token) is int for token in found.values()):
            return found
    except ValueError:
        pass
    raise InvalidArgument(f"{path} is no file of a FencedResource: name another, or remove it.")


def _write(path: Path, highest: dict[str, int]) -> None:
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

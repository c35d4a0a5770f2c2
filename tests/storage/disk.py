"""A directory in memory that loses power: what was not synced is gone, in part or in disorder."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, field

BLOCK = 512


class PowerCut(Exception):
    """The power is gone in the middle of a call."""


@dataclass
class Inode:
    """A file: what is seen of it, and what is durable."""

    seen: bytes = b""
    durable: bytes = b""

    def left(self, how: str) -> bytes:
        """What a crash leaves: of what was written since the last sync none, all, a part in front,
        or some blocks without those before them."""
        if how == "nothing":
            return self.durable
        if how == "everything" or len(self.seen) < len(self.durable):
            return self.seen
        fresh = self.seen[len(self.durable) :]
        if how.startswith("front"):
            share = {"front 1": 1, "front 9": 9, "front half": len(fresh) // 2}.get(how)
            kept = len(fresh) - 1 if share is None else min(share, len(fresh))
            return self.durable + fresh[:kept]
        # Blocks of the file, not of the write: the first one may hold durable bytes too.
        out = bytearray(self.seen)
        first = len(self.durable)
        for number, start in enumerate(range(first - first % BLOCK, len(out), BLOCK)):
            if (number % 2 == 0) == (how == "odd blocks"):
                for place in range(max(start, first), min(start + BLOCK, len(out))):
                    out[place] = 0
        return bytes(out)


HOWS = ("nothing", "everything", "front 1", "front 9", "front half", "front but one", "odd blocks")
HOWS += ("even blocks",)


@dataclass
class Disk:
    """A `Files` in memory. After `cut_after` calls the power goes; `fails` may give an error."""

    files: dict[str, Inode] = field(default_factory=dict)
    durable_names: dict[str, Inode] = field(default_factory=dict)
    cut_after: int | None = None
    done: int = 0
    fails: Callable[[str, str], OSError | None] = lambda _what, _name: None

    def crashed(self, how: str, *, names: str) -> Disk:
        """The disk after the power is back. `names`: whether unsynced names survive."""
        there = self.durable_names if names == "durable" else self.files
        kept = {name: Inode(data, data) for name, i in there.items() for data in [i.left(how)]}
        return Disk(kept, dict(kept))

    # ---- the calls ----

    def names(self) -> list[str]:
        return sorted(self.files)

    def read(self, name: str) -> bytes:
        self._step("read", name)
        return self.files[name].seen

    def append(self, name: str, data: bytes) -> None:
        # The power may go with half of it handed over.
        if self.cut_after is not None and self.done == self.cut_after:
            self.files.setdefault(name, Inode()).seen += data[: len(data) // 2]
        self._step("append", name)
        self.files.setdefault(name, Inode()).seen += data

    def sync(self, name: str) -> None:
        self._step("sync", name)
        inode = self.files[name]
        inode.durable = inode.seen

    def truncate(self, name: str, size: int) -> None:
        self._step("truncate", name)
        self.files[name].seen = self.files[name].seen[:size]

    def rename(self, name: str, becomes: str) -> None:
        self._step("rename", name)
        self.files[becomes] = self.files.pop(name)

    def remove(self, name: str) -> None:
        if name not in self.files:
            raise FileNotFoundError(errno.ENOENT, "no such file", name)
        self._step("remove", name)
        del self.files[name]

    def sync_names(self) -> None:
        self._step("sync_names", "")
        self.durable_names = dict(self.files)

    def close(self) -> None:
        pass

    def _step(self, what: str, name: str) -> None:
        if self.cut_after is not None and self.done >= self.cut_after:
            raise PowerCut
        self.done += 1
        error = self.fails(what, name)
        if error is not None:
            raise error

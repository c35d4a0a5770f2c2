"""A cluster's lock table in a file, and a new cluster from it.

A backup is one line that names its format, one of JSON that tells what it is, and the table as a
snapshot has it. A cluster that is restored is a new one, with its own name and token. It goes on
with larger tokens than the old one can have given meanwhile: what the locks protect has perhaps
seen some of those, and would else refuse the new holders, or take an old one for a new one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from raftlock.client.access import write_private
from raftlock.errors import InvalidArgument, RemoteProtocolError, StorageError
from raftlock.lock.machine import LockMachine
from raftlock.raft.effects import Persist, Recovered
from raftlock.serve.home import make_cluster, open_home
from raftlock.storage.file import FileStorage
from raftlock.types.ids import Index, Millis, NodeID, Term
from raftlock.types.log import PersistentState, Snapshot, SnapshotMetadata
from raftlock.types.membership import Configuration

__all__ = ["TOKENS_SKIPPED", "Backup", "read_backup", "restore", "table_of_directory"]

FIRST_LINE = "raftlock backup 1\n"
TOKENS_SKIPPED = 1_000_000_000
"""By how much tokens and indexes are ahead after a restore: more than a cluster gives in years."""


@with_config(ConfigDict(extra="forbid", strict=True))
@dataclass(frozen=True, slots=True)
class Header:
    """What a backup says of itself; `sha256` is of the table's bytes."""

    cluster: str
    index: int
    term: int
    stamp: int
    size: int
    sha256: str


_READER = TypeAdapter(Header)


@dataclass(frozen=True, slots=True)
class Backup:
    """The lock table of a cluster, as it was after the entry at `index`."""

    cluster: str
    index: int
    term: int
    stamp: int
    table: bytes

    def write(self, path: Path) -> None:
        """Write the file, which is replaced whole or not at all; nobody else can read it."""
        digest = hashlib.sha256(self.table).hexdigest()
        told = Header(self.cluster, self.index, self.term, self.stamp, len(self.table), digest)
        write_private(path, FIRST_LINE + json.dumps(asdict(told)) + "\n" + self.table.decode())


def read_backup(path: Path) -> Backup:
    """Read a backup; raises `InvalidArgument` with what is wrong with it."""
    try:
        first, told, table = path.read_bytes().split(b"\n", 2)
        if first.startswith(b"raftlock backup ") and first + b"\n" != FIRST_LINE.encode():
            raise InvalidArgument(f"{path} was written by a newer raftlock: use that one.")
        header = _READER.validate_json(told)
    except OSError as error:
        raise InvalidArgument(f"{path} cannot be read ({error.strerror}).") from None
    except InvalidArgument:
        raise
    except (ValueError, ValidationError):
        raise InvalidArgument(f"{path} is no backup of raftlock.") from None
    if len(table) != header.size or hashlib.sha256(table).hexdigest() != header.sha256:
        raise InvalidArgument(f"{path} is damaged: take another backup.")
    return Backup(header.cluster, header.index, header.term, header.stamp, table)


def table_of_directory(path: Path) -> Backup:
    """The table of a node that is stopped, from its directory: when no majority is left.

    All of its log counts, also what may never have been decided: better a lock that nobody was
    told of than one that is forgotten. Raises `StorageError`.
    """
    home = open_home(path)
    storage = FileStorage(home.disk)
    try:
        found = storage.load()
    finally:
        storage.close()
    machine = LockMachine()
    last = _last(found)
    if found.snapshot is not None:
        machine.restore(found.snapshot.data)
    for entry in found.entries:
        if entry.index > machine.last_applied:
            machine.apply(entry)
    term = max(found.state.current_term, last.last_included_term)
    index, stamp = last.last_included_index, last.last_included_stamp
    return Backup(home.plan.cluster, index, term, stamp, machine.snapshot())


def _last(found: Recovered) -> SnapshotMetadata:
    if found.entries:
        entry = found.entries[-1]
        return SnapshotMetadata(entry.index, entry.term, entry.stamp)
    if found.snapshot is not None:
        return found.snapshot.metadata
    raise StorageError("This node's log is empty: there is nothing to restore from.")


def restore(
    backup: Backup, folder: Path, members: Mapping[str, str], *, name: str = ""
) -> tuple[Path, ...]:
    """Make a new cluster whose nodes all begin with that table; gives their directories.

    Raises `InvalidArgument` as `make_cluster` does, or if the table cannot be read.
    """
    index = Index(backup.index + TOKENS_SKIPPED)
    try:
        table = json.loads(backup.table)
        table["last_applied"] = index
        table["last_token"] = max(table["last_token"] + TOKENS_SKIPPED, index)
        # Its clients' sessions were the old cluster's: they open new ones; their waits are over.
        table["sessions"] = []
        for lock in table["locks"]:
            lock["queue"] = []
        table["locks"] = [lock for lock in table["locks"] if lock["holds"]]
        data = json.dumps(table, ensure_ascii=False, separators=(",", ":")).encode()
        LockMachine().restore(data)
    except (ValueError, KeyError, TypeError, RemoteProtocolError):
        raise InvalidArgument("The backup holds no lock table that this raftlock knows.") from None
    paths = make_cluster(folder, members, name=name)
    term = Term(backup.term + 1)
    place = SnapshotMetadata(index, term, Millis(backup.stamp))
    snapshot = Snapshot(place, data, Configuration(tuple(map(NodeID, members))))
    for path in paths:
        storage = FileStorage(path / "disk")
        storage.load()
        storage.write([Persist(1, PersistentState(term), None, (), snapshot, place)])
        storage.close()
    return paths

"""What is on a node's disk, read without changing a byte, also while the node runs."""

from __future__ import annotations

from pathlib import Path

from raftlock.errors import StorageError
from raftlock.storage.records import FORMAT, Written, scan
from raftlock.types.events import Json
from raftlock.types.log import IndexOffsetPair

__all__ = ["inspected", "offsets"]


def inspected(path: Path) -> dict[str, Json]:
    """The files with what is in each, and what the log as a whole comes to.

    ``damage`` has a sentence for each place that makes no sense. The end of the last segment may be
    one without harm: what the power cut short was never promised. Raises `StorageError` if there is
    no log.
    """
    segments = sorted(path.glob("log-*"))
    if not segments:
        raise StorageError(f"{path} holds no log of a node.")
    files: list[Json] = []
    damage: list[Json] = []
    total = Written()
    last = 0
    for segment in segments:
        data = segment.read_bytes()
        if not data.startswith(FORMAT):
            damage.append(f"{segment.name} does not begin as a log does.")
            continue
        found = scan(data, len(FORMAT), 0)
        pairs = offsets(data)
        files.append(
            {
                "file": segment.name,
                "bytes": len(data),
                "records": len(found.records),
                "entries": f"{pairs[0].index} to {pairs[-1].index}" if pairs else "-",
            }
        )
        if not found.whole:
            where = "the end that was cut short" if segment == segments[-1] else "damage"
            damage.append(f"{segment.name} makes no sense from byte {found.end} on: {where}.")
        for _, write in found.records:
            last = _after(last, write)
            total = Written(
                write.state or total.state,
                None,
                write.snapshot or total.snapshot,
                write.base or total.base,
            )
    for snapshot in sorted(path.glob("snapshot-*")):
        size = snapshot.stat().st_size
        files.append({"file": snapshot.name, "bytes": size, "records": "-", "entries": "-"})
    state, base = total.state, total.base
    return {
        "term": state.current_term if state else 0,
        "voted_for": state.voted_for if state else "",
        "first_index": (base.last_included_index if base else 0) + 1,
        "last_index": last,
        "snapshot_index": total.snapshot.metadata.last_included_index if total.snapshot else 0,
        "files": files,
        "damage": damage,
    }


def offsets(data: bytes) -> list[IndexOffsetPair]:
    """Where in a segment each entry's record lies, the latest of those that were written over."""
    found = scan(data, len(FORMAT), 0)
    places: dict[int, IndexOffsetPair] = {}
    for (_, write), offset in zip(found.records, found.offsets, strict=True):
        if write.truncate_from is not None:
            for index in [index for index in places if index >= write.truncate_from]:
                del places[index]
        for entry in write.entries:
            places[entry.index] = IndexOffsetPair(entry.index, offset)
    return [places[index] for index in sorted(places)]


def _after(last: int, write: Written) -> int:
    if write.truncate_from is not None:
        last = write.truncate_from - 1
    if write.base is not None:
        last = max(last, write.base.last_included_index)
    if write.entries:
        last = write.entries[-1].index
    return last if write.last is None else write.last

"""FileStorage: the same disk as MemoryStorage, over any crash, and in a real directory."""

from __future__ import annotations

import errno
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from raftlock.errors import StorageError
from raftlock.raft.effects import Persist, Recovered
from raftlock.storage.file import FileStorage
from raftlock.storage.memory import MemoryStorage
from raftlock.types.ids import Index, Millis, NodeID, Term
from raftlock.types.log import LogEntry, PersistentState, Snapshot, SnapshotMetadata
from raftlock.types.membership import Configuration
from tests.storage.disk import HOWS, Disk, Inode, PowerCut

SMALL = 1_500
"""Segments so short that a story has several."""


def entry(index: int, term: int, size: int = 60) -> LogEntry:
    members = Configuration((NodeID("n1"), NodeID("n2"))) if index % 5 == 0 else None
    command = bytes((index + k) % 256 for k in range(size))
    return LogEntry(Term(term), Index(index), command, Millis(10 * index), members)


def story(steps: int = 40, seed: int = 1) -> list[list[Persist]]:
    """Batches as a node hands them over: terms, votes, entries, truncations, snapshots, bases."""
    draw = random.Random(seed)
    number, term, last, base, snapped = 0, 1, 0, 0, 0
    batches: list[list[Persist]] = []
    for _ in range(steps):
        batch = []
        for _ in range(draw.choice((1, 1, 2, 3))):
            number += 1
            kind = draw.choice("eeeevtsb")
            state = cut = snapshot = mark = None
            entries: tuple[LogEntry, ...] = ()
            if kind == "v":
                term += 1
                state = PersistentState(Term(term), NodeID(draw.choice(("", "n1", "n2"))))
            elif kind == "t" and last > max(base, snapped):
                cut = Index(draw.randint(max(base, snapped) + 1, last))
                term += 1
                state, last = PersistentState(Term(term)), cut - 1
                entries = (entry(last + 1, term),)
                last += 1
            elif kind == "s" and last > snapped:
                snapped = draw.randint(snapped + 1, last)
                place = SnapshotMetadata(Index(snapped), Term(term), Millis(snapped))
                snapshot = Snapshot(
                    place, bytes(draw.randbytes(700)), Configuration((NodeID("n1"),))
                )
            elif kind == "b" and snapped > base:
                base = draw.randint(base + 1, snapped)
                mark = SnapshotMetadata(Index(base), Term(term), Millis(base))
            else:
                entries = tuple(entry(last + k, term) for k in range(1, draw.randint(1, 4) + 1))
                last += len(entries)
            batch.append(Persist(number, state, cut, entries, snapshot, mark))
        batches.append(batch)
    return batches


def after(writes: Sequence[Persist]) -> Recovered:
    """What a disk holds that did all of these."""
    disk = MemoryStorage()
    disk.write(writes)
    disk.sync()
    return disk.load()


def file_storage(disk: Disk) -> FileStorage:
    return FileStorage("in-memory", segment_bytes=SMALL, files=disk)


def run(disk: Disk, batches: Sequence[Sequence[Persist]]) -> int:
    """Do the story until the power goes; how many batches were acknowledged."""
    acknowledged = 0
    try:
        storage = file_storage(disk)
        storage.load()
        for batch in batches:
            storage.write(batch)
            storage.sync()
            acknowledged += 1
    except PowerCut:
        pass
    return acknowledged


def allowed(batches: Sequence[Sequence[Persist]], acknowledged: int) -> list[Recovered]:
    """What may be found: all that was acknowledged, and of the batch after it any first part."""
    before = [write for batch in batches[:acknowledged] for write in batch]
    started = list(batches[acknowledged]) if acknowledged < len(batches) else []
    return [after([*before, *started[:k]]) for k in range(len(started) + 1)]


def operations(batches: Sequence[Sequence[Persist]]) -> int:
    whole = Disk()
    run(whole, batches)
    return whole.done


def crashes(batches: Sequence[Sequence[Persist]], every: int) -> Iterator[tuple[int, Disk]]:
    """The story cut at every so many-th operation, with every way to lose what was unsynced."""
    for cut in range(0, operations(batches) + 1, every):
        for names in ("durable", "all"):
            for how in HOWS:
                disk = Disk(cut_after=cut)
                acknowledged = run(disk, batches)
                yield acknowledged, disk.crashed(how, names=names)


def test_it_keeps_what_the_disk_in_memory_keeps():
    for seed in range(8):
        batches = story(seed=seed)
        disk = Disk()
        assert run(disk, batches) == len(batches)
        assert len(disk.names()) > 2  # several segments, and a snapshot
        assert file_storage(disk).load() == after([w for batch in batches for w in batch])


@pytest.mark.parametrize("seed", [1, 2])
def test_after_any_crash_all_that_was_acknowledged_is_there(seed):
    batches = story(steps=22, seed=seed)
    count = 0
    for acknowledged, disk in crashes(batches, every=3):
        found = file_storage(disk).load()
        assert found in allowed(batches, acknowledged)
        count += 1
    assert count >= 300


def test_a_crash_during_the_recovery_changes_nothing():
    batches = story(steps=14, seed=3)
    for acknowledged, disk in crashes(batches, every=5):
        first = file_storage(disk.crashed("everything", names="all")).load()
        for cut in range(6):
            again = disk.crashed("everything", names="all")
            again.cut_after = cut
            with pytest.raises(PowerCut) if cut == 0 else _whatever():
                file_storage(again).load()
            for how in ("nothing", "everything"):
                assert file_storage(again.crashed(how, names="all")).load() == first
        assert first in allowed(batches, acknowledged)


class _whatever:  # noqa: N801 - it stands where a context manager of pytest could
    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, trace: object) -> bool:
        return kind is PowerCut


def test_what_a_killed_process_left_outlasts_the_power_once_it_was_given():
    """Killed, the system still has what was not synced; then it is read, and the power goes."""
    batches = story(steps=30, seed=9)
    for cut in range(1, operations(batches)):
        disk = Disk(cut_after=cut)
        acknowledged = run(disk, batches)
        disk.cut_after = None  # the process is gone, not the power
        storage = file_storage(disk)
        found = storage.load()
        assert found in allowed(batches, acknowledged)
        assert file_storage(disk.crashed("nothing", names="durable")).load() == found
        storage.write([Persist(1, PersistentState(Term(999)), None, ())])
        storage.sync()
        later = file_storage(disk.crashed("nothing", names="durable")).load()
        assert (later.state.current_term, later.entries) == (999, found.entries)


def test_it_goes_on_after_a_crash():
    batches = story(steps=30, seed=4)
    for cut in range(5, operations(batches), 11):
        disk = Disk(cut_after=cut)
        acknowledged = run(disk, batches)
        disk = disk.crashed("nothing", names="durable")
        storage = file_storage(disk)
        storage.load()
        for batch in batches[acknowledged:]:
            storage.write(batch)
            storage.sync()
        expected = after([w for batch in batches for w in batch])
        assert file_storage(disk.crashed("nothing", names="durable")).load() == expected


# ---- damage ----


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]


def test_a_bit_that_flips_in_what_was_promised_is_refused_or_cannot_matter():
    batches = story(steps=16, seed=5)
    disk = Disk()
    run(disk, batches)
    whole = after([w for batch in batches for w in batch])
    prefixes = [after([w for batch in batches[:k] for w in batch]) for k in range(len(batches) + 1)]
    words: list[str] = []
    for name in disk.names():
        data = disk.files[name].seen
        for place in range(0, len(data), 37):
            hurt = disk.crashed("everything", names="all")
            hurt.files[name].seen = hurt.files[name].durable = flipped(data, place)
            try:
                found = file_storage(hurt).load()
            except StorageError as error:
                words.append(error.message)
                continue
            # Only the last batch can look as if the power had cut it short.
            assert found == whole or found in prefixes[-2:]
    assert len(words) > 20
    assert all("lost what it had promised" in each or "newer" in each for each in words)


def entries_only(batches: int, size: int = 60) -> Disk:
    disk = Disk()
    run(disk, [[Persist(k, None, None, (entry(k, 1, size),))] for k in range(1, batches + 1)])
    return disk


def test_a_segment_that_is_gone_is_noticed_also_if_only_a_head_is_behind_it():
    disk = entries_only(30)
    logs = [name for name in disk.names() if name.startswith("log-")]
    assert len(logs) > 2
    for gone in logs[:-1]:
        hurt = disk.crashed("everything", names="all")
        del hurt.files[gone]
        with pytest.raises(StorageError, match=r"entry \d+ is missing"):
            file_storage(hurt).load()
    # The last one with nothing but its head: what lay before it must all be there, too.
    last = disk.files[logs[-1]]
    magic = last.seen.find(b"\xf7RL1")
    head = last.seen[: last.seen.find(b"\xf7RL1", magic + 1)]
    hurt = disk.crashed("everything", names="all")
    hurt.files[logs[-1]] = Inode(head, head)
    del hurt.files[logs[-2]]
    with pytest.raises(StorageError, match=r"entry \d+ is missing"):
        file_storage(hurt).load()


def test_a_damaged_head_that_is_the_only_copy_of_term_and_vote_is_refused():
    disk = Disk()
    storage = file_storage(disk)
    storage.load()
    term = PersistentState(Term(7), NodeID("n2"))
    place = SnapshotMetadata(Index(40), Term(7))
    everything = tuple(entry(k, 7) for k in range(1, 41))
    storage.write([Persist(1, term, None, everything)])
    storage.sync()
    storage.write([Persist(2, None, None, (), Snapshot(place, b"all"), place)])
    storage.sync()
    (name,) = [name for name in disk.names() if name.startswith("log-")]
    assert file_storage(disk.crashed("nothing", names="durable")).load().state == term
    for hurt_at in (3, 20, len(disk.files[name].seen) - 1):
        hurt = disk.crashed("everything", names="all")
        hurt.files[name].seen = flipped(disk.files[name].seen, hurt_at)
        with pytest.raises(StorageError):
            file_storage(hurt).load()


def test_two_crashes_in_a_row_do_not_look_like_damage():
    """The first part of a batch was kept; the next one is torn so that only its end is whole."""
    disk = Disk()
    storage = file_storage(disk)
    storage.load()
    two = [Persist(k, None, None, (entry(k, 1, 300),)) for k in (1, 2)]
    disk.cut_after = disk.done + 1  # written, and not synced
    storage.write(two)
    with pytest.raises(PowerCut):
        storage.sync()
    (name,) = disk.names()
    second = disk.files[name].seen.rfind(b"\xf7RL1")
    kept = disk.files[name].seen[: second + 9]
    disk = Disk({name: Inode(kept, kept)}, {name: Inode(kept, kept)})
    storage = file_storage(disk)
    assert storage.load().entries == (entry(1, 1, 300),)
    durable = len(disk.files[name].seen)
    disk.cut_after = disk.done + 1
    storage.write([Persist(k, None, None, (entry(k, 1, 300),)) for k in (2, 3)])
    with pytest.raises(PowerCut):
        storage.sync()
    torn = bytearray(disk.files[name].seen)
    torn[durable : durable + 40] = bytes(40)  # a block that never reached the disk
    disk = Disk({name: Inode(bytes(torn), bytes(torn))}, {})
    assert file_storage(disk).load().entries == (entry(1, 1, 300),)


def test_a_snapshot_that_is_gone_is_refused():
    batches = story(steps=30, seed=4)
    disk = Disk()
    run(disk, batches)
    (name,) = [name for name in disk.names() if name.startswith("snapshot-")]
    del disk.files[name]
    with pytest.raises(StorageError, match=r"snapshot-.* is gone"):
        file_storage(disk).load()


def test_a_newer_format_is_left_alone():
    disk = Disk()
    run(disk, story(steps=2))
    name = disk.names()[0]
    inode = disk.files[name]
    inode.seen = inode.durable = inode.seen.replace(b"log 1\n", b"log 2\n", 1)
    with pytest.raises(StorageError, match="newer raftlock"):
        file_storage(disk).load()
    assert disk.files[name].seen == inode.seen


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("what", ["append", "sync"])
def test_what_fails_once_has_failed_for_good(what, code):
    disk = Disk()
    storage = file_storage(disk)
    storage.load()
    storage.write([Persist(1, None, None, (entry(1, 1),))])
    storage.sync()
    disk.fails = lambda called, _name: OSError(code, "broken") if called == what else None
    storage.write([Persist(2, None, None, (entry(2, 1),))])
    with pytest.raises(StorageError, match=r"could not be written \(broken\): this node"):
        storage.sync()
    disk.fails = lambda _called, _name: None
    for call in (storage.sync, lambda: storage.write([])):
        with pytest.raises(StorageError, match="this node has stopped"):
            call()
    assert file_storage(disk.crashed("nothing", names="all")).load().entries == (entry(1, 1),)


# ---- a real directory ----


def test_a_real_directory_keeps_it_too(tmp_path: Path):
    batches = story(steps=30, seed=6)
    storage = FileStorage(tmp_path / "node", segment_bytes=SMALL)
    assert storage.load() == Recovered()
    for batch in batches:
        storage.write(batch)
        storage.sync()
    storage.close()
    with pytest.raises(StorageError, match="closed"):
        storage.sync()
    again = FileStorage(tmp_path / "node", segment_bytes=SMALL)
    assert again.load() == after([w for batch in batches for w in batch])
    again.close()
    assert (tmp_path / "node").stat().st_mode & 0o077 == 0


def test_a_directory_belongs_to_one_process(tmp_path: Path):
    program = (
        "import sys; from raftlock.storage.file import FileStorage\n"
        "from raftlock.errors import StorageError\n"
        "try: FileStorage(sys.argv[1])\n"
        "except StorageError as e: print(e)\n"
        "else: print('open')"
    )

    def elsewhere() -> str:
        asked = [sys.executable, "-c", program, str(tmp_path)]
        return subprocess.run(asked, check=True, capture_output=True, text=True).stdout

    storage = FileStorage(tmp_path)
    assert "Another process uses" in elsewhere()
    storage.load()
    storage.close()
    assert elsewhere().strip() == "open"


def test_what_a_process_wrote_and_did_not_sync_is_not_promised(tmp_path: Path):
    storage = FileStorage(tmp_path)
    storage.load()
    storage.write([Persist(1, None, None, (entry(1, 1),))])
    storage.sync()
    storage.write([Persist(2, None, None, (entry(2, 1),))])
    storage._files.close()  # as when the process is killed
    assert FileStorage(tmp_path).load().entries == (entry(1, 1),)

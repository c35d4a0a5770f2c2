"""The commands for what is kept: backup, restore, inspect."""

from __future__ import annotations

import argparse
from pathlib import Path

from tqdm import tqdm

from raftlock.cli.common import Commands, add_access, print_json, print_table, run
from raftlock.cli.nodes import members_named
from raftlock.client.access import read_access
from raftlock.client.client import AsyncAdmin
from raftlock.errors import InvalidArgument

__all__ = ["add_commands"]


def add_commands(commands: Commands) -> None:
    """Say what they are called and take."""
    backup = commands.add_parser("backup", help="write the cluster's lock table to a file")
    backup.add_argument("file", type=Path)
    backup.add_argument(
        "--directory",
        type=Path,
        help="from this directory of a stopped node, where no majority is left to ask",
    )
    add_access(backup, json_too=False)
    backup.set_defaults(do=_backup)
    restore = commands.add_parser("restore", help="make a new cluster from a backup")
    restore.add_argument("file", type=Path)
    restore.add_argument("folder", type=Path, help="where to put it, as init does")
    restore.add_argument("members", nargs="+", metavar="NAME=HOST:PORT")
    restore.add_argument("--name", default="", help="how the cluster is called (raftlock)")
    restore.add_argument(
        "--force-new-cluster",
        action="store_true",
        help="say that the old cluster is stopped, and will not come back",
    )
    restore.set_defaults(do=_restore)
    inspect = commands.add_parser("inspect", help="what is on a node's disk, without touching it")
    inspect.add_argument("directory", type=Path)
    inspect.add_argument("--json", action="store_true", help="JSON instead of text")
    inspect.set_defaults(do=_inspect)


def _backup(chosen: argparse.Namespace) -> int:
    from raftlock.serve.backup import Backup, table_of_directory

    if chosen.directory is not None:
        backup = table_of_directory(chosen.directory)
    else:
        place, table = run(_fetched(chosen))
        cluster = read_access(chosen.access).cluster
        backup = Backup(cluster, place["index"], place["term"], place["stamp"], table)
    backup.write(chosen.file)
    print(f"{chosen.file}: {len(backup.table):,} bytes, up to entry {backup.index}.")
    return 0


async def _fetched(chosen: argparse.Namespace) -> tuple[dict[str, int], bytes]:
    parts: list[bytes] = []
    async with AsyncAdmin.from_access(chosen.access) as admin:
        with tqdm(unit="B", unit_scale=True, desc="backup", leave=False) as bar:
            async for place, part in admin.snapshot(timeout=chosen.timeout):
                parts.append(part)
                bar.total = place["size"]
                bar.update(len(part))
    return place, b"".join(parts)


def _restore(chosen: argparse.Namespace) -> int:
    from raftlock.serve.backup import read_backup, restore

    if not chosen.force_new_cluster:
        raise InvalidArgument(
            "A restored cluster knows nothing of what was decided after the backup. If the old one "
            "is stopped for good, say --force-new-cluster."
        )
    backup = read_backup(chosen.file)
    paths = restore(backup, chosen.folder, members_named(chosen.members), name=chosen.name)
    print(f"A new cluster, with the locks of {backup.cluster} up to entry {backup.index}:")
    for path in paths:
        print(f"  raftlock serve {path}")
    print(f"Clients use {chosen.folder / 'client.json'} from now on: the token is a new one.")
    return 0


def _inspect(chosen: argparse.Namespace) -> int:
    from raftlock.storage.inspect import inspected

    disk = chosen.directory / "disk" if (chosen.directory / "disk").is_dir() else chosen.directory
    found = inspected(disk)
    if chosen.json:
        print_json(found)
        return 1 if found["damage"] else 0
    print(
        f"Term {found['term']}, vote {found['voted_for'] or 'for nobody'}; "
        f"entries {found['first_index']} to {found['last_index']}; "
        f"snapshot up to {found['snapshot_index']}."
    )
    rows = found["files"]
    assert isinstance(rows, list)
    print_table([row for row in rows if isinstance(row, dict)], "There are no files.")
    for text in found["damage"] if isinstance(found["damage"], list) else ():
        print(text)
    return 1 if found["damage"] else 0

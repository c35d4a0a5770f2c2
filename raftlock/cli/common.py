"""What all commands share."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from raftlock.errors import (
    LockHeld,
    LockLost,
    NoLeader,
    RaftLockError,
    StorageError,
    Timeout,
    Unavailable,
    WaitTimedOut,
)

__all__ = ["EXIT_HELD", "EXIT_LOST", "EXIT_MISTAKE", "EXIT_UNREACHABLE", "Commands"]
__all__ += [
    "add_access",
    "exit_code_of",
    "positive",
    "print_json",
    "print_table",
    "printable",
    "run",
]

EXIT_FOUND = 1
EXIT_MISTAKE = 2
EXIT_UNREACHABLE = 69  # EX_UNAVAILABLE
EXIT_DISK = 74  # EX_IOERR
EXIT_HELD = 75  # EX_TEMPFAIL
EXIT_LOST = 76

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - its own name
else:
    Commands = object

T = TypeVar("T")


def exit_code_of(error: RaftLockError) -> int:
    """What a script is told of an error."""
    if isinstance(error, LockHeld | WaitTimedOut):
        return EXIT_HELD
    if isinstance(error, LockLost):
        return EXIT_LOST
    if isinstance(error, Unavailable | NoLeader | Timeout):
        return EXIT_UNREACHABLE
    if isinstance(error, StorageError):
        return EXIT_DISK
    return EXIT_MISTAKE


def positive(given: str) -> int:
    """A whole number from 1 on."""
    value = int(given)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {value}")
    return value


def add_access(command: argparse.ArgumentParser, *, json_too: bool = True) -> None:
    """The options of every command that talks to a cluster."""
    command.add_argument(
        "--access",
        type=Path,
        metavar="FILE",
        help="which cluster: client.json or admin.json of raftlock init (else RAFTLOCK_ACCESS)",
    )
    command.add_argument(
        "--timeout", type=float, default=10.0, metavar="SECONDS", help="for the answer (10)"
    )
    if json_too:
        command.add_argument("--json", action="store_true", help="JSON instead of text")


def run(work: Coroutine[object, object, T]) -> T:
    """Run it on a loop of its own."""
    return asyncio.run(work)


def print_json(told: object) -> None:
    """Print data for programs."""
    print(json.dumps(told, indent=1, ensure_ascii=False))


def print_table(rows: Sequence[Mapping[str, object]], empty: str) -> None:
    """Print rows under their names, or say in words that there are none."""
    if not rows:
        print(empty)
        return
    names = list(rows[0])
    cells = [[printable(row[name]) for name in names] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    for line in (names, *cells):
        text = "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
        sys.stdout.write(text.rstrip() + "\n")


def printable(value: object) -> str:
    """Text for a terminal: what cannot be printed is shown, never sent to it."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in str(value))

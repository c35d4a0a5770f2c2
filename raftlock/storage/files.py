"""The few calls of an operating system that a log needs, in one place, so that tests can stand in.

All names are of one directory. What was written is durable once `sync` of that file returned; that
a file is there, is gone or has another name, once `sync_names` did.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Protocol

from raftlock.errors import StorageError

__all__ = ["Directory", "Files"]


class Files(Protocol):
    """One directory."""

    def names(self) -> list[str]:
        """The files there are."""
        ...

    def read(self, name: str) -> bytes:
        """All of a file."""
        ...

    def append(self, name: str, data: bytes) -> None:
        """Write behind what is there; the file is made if it is new."""
        ...

    def sync(self, name: str) -> None:
        """Make durable what is in a file."""
        ...

    def truncate(self, name: str, size: int) -> None:
        """Leave the first `size` bytes of a file."""
        ...

    def rename(self, name: str, becomes: str) -> None:
        """Give a file another name, in the place of whichever had it."""
        ...

    def remove(self, name: str) -> None:
        """A file goes."""
        ...

    def sync_names(self) -> None:
        """Make durable which files there are."""
        ...

    def close(self) -> None:
        """Let go of the directory."""
        ...


class Directory:
    """A real directory, made if it is not there, and held by one process at a time.

    Raises `StorageError` if another process holds it, `OSError` for what the system says.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sync_directory(self.path.parent)
        self._open: dict[str, int] = {}
        self._held = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._held)
            raise StorageError(
                f"Another process uses {self.path}: stop that node, or give this one a directory "
                "of its own."
            ) from None

    def names(self) -> list[str]:
        """The files there are."""
        return sorted(each.name for each in self.path.iterdir() if each.name != "lock")

    def read(self, name: str) -> bytes:
        """All of a file."""
        return (self.path / name).read_bytes()

    def append(self, name: str, data: bytes) -> None:
        """Write behind what is there."""
        handle, rest = self._handle(name), memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]

    def sync(self, name: str) -> None:
        """Make durable what is in a file, and how long it is."""
        os.fdatasync(self._handle(name))

    def truncate(self, name: str, size: int) -> None:
        """Leave the first `size` bytes."""
        os.ftruncate(self._handle(name), size)

    def rename(self, name: str, becomes: str) -> None:
        """Give a file another name."""
        self._let_go(name)
        self._let_go(becomes)
        (self.path / name).replace(self.path / becomes)

    def remove(self, name: str) -> None:
        """A file goes."""
        self._let_go(name)
        (self.path / name).unlink()

    def sync_names(self) -> None:
        """Make durable which files there are."""
        _sync_directory(self.path)

    def close(self) -> None:
        """Let go of the directory."""
        for name in tuple(self._open):
            self._let_go(name)
        if self._held >= 0:
            os.close(self._held)
            self._held = -1

    def _handle(self, name: str) -> int:
        known = self._open.get(name)
        if known is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            known = self._open[name] = os.open(self.path / name, flags, 0o600)
        return known

    def _let_go(self, name: str) -> None:
        handle = self._open.pop(name, None)
        if handle is not None:
            os.close(handle)


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

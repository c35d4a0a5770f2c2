"""How to reach a cluster: one small file with its name, its nodes' addresses and a token.

`raftlock init` writes two of them: one for clients, whose token opens the lock service and nothing
else, and one for administrators. Keep either like a password.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from raftlock.errors import InvalidArgument, PermissionDenied
from raftlock.transport.limits import check_address

if TYPE_CHECKING:
    import ssl

__all__ = ["ACCESS_VARIABLE", "Access", "is_newer", "read_access", "write_private"]

ACCESS_VARIABLE = "RAFTLOCK_ACCESS"
"""The environment variable that names the file where no other is given."""

FORMAT = 1
FILE_BYTES_MAX = 1 << 20


@with_config(ConfigDict(extra="forbid", strict=True))
@dataclass(frozen=True, slots=True)
class Access:
    """What a client needs to know. `endpoints` are some nodes' addresses as ``host:port``.

    `ca` is the path of the certificates by which nodes are known; empty: no TLS, as on loopback.
    """

    format: int
    cluster: str
    endpoints: list[str]
    token: str
    ca: str = ""

    def __repr__(self) -> str:
        return f"<access to {self.cluster!r} at {', '.join(self.endpoints)}>"

    def tls(self) -> ssl.SSLContext | None:
        """How nodes are known, if by certificates; `InvalidArgument` if they cannot be read."""
        if not self.ca:
            return None
        # Only here: importing raftlock must not load sockets.
        import ssl

        try:
            return ssl.create_default_context(cafile=self.ca)
        except OSError as error:
            raise InvalidArgument(f"{self.ca} cannot be used: {error}.") from None

    def write(self, path: Path) -> None:
        """Write it to a file that nobody but its owner can read."""
        write_private(path, json.dumps(asdict(self), indent=1) + "\n")


_READER = TypeAdapter(Access)


def read_access(path: Path | str | None = None) -> Access:
    """Read the file at `path`, or the one that ``RAFTLOCK_ACCESS`` names.

    Raises `InvalidArgument` with what is wrong with it, or what to do if there is none, and
    `PermissionDenied` if others can read it too.
    """
    given = os.environ.get(ACCESS_VARIABLE, "") if path is None else str(path)
    if not given:
        raise InvalidArgument(
            f"Which cluster? Name its access file with --access or in {ACCESS_VARIABLE}: "
            "raftlock init has written client.json and admin.json."
        )
    file = Path(given)
    try:
        if os.name == "posix" and file.stat().st_mode & 0o077:
            raise PermissionDenied(f"Others can read {file}, which holds a token: chmod 600 it.")
        data = file.read_bytes()[:FILE_BYTES_MAX]
    except OSError as error:
        raise InvalidArgument(f"{file} cannot be read ({error.strerror}).") from None
    try:
        if is_newer(data, FORMAT):
            raise InvalidArgument(f"{file} was written by a newer raftlock: use that one.")
        access = _READER.validate_json(data)
        for endpoint in access.endpoints:
            check_address(endpoint)
    except InvalidArgument:
        raise
    except (ValueError, ValidationError):
        raise InvalidArgument(f"{file} is no access file of raftlock.") from None
    if not access.endpoints:
        raise InvalidArgument(f"{file} names no node: add host:port to its endpoints.")
    return access


def is_newer(data: bytes, known: int) -> bool:
    """Whether a JSON file names a larger ``format`` than is known. Raises `ValueError` if none."""
    found = json.loads(data)
    version = found.get("format") if isinstance(found, dict) else None
    return isinstance(version, int) and version > known


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody else can read, whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)

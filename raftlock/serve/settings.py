"""What a served node is told: by flags, by the environment, by a TOML file, in this order."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from raftlock.errors import InvalidArgument

__all__ = ["ServeSettings", "settings_from"]

FILE = "raftlock.toml"
PREFIX = "RAFTLOCK_"


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """How a node runs. Each can be a flag, ``RAFTLOCK_<NAME>``, or a line of ``raftlock.toml``.

    `listen` is where it listens, if not where others reach it. `election_timeout_ms` is the
    shortest (the longest is twice that), `heartbeat_ms` a third of it or less; 0: as the cluster's
    timing says. `snapshot_tail` is how many entries before a snapshot stay in the log; -1: a tenth
    of `snapshot_entries`, and at most a thousand. `tls_cert` and `tls_key` are its own, `tls_ca`
    those by which it knows the others.
    `plain` lets it serve others than this machine without TLS. `drain_seconds` is how long it hands
    over before it ends. `laboratory` lets who has the cluster's token cut its links, and kill it.
    With `parent` it says when it is ready, begins when told to, and ends with who started it, once
    its standard input is closed; it shares its port with who keeps that for it.
    """

    listen: str = ""
    election_timeout_ms: int = 0
    heartbeat_ms: int = 0
    snapshot_entries: int = 10_000
    snapshot_tail: int = -1
    session_ttl: float = 10.0
    log: str = "info"
    log_format: str = "plain"
    tls_cert: str = ""
    tls_key: str = ""
    tls_ca: str = ""
    plain: bool = False
    drain_seconds: float = 5.0
    laboratory: bool = False
    parent: bool = False

    def __post_init__(self) -> None:
        if self.log not in ("debug", "info", "warning", "error"):
            raise InvalidArgument(f"log is debug, info, warning or error, not {self.log!r}.")
        if self.log_format not in ("plain", "json"):
            raise InvalidArgument(f"log_format is plain or json, not {self.log_format!r}.")
        if self.election_timeout_ms < 0 or self.heartbeat_ms < 0 or self.snapshot_entries < 1:
            raise InvalidArgument("Times and sizes must not be negative.")
        if self.heartbeat_ms and self.election_timeout_ms < 3 * self.heartbeat_ms:
            raise InvalidArgument("election_timeout_ms must be at least three times heartbeat_ms.")
        if bool(self.tls_cert) != bool(self.tls_key) or (self.tls_cert and not self.tls_ca):
            raise InvalidArgument("TLS needs tls_cert, tls_key and tls_ca, all three.")


def settings_from(home: Path, flags: Mapping[str, object]) -> ServeSettings:
    """Put together what was told; `flags` that are ``None`` were not given.

    Raises `InvalidArgument` with where a value was told that cannot be used.
    """
    told: dict[str, object] = {}
    file = home / FILE
    if file.exists():
        try:
            found = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidArgument(f"{file} cannot be read: {error}.") from None
        told.update({name: (value, str(file)) for name, value in found.items()})
    kinds = {field.name: type(field.default) for field in fields(ServeSettings)}
    for name in kinds:
        variable = f"{PREFIX}{name.upper()}"
        if variable in os.environ:
            told[name] = (os.environ[variable], variable)
        if flags.get(name) is not None:
            told[name] = (flags[name], f"--{name.replace('_', '-')}")
    values: dict[str, object] = {}
    for name, given in told.items():
        assert isinstance(given, tuple)
        value, where = given
        if name not in kinds:
            raise InvalidArgument(f"{where} has no setting {name!r}: see raftlock serve --help.")
        values[name] = _as(kinds[name], name, value, where)
    return ServeSettings(**values)  # type: ignore[arg-type]  # each was made to fit above


def _as(kind: type, name: str, value: object, where: str) -> object:
    if kind is bool:
        words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
        found = words.get(str(value).lower())
        if found is None:
            raise InvalidArgument(f"{where}: {name} is true or false, not {value!r}.")
        return found
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidArgument(f"{where}: {name} cannot be {value!r}.")
    try:
        return kind(value)
    except ValueError:
        raise InvalidArgument(f"{where}: {name} is a number, not {value!r}.") from None

"""The directory of a served node: who it is, where the others are, its token, and its disk.

::

    n1/
      node.json    which cluster, which node, its first members, the addresses it knows
      token        the cluster's token; while it changes, the old one and the new one, a line each
      disk/        log segments and snapshots (`storage.file`)
      links.json   in a laboratory only: how the links were when the node was started

It is made once, by ``raftlock init`` or ``raftlock join``. A node whose directory is lost does not
come back under its name: it may have promised what nobody knows any more. So a node never begins in
an empty directory; who replaces it joins under a new name.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from raftlock.client.access import FORMAT as ACCESS_FORMAT
from raftlock.client.access import Access, is_newer, write_private
from raftlock.client.admin import Members
from raftlock.errors import InvalidArgument, StorageError
from raftlock.transport.handshake import check_cluster_token, client_token
from raftlock.transport.limits import MEMBERS_MAX, check_address, check_node_id
from raftlock.types.events import Json
from raftlock.types.ids import NodeID

__all__ = ["Home", "make_cluster", "make_home", "make_joining", "open_home", "write_access"]

FORMAT = 1
TOKEN_BYTES = 32


@with_config(ConfigDict(extra="forbid", strict=True))
@dataclass(frozen=True, slots=True)
class Plan:
    """``node.json``. `voters` and `learners` are the members by which the node began; who belongs
    to the cluster since stands in its log. `addresses` are where nodes are reached, as last heard.
    """

    format: int
    cluster: str
    node: str
    voters: list[str]
    learners: list[str]
    addresses: dict[str, str]
    timing: str = "lan"


_READER = TypeAdapter(Plan)


@dataclass(slots=True)
class Home:
    """A node's directory, opened."""

    path: Path
    plan: Plan
    tokens: tuple[str, ...] = field(repr=False)

    @property
    def node(self) -> NodeID:
        """Whose it is."""
        return NodeID(self.plan.node)

    @property
    def disk(self) -> Path:
        """Where its storage is."""
        return self.path / "disk"

    @property
    def address(self) -> tuple[str, int]:
        """Where the node is reached."""
        return check_address(self.plan.addresses[self.plan.node])

    def addresses(self) -> dict[NodeID, tuple[str, int]]:
        """Where all nodes are reached."""
        return {NodeID(node): check_address(text) for node, text in self.plan.addresses.items()}

    def keep_links(self, links: Mapping[str, Json]) -> None:
        """Note how a laboratory's links are, for the node to begin with."""
        write_private(self.path / "links.json", json.dumps(dict(links)) + "\n")

    def links(self) -> dict[str, Json] | None:
        """The links that were noted. Raises `StorageError` if they cannot be read."""
        try:
            found: Json = json.loads((self.path / "links.json").read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StorageError(f"{self.path / 'links.json'} cannot be read: {error}.") from None
        return found if isinstance(found, dict) else None

    def learn(self, addresses: Mapping[NodeID, str]) -> None:
        """Keep where nodes are reached now, if that is news."""
        known = {**self.plan.addresses, **{str(node): text for node, text in addresses.items()}}
        if known != self.plan.addresses:
            self.plan = replace(self.plan, addresses=known)
            write_plan(self.path, self.plan)


def open_home(path: Path) -> Home:
    """Read a node's directory. Raises `StorageError` with what to do if it is none."""
    file = path / "node.json"
    try:
        text = file.read_bytes()
        tokens = (path / "token").read_text(encoding="utf-8").split()
    except FileNotFoundError:
        raise StorageError(
            f"{path} is no node's directory: raftlock init makes those of a new cluster, raftlock "
            "join one for a node that is added. If this node's disk was lost, join under a new "
            "name; it must not come back under its old one."
        ) from None
    except OSError as error:
        raise StorageError(f"{error.filename} cannot be read ({error.strerror}).") from None
    try:
        if is_newer(text, FORMAT):
            raise StorageError(f"{file} was written by a newer raftlock: use that one, or a later.")
        plan = _READER.validate_json(text)
        for name in (plan.node, *plan.voters, *plan.learners, *plan.addresses):
            check_node_id(name)
        for address in plan.addresses.values():
            check_address(address)
        if plan.node not in plan.addresses:
            raise InvalidArgument(f"It names no address of {plan.node}.")
        for token in tokens or ("",):
            check_cluster_token(token)
    except (InvalidArgument, ValidationError) as error:
        why = error.message if isinstance(error, InvalidArgument) else "its fields are wrong"
        raise StorageError(f"{file} cannot be used: {why}") from None
    except ValueError:
        raise StorageError(f"{file} is damaged: it is no JSON.") from None
    return Home(path, plan, tuple(tokens))


def make_home(path: Path, plan: Plan, token: str) -> None:
    """Make a node's directory. Raises `InvalidArgument` if there is something already."""
    if path.exists() and any(path.iterdir()):
        raise InvalidArgument(f"{path} is not empty: a node's directory is made once.")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    write_private(path / "token", token + "\n")
    write_plan(path, plan)  # last: without it this is no node's directory


def make_joining(  # noqa: PLR0917 - all that a node must know
    path: Path, node: str, address: str, access: Access, known: Members, timing: str = "lan"
) -> None:
    """Make the directory of a node that will be added to a cluster there is.

    Raises `InvalidArgument` if the name was ever given, as far as the members know, or `path` is
    not empty.
    """
    check_node_id(node)
    check_address(address)
    if node in known.addresses or node in known.configuration.members:
        raise InvalidArgument(f"{node} is known in this cluster: a name is given once. Take a new.")
    voters, addresses = [*map(str, known.configuration.voters)], {**known.addresses, node: address}
    plan = Plan(FORMAT, access.cluster, node, voters, [node], addresses, timing)
    make_home(path, plan, access.token)


def write_plan(path: Path, plan: Plan) -> None:
    """Write ``node.json``, whole or not at all."""
    write_private(path / "node.json", json.dumps(asdict(plan), indent=1) + "\n")


def make_cluster(
    folder: Path, members: Mapping[str, str], *, name: str = "", timing: str = "lan"
) -> tuple[Path, ...]:
    """Make a new cluster's identity, a directory a node, and the two access files.

    `members` are the first nodes' addresses by name. Gives the nodes' directories: each goes to its
    machine. Raises `InvalidArgument` if `folder` is not empty or something is named wrongly.
    """
    if not 1 <= len(members) <= MEMBERS_MAX:
        raise InvalidArgument(f"A cluster has 1 to {MEMBERS_MAX} nodes: n1=host:port n2=...")
    for node, address in members.items():
        check_node_id(node)
        check_address(address)
    if len(set(members.values())) < len(members):
        raise InvalidArgument("Two nodes have the same address: give each one of its own.")
    if folder.exists() and any(folder.iterdir()):
        raise InvalidArgument(f"{folder} is not empty: a cluster is made once.")
    cluster = f"{name or 'raftlock'}-{secrets.token_hex(4)}"
    token = secrets.token_urlsafe(TOKEN_BYTES)
    paths = tuple(folder / node for node in members)
    for node, path in zip(members, paths, strict=True):
        addresses = dict(members)
        make_home(path, Plan(FORMAT, cluster, node, [*members], [], addresses, timing), token)
    write_access(open_home(paths[0]), folder)
    return paths


def write_access(home: Home, folder: Path) -> None:
    """Write ``client.json`` and ``admin.json`` for the cluster of that node, with its first token.

    They name the nodes that this one knows; those there are already are replaced.
    """
    cluster, token = home.plan.cluster, home.tokens[0]
    endpoints = [*home.plan.addresses.values()]
    Access(ACCESS_FORMAT, cluster, endpoints, client_token(token)).write(folder / "client.json")
    Access(ACCESS_FORMAT, cluster, endpoints, token).write(folder / "admin.json")

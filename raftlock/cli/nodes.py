"""The commands for whoever runs nodes: init, serve, join, members, transfer, remove."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from raftlock.cli.common import Commands, add_access, print_json, print_table, run
from raftlock.client.access import read_access
from raftlock.client.admin import Members
from raftlock.client.client import AsyncAdmin
from raftlock.errors import InvalidArgument

__all__ = ["add_commands", "members_named"]


def add_commands(commands: Commands) -> None:
    """Say what they are called and take."""
    init = commands.add_parser("init", help="make a new cluster: directories and access files")
    init.add_argument("folder", type=Path, help="where to put them; it must be empty or not there")
    init.add_argument("members", nargs="+", metavar="NAME=HOST:PORT", help="the first nodes")
    init.add_argument("--name", default="", help="how the cluster is called (raftlock)")
    init.set_defaults(do=_init)
    _add_serve(commands)
    _add_revoke(commands)
    access = commands.add_parser("access", help="write client.json and admin.json anew")
    access.add_argument("directory", type=Path, help="of a node, which need not run")
    access.add_argument("folder", type=Path, help="where to put them")
    access.set_defaults(do=_access)
    join = commands.add_parser("join", help="make a new node's directory, and add it")
    join.add_argument("directory", type=Path, help="the node's; it must be empty or not there")
    join.add_argument("member", metavar="NAME=HOST:PORT", help="its name and where it will answer")
    join.add_argument(
        "--prepare", action="store_true", help="only make the directory: serve it, then join again"
    )
    add_access(join, json_too=False)
    join.set_defaults(do=_join)
    members = commands.add_parser("members", help="who belongs to the cluster, and where")
    add_access(members)
    members.set_defaults(do=lambda chosen: run(_members(chosen)))
    transfer = commands.add_parser("transfer", help="hand leadership over")
    transfer.add_argument("node", nargs="?", default="", help="to whom (who has most of the log)")
    add_access(transfer, json_too=False)
    transfer.set_defaults(do=lambda chosen: run(_transfer(chosen)))
    remove = commands.add_parser("remove", help="take a node out of the members")
    remove.add_argument("node")
    add_access(remove, json_too=False)
    remove.set_defaults(do=lambda chosen: run(_remove(chosen)))


def _add_revoke(commands: Commands) -> None:
    revoke = commands.add_parser(
        "revoke",
        help="take a lock from its holder",
        description="Prints a token that is larger than the holder's: show it to whatever the lock "
        "protects, so that the old holder is refused at once.",
    )
    revoke.add_argument("lock")
    revoke.add_argument("--token", type=int, default=0, help="only if it is held with this one")
    add_access(revoke)
    revoke.set_defaults(do=lambda chosen: run(_revoke(chosen)))


def _access(chosen: argparse.Namespace) -> int:
    from raftlock.serve.home import open_home, write_access

    home = open_home(chosen.directory)
    chosen.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_access(home, chosen.folder)
    nodes = ", ".join(sorted(home.plan.addresses))
    print(f"{chosen.folder / 'client.json'} and admin.json: {home.plan.cluster}, {nodes}.")
    return 0


async def _revoke(chosen: argparse.Namespace) -> int:
    async with AsyncAdmin.from_access(chosen.access) as admin:
        token = await admin.revoke(chosen.lock, chosen.token, timeout=chosen.timeout)
    if chosen.json:
        print_json({"lock": chosen.lock, "token": token})
    else:
        print(token)
    return 0


def _add_serve(commands: Commands) -> None:
    serve = commands.add_parser(
        "serve",
        help="run a node",
        description="Run the node whose directory this is, until SIGTERM. Each option may also be "
        "an environment variable (RAFTLOCK_LISTEN ...) or a line of raftlock.toml in there.",
    )
    serve.add_argument("directory", type=Path, help="made by init or join")
    serve.add_argument("--listen", metavar="HOST:PORT", help="if not where others reach it")
    serve.add_argument("--election-timeout-ms", type=int, metavar="MS", help="the shortest (150)")
    serve.add_argument("--heartbeat-ms", type=int, metavar="MS", help="(50)")
    serve.add_argument("--snapshot-entries", type=int, metavar="N", help="between two (10000)")
    serve.add_argument("--snapshot-tail", type=int, metavar="N", help="entries kept before one")
    serve.add_argument("--session-ttl", type=float, metavar="SECONDS", help="of clients (10)")
    serve.add_argument("--log", choices=("debug", "info", "warning", "error"))
    serve.add_argument("--log-format", choices=("plain", "json"))
    serve.add_argument("--tls-cert", metavar="FILE")
    serve.add_argument("--tls-key", metavar="FILE")
    serve.add_argument("--tls-ca", metavar="FILE", help="by which it knows the other nodes")
    serve.add_argument(
        "--plain",
        action="store_true",
        default=None,
        help="serve others than this machine without TLS: only in a network that you trust",
    )
    serve.add_argument(
        "--laboratory",
        action="store_true",
        default=None,
        help="let who has the cluster's token cut its links and kill it, as raftlock kill does",
    )
    serve.add_argument("--parent", action="store_true", default=None, help=argparse.SUPPRESS)
    serve.add_argument("--drain-seconds", type=float, metavar="SECONDS", help="to hand over (5)")
    serve.set_defaults(do=_serve)


def _named(text: str) -> tuple[str, str]:
    name, equals, address = text.partition("=")
    if not equals or not name or not address:
        raise InvalidArgument(f"A node is written NAME=HOST:PORT, not {text[:80]!r}.")
    return name, address


def members_named(texts: Sequence[str]) -> dict[str, str]:
    """Addresses by name, of ``NAME=HOST:PORT`` each."""
    named = [_named(text) for text in texts]
    members = dict(named)
    if len(members) < len(named):
        raise InvalidArgument("Two nodes have the same name: give each one of its own.")
    return members


def _init(chosen: argparse.Namespace) -> int:
    from raftlock.serve.home import make_cluster

    paths = make_cluster(chosen.folder, members_named(chosen.members), name=chosen.name)
    print("A cluster was made. Each of these goes to its machine, and is served there:")
    for path in paths:
        print(f"  raftlock serve {path}")
    print(f"Clients use {chosen.folder / 'client.json'}, administrators admin.json beside it.")
    print("Keep all of them like passwords.")
    return 0


def _serve(chosen: argparse.Namespace) -> int:
    # Only here: clients' commands must not wait until all of a node is loaded.
    from raftlock.serve.service import serve_node
    from raftlock.serve.settings import settings_from

    return serve_node(chosen.directory, settings_from(chosen.directory, vars(chosen)))


def _join(chosen: argparse.Namespace) -> int:
    from raftlock.serve.home import make_joining

    name, address = _named(chosen.member)
    access = read_access(chosen.access)
    if not (chosen.directory / "node.json").exists():
        members = run(_found(chosen))
        make_joining(chosen.directory, name, address, access, members)
        print(f"{chosen.directory} was made. Start the node now: raftlock serve {chosen.directory}")
    if chosen.prepare:
        return 0
    print(f"Waiting until {name} runs and has the log ...", flush=True)
    run(_add(chosen, name))
    print(f"{name} is a member, with a vote.")
    return 0


async def _found(chosen: argparse.Namespace) -> Members:
    async with AsyncAdmin.from_access(chosen.access) as admin:
        return await admin.members(timeout=chosen.timeout)


async def _add(chosen: argparse.Namespace, name: str) -> None:
    async with AsyncAdmin.from_access(chosen.access) as admin:
        await admin.add_node(name, timeout=max(60.0, chosen.timeout))


async def _members(chosen: argparse.Namespace) -> int:
    async with AsyncAdmin.from_access(chosen.access) as admin:
        known = await admin.members(timeout=chosen.timeout)
    members = known.configuration
    rows: list[dict[str, object]] = [
        {
            "node": node,
            "member": "votes" if node in members.voters else "learns",
            "address": known.addresses.get(node, ""),
        }
        for node in members.members
    ]
    if chosen.json:
        print_json(rows)
    else:
        print_table(rows, "There are no members.")
        if members.is_joint or not known.decided:
            print("A change of members is under way.")
    return 0


async def _transfer(chosen: argparse.Namespace) -> int:
    async with AsyncAdmin.from_access(chosen.access) as admin:
        leader = await admin.transfer_leadership(chosen.node, timeout=chosen.timeout)
    print(f"{leader} leads.")
    return 0


async def _remove(chosen: argparse.Namespace) -> int:
    async with AsyncAdmin.from_access(chosen.access) as admin:
        await admin.remove_node(chosen.node, timeout=max(60.0, chosen.timeout))
    print(f"{chosen.node} is no member any more: stop it, and keep or remove its directory.")
    return 0

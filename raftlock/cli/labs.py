"""The commands that break a laboratory on purpose: kill, cut, partition, heal."""

from __future__ import annotations

import argparse

from raftlock.cli.common import Commands, add_access, run
from raftlock.client.access import read_access

__all__ = ["add_commands"]

_ABOUT = "Only nodes that run with raftlock serve --laboratory let this be done to them."


def add_commands(commands: Commands) -> None:
    """Say what they are called and take."""
    kill = commands.add_parser("kill", help="end a laboratory's node at once", description=_ABOUT)
    kill.add_argument("node")
    add_access(kill, json_too=False)
    kill.set_defaults(do=lambda chosen: run(_kill(chosen)))
    cut = commands.add_parser("cut", help="cut the link of two nodes", description=_ABOUT)
    cut.add_argument("a")
    cut.add_argument("b")
    cut.add_argument("--one-way", action="store_true", help="only what A says to B")
    add_access(cut, json_too=False)
    cut.set_defaults(do=lambda chosen: run(_links(chosen)), what="cut")
    partition = commands.add_parser(
        "partition",
        help="split a laboratory: raftlock partition n1,n2 n3,n4,n5",
        description=f"{_ABOUT} Nodes that are not named are one more group.",
    )
    partition.add_argument("groups", nargs="+", metavar="NODE,NODE")
    add_access(partition, json_too=False)
    partition.set_defaults(do=lambda chosen: run(_links(chosen)), what="partition")
    heal = commands.add_parser("heal", help="mend every link", description=_ABOUT)
    add_access(heal, json_too=False)
    heal.set_defaults(do=lambda chosen: run(_links(chosen)), what="heal")


async def _kill(chosen: argparse.Namespace) -> int:
    from raftlock.client.laboratory import AsyncLaboratory

    await AsyncLaboratory(read_access(chosen.access)).kill(chosen.node)
    print(f"{chosen.node} is down: raftlock serve starts it again.")
    return 0


async def _links(chosen: argparse.Namespace) -> int:
    from raftlock.client.laboratory import AsyncLaboratory

    lab = AsyncLaboratory(read_access(chosen.access))
    if chosen.what == "cut":
        missed = await lab.cut(chosen.a, chosen.b, one_way=chosen.one_way)
        done = f"{chosen.a} {'→' if chosen.one_way else '–'} {chosen.b} is cut."
    elif chosen.what == "partition":
        groups = [[name for name in group.split(",") if name] for group in chosen.groups]
        missed = await lab.partition(groups)
        done = f"Split: {' | '.join(chosen.groups)}."
    else:
        missed = await lab.heal()
        done = "All links are whole."
    if missed:
        done += f" Not told, since they cannot be reached: {', '.join(missed)}."
    print(done)
    return 0

"""The `raftlock` command.

::

    raftlock init FOLDER n1=HOST:PORT ...   a new cluster: a directory a node, and access files
    raftlock serve DIRECTORY                run a node
    raftlock join DIRECTORY NAME=HOST:PORT  make the directory of a node that is added, and add it
    raftlock access DIRECTORY FOLDER        the access files anew, from a node's directory
    raftlock members | transfer | remove    who belongs to the cluster, and who leads
    raftlock revoke NAME                    take a lock from its holder
    raftlock backup | restore | inspect     what is kept: in a file, in a new cluster, on a disk

    raftlock acquire NAME -- COMMAND        run a command while the lock is held
    raftlock release | renew                end a hold, or make it last longer, by its token
    raftlock locks | info | watch | status  how locks and nodes stand, and what becomes of them

    raftlock kill | cut | partition | heal  break a laboratory's nodes and links on purpose

    raftlock lab                            open JupyterLab on the first lesson
    raftlock completion bash                what a shell reads to complete all of this

    raftlock explore --seeds 500            run seeds under every check, on all processors
    raftlock replay FILE                    do a run again, or tell a saved trace, in sentences
    raftlock mutants                        break each rule, and see that the checks notice
    raftlock scenario FILE ...              do a scenario, and compare what is told with its text

Exit codes: 0 done, 1 something was found or refused, 2 a mistake in what was asked, 69 no node
could be reached in time, 74 a disk has failed, 75 the lock was held by somebody else, 76 it was
lost while the command ran; `acquire` gives the command's own otherwise.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from raftlock.cli.common import EXIT_MISTAKE, exit_code_of
from raftlock.errors import RaftLockError

__all__ = ["main"]

RUNS = ("explore", "replay", "mutants", "scenario")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and give the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    # What comes after -- is another program's: none of it is an option of ours.
    end = given.index("--") if "--" in given else len(given)
    chosen = _parser(given[0] if given else "").parse_args(given[:end])
    chosen.argv = given[end + 1 :]
    if chosen.argv and chosen.command != "acquire":
        print(f"raftlock: {chosen.command} runs no command: leave out --", file=sys.stderr)
        return EXIT_MISTAKE
    do: Callable[[argparse.Namespace], int] = chosen.do
    try:
        return do(chosen)
    except RaftLockError as error:
        print(f"raftlock: {error}", file=sys.stderr)
        return exit_code_of(error)
    except OSError as error:
        print(f"raftlock: {error}", file=sys.stderr)
        return EXIT_MISTAKE
    except KeyboardInterrupt:
        return 130


def _parser(first: str) -> argparse.ArgumentParser:
    """The parser; of commands that take a while to load, only if they are wanted."""
    parser = argparse.ArgumentParser(
        prog="raftlock",
        description="A Raft lock service to run, and to learn from.",
        epilog="raftlock COMMAND --help tells what each takes.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    if first not in RUNS:
        from raftlock.cli import disks, labs, locks, nodes, shells

        nodes.add_commands(commands)
        disks.add_commands(commands)
        locks.add_commands(commands)
        labs.add_commands(commands)
        shells.add_commands(commands, lambda: _parser(""))
    if first in RUNS or first in ("", "-h", "--help"):
        from raftlock.cli import runs

        runs.add_commands(commands)
    return parser

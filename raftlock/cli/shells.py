"""The commands around the others: lab, completion."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path

from raftlock.cli.common import Commands
from raftlock.errors import InvalidArgument, PanelsNotInstalled

__all__ = ["add_commands", "options_of"]

LESSON = "01-a-cluster-in-one-cell.ipynb"

BASH = """\
# raftlock: put this into a file that bash reads, as: raftlock completion bash > ~/.raftlock.bash
_raftlock() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" command="${{COMP_WORDS[1]}}"
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{commands}" -- "$word"))
        return
    fi
    case "$command" in
{cases}
    esac
    if [ "${{#COMPREPLY[@]}}" -eq 0 ]; then
        COMPREPLY=($(compgen -f -- "$word"))
    fi
}}
complete -o filenames -F _raftlock raftlock
"""

CASE = """\
        {command}) COMPREPLY=($(compgen -W "{options}" -- "$word")) ;;"""


def add_commands(commands: Commands, whole: Callable[[], argparse.ArgumentParser]) -> None:
    """Say what they are called and take; `whole` makes the parser of all commands."""
    lab = commands.add_parser("lab", help="open JupyterLab on the first lesson")
    lab.add_argument("folder", nargs="?", type=Path, default=Path(), help="with the notebooks (.)")
    lab.set_defaults(do=_lab)
    completion = commands.add_parser("completion", help="what a shell reads to complete all this")
    completion.add_argument("shell", choices=("bash", "zsh"))
    completion.set_defaults(do=lambda chosen: _completion(chosen, whole()))


def _lab(chosen: argparse.Namespace) -> int:
    if importlib.util.find_spec("jupyterlab") is None:
        raise PanelsNotInstalled("JupyterLab is not there: pip install 'raftlock[notebook]'.")
    folder: Path = chosen.folder.resolve()
    found = next(
        (path for path in folder.rglob(LESSON) if ".ipynb_checkpoints" not in path.parts), None
    )
    if not folder.is_dir():
        raise InvalidArgument(f"{folder} is no folder: name the one with the notebooks.")
    tree = f"/lab/tree/{found.relative_to(folder)}" if found is not None else "/lab"
    options = [f"--ServerApp.root_dir={folder}", f"--LabApp.default_url={tree}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", *options])  # noqa: S606


def _completion(chosen: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    known = options_of(parser)
    cases = (CASE.format(command=name, options=" ".join(each)) for name, each in known.items())
    text = BASH.format(commands=" ".join(known), cases="\n".join(cases))
    if chosen.shell == "zsh":
        text = "autoload -U +X bashcompinit && bashcompinit\n" + text
    print(text, end="")
    return 0


def options_of(parser: argparse.ArgumentParser) -> dict[str, list[str]]:
    """Each command and its options."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to ask
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            return {
                name: sorted(option for option in command._option_string_actions if len(option) > 2)  # noqa: SLF001
                for name, command in action.choices.items()
            }
    return {}

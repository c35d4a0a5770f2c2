"""Scenarios: small texts that say what is done to a cluster, and what then is told.

::

    # The leader dies, and another takes its place.
    nodes 3
    seed 5

    > wait for leader
      0.121  n2 heard from no leader, so it stands for election in term 1.
    > kill leader
    > run 2

Lines with ``>`` are commands; what is indented below one is what the cluster tells while it is
done. Lines with ``#`` are for the reader. `rewrite` gives the text with what is really told; a
scenario holds if that is the text itself.

Settings, before the first command: ``nodes N``, ``seed N``, ``timing lan`` (or ``lesson``),
``snapshots N`` (take one every N entries), ``tail N`` (so many entries stay before one),
``batch N`` (a message holds so many entries), ``ageing yes`` (waiting counts),
``rules NAME`` (a rule broken on purpose, see ``raftlock mutants``; the text must then come to what
it breaks, in a line that begins with ``!``).

Commands (``stage`` does them):

- time: ``run SECONDS``, ``step [N]``, ``back [N]``, ``wait for leader``;
- nodes: ``kill NODE [torn]``, ``restart NODE``, ``freeze NODE``, ``thaw NODE`` (or a client's
  name), ``crash NODE POINT [torn]`` (at its next write: ``before``, ``written``, ``synced``,
  ``sent``; ``torn``: the first record that was not synced is on the disk in part);
- machines: ``disk NODE FAULT`` (``fail_write``, ``fail_sync``, ``full``, ``flip``, ``well``),
  ``clock NODE +SECONDS`` (it jumps ahead), ``drift NODE PERCENT`` (it runs too fast, or too slow),
  ``fire NODE`` (it jumps to where the node's election timer runs out);
- members: ``transfer [NODE]`` (the leader hands its office over), ``add NODE``, ``remove NODE``,
  ``wipe NODE [as voter]`` (its disk is lost);
- links: ``cut A B``, ``cut A -> B``, ``restore A B``, ``restore A -> B``,
  ``partition A B | C D E``, ``heal``, ``drop A B [COUNT]``, ``duplicate A B``,
  ``hold A B SECONDS``;
- clients: ``CLIENT acquire LOCK``, ``wait``, ``release``, ``renew``, ``cancel``, ``look`` and
  ``write`` likewise, with ``[ttl=10] [wait=60] [priority=0] [work=0]``; with ``&`` at the end
  nobody waits for the answer;
- looking: ``status``, ``members``, ``locks``, ``check`` (what is broken so far);
- words: ``note TEXT`` (for whoever watches), ``expect WHAT``, a mistake if it is not so:
  ``leader``, ``no leader``, ``NODE leads``, ``term N``, ``term above N``, ``LOCK free``,
  ``LOCK held by CLIENT``, ``CLIENT waits``, ``CLIENT holds LOCK``.

With ``with`` or ``without`` before it a command is for runs with all rules, or with one left out.
With ``quietly`` before it a command is done and not told about.

``leader`` stands for the present leader; ``follower``, ``down`` and ``frozen`` for the first node
that is up and does not lead, is down, or stands still.
"""

from __future__ import annotations

import re

from raftlock.errors import InvalidArgument
from raftlock.sim.stage import SETTINGS, Stage

__all__ = ["rewrite", "rewrite_page"]

_IN_A_PAGE = re.compile(r"(^```text\n)(.*?)(^```$)", re.MULTILINE | re.DOTALL)


def rewrite(text: str) -> str:
    """The scenario with what is really told; a mistake raises `InvalidArgument` with its line."""
    written: list[str] = []
    settings: dict[str, str] = {}
    stage: Stage | None = None
    last = 0
    for number, line in enumerate(text.splitlines(), 1):
        try:
            if line.startswith(">"):
                stage = stage or Stage(settings)
                written.append(line.rstrip())
                written += _indented(stage.do(line[1:].strip()))
                last = len(written)
            elif not line.startswith("  "):  # else it is what was told the last time
                if line.strip() and not line.startswith("#"):
                    _set(settings, line, too_late=stage is not None)
                written.append(line.rstrip())
        except InvalidArgument as error:
            raise InvalidArgument(f"Line {number}: {error.message}") from None
    if stage is not None:
        written[last:last] = _indented(stage.finish())
    return "\n".join(written) + "\n"


def rewrite_page(page: str) -> str:
    """A page in Markdown with every scenario in it (between ```text and ```) as it is told."""
    return _IN_A_PAGE.sub(lambda found: found[1] + rewrite(found[2]) + found[3], page)


def _set(settings: dict[str, str], line: str, *, too_late: bool) -> None:
    word, _, value = line.partition(" ")
    if word not in SETTINGS:
        raise InvalidArgument(
            f"This is no command (>), no remark (#) and none of the settings {', '.join(SETTINGS)}."
        )
    if too_late:
        raise InvalidArgument("A setting stands before the first command.")
    settings[word] = value.strip()


def _indented(told: list[str]) -> list[str]:
    return [f"  {line}" for line in told]

"""Cuts the power at every operation of a file storage, in every way, and looks what is left.

    .venv/bin/python tools/crash_points.py [--stories N]

A story of writes runs over a directory in memory that loses its power before each operation in
turn; what had not been synced is lost in eight ways, with and without the names of the files. After
each the storage must give all that was acknowledged, and at most a first part of what was under
way. Then the same with a second crash right after the first start.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.storage.disk import HOWS, PowerCut  # noqa: E402
from tests.storage.test_file import allowed, crashes, file_storage, run, story  # noqa: E402

AGAIN = 4
"""After how many operations of its first start a storage loses its power again, at most."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stories", type=int, default=6, help="how many drawn stories (6)")
    stories = parser.parse_args().stories
    loads = broken = 0
    for seed in range(stories):
        batches = story(steps=24, seed=seed)
        for acknowledged, disk in crashes(batches, every=1):
            rest = batches[acknowledged:]
            may_be = allowed(batches, acknowledged)
            for cut in range(1, AGAIN):
                again = disk.crashed("everything", names="all")
                again.cut_after = cut
                done = run(again, rest)
                for how in HOWS[::3]:
                    loads += 1
                    found = file_storage(again.crashed(how, names="durable")).load()
                    broken += found not in [*may_be, *allowed(batches, acknowledged + done)]
            loads += 1
            broken += file_storage(disk).load() not in may_be
        print(f"story {seed + 1} of {stories}: {loads:,} reloads, {broken} broke their word")
    return 1 if broken else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PowerCut:
        sys.exit("a power cut that nobody caught: this tool has a bug")

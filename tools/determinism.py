"""Whether seeds give the same traces, byte for byte, in two processes with other orders of hashes.

``python tools/determinism.py --seeds 200``; with ``--python OTHER``, whether another Python comes
to the same. It must have pydantic, websockets and tqdm.
"""

import argparse
import os
import subprocess
import sys
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

HASH_SEEDS = ("1", "4242")


def main() -> int:
    """Compare; the exit code is 1 if a seed came out differently."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--python", default=sys.executable, help="the second process's")
    parser.add_argument("--digests", action="store_true", help="print each seed's, and no more")
    chosen = parser.parse_args()
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    if chosen.digests:
        for seed in seeds:
            print(digest(seed), flush=True)
        return 0
    asked = ["--seeds", str(chosen.seeds), "--first", str(chosen.first), "--digests"]
    one, other = (
        begin([python, __file__, *asked], hash_seed)
        for python, hash_seed in zip((sys.executable, chosen.python), HASH_SEEDS, strict=True)
    )
    mine, theirs = one.communicate()[0].splitlines(), other.communicate()[0].splitlines()
    different = [pair for pair in zip_longest(mine, theirs, fillvalue="none") if pair[0] != pair[1]]
    for pair in different[:10]:
        print("here: {}, there: {}".format(*pair))
    if different or len(mine) != chosen.seeds:
        print(f"{len(different) or 'Some'} of {chosen.seeds} seeds came out differently.")
        return 1
    print(f"{chosen.seeds} seeds, two processes, two orders of hashes: the same traces.")
    return 0


def begin(command: list[str], hash_seed: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def digest(seed: int) -> str:
    """A seed's trace in one line: its number, its length, its SHA-256."""
    from raftlock.sim.run import explore_seed, plan_of

    lines = explore_seed(plan_of(seed)).recorder.to_lines()
    whole = "\n".join(lines).encode()
    return f"{seed} {len(lines)} {sha256(whole).hexdigest()}"


if __name__ == "__main__":
    raise SystemExit(main())

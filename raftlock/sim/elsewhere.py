"""A campaign on a dask cluster: the same seeds, on as many machines as its workers have.

The scheduler, the workers and their life are dask's. What is added here is that a worker with
another source than ours is found out: its verdicts would be those of another program.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from functools import cache
from hashlib import sha256
from pathlib import Path

from raftlock.errors import InvalidArgument
from raftlock.sim.explore import CHUNK, Look, look

__all__ = ["explore_elsewhere", "source"]

_TIMEOUT = "10s"


@cache
def source() -> str:
    """A fingerprint of the program as this process has it: of its files, its version among them."""
    home = Path(__file__).parent.parent
    total = sha256()
    for path in sorted(home.rglob("*.py")):
        total.update(path.relative_to(home).as_posix().encode())
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


def explore_elsewhere(
    address: str, seeds: Iterable[int], *, nodes: int | None = None, mutant: str = ""
) -> Generator[Look, None, None]:
    """Run the seeds on the cluster whose scheduler is at `address`; each is handed out when done.

    They come in no particular order. Raises `InvalidArgument` if dask is not installed, if nobody
    answers there, or if a worker has another source.
    """
    try:
        from distributed import Client, as_completed
    except ImportError:
        text = "A campaign on a dask cluster needs dask: pip install 'raftlock[dask]'"
        raise InvalidArgument(text) from None
    try:
        client = Client(address, timeout=_TIMEOUT)
    except (OSError, ValueError) as error:
        text = f"No dask scheduler answers at {address}: {error}."
        raise InvalidArgument(text) from None
    with client:
        left = list(seeds)
        chunks = [left[place : place + CHUNK] for place in range(0, len(left), CHUNK)]
        # Not pure: whoever asks again wants it done again, maybe after a worker was renewed.
        futures = client.map(_looks, chunks, nodes=nodes, mutant=mutant, pure=False)
        for future in as_completed(futures, loop=client.loop):
            try:
                there, looks = future.result()
            except Exception as error:
                kind, text = type(error).__name__, f"{error}"[:200]
                sentence = f"A worker could not run its seeds. {kind}: {text}."
                raise InvalidArgument(sentence) from error
            if there != source():
                text = f"A worker has another source of raftlock ({there}, and here {source()})"
                raise InvalidArgument(f"{text}: install the same everywhere.")
            future.release()
            yield from looks


def _looks(seeds: list[int], nodes: int | None, mutant: str) -> tuple[str, list[Look]]:
    """What a worker does for a chunk of seeds."""
    return source(), [look(seed, nodes, mutant) for seed in seeds]

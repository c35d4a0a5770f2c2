"""How many locks a second a served cluster gives, and how long one takes.

    .venv/bin/python tools/benchmark_service.py [--seconds 5] [--clients 1 8 32]

Three nodes as processes on this machine, with their files; each client acquires and releases a lock
of its own, again and again. Beside it, in the same run, what the disk does alone: one small write
made durable after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.serve.processes import Nodes  # noqa: E402


async def use(nodes: Nodes, number: int, until: float) -> list[float]:
    """One client's pairs of acquire and release: how long each call took, in milliseconds."""
    took: list[float] = []
    async with nodes.client(f"client-{number}") as client:
        await client.acquire(f"lock-{number}", ttl=60)
        await client.release(f"lock-{number}")
        while time.monotonic() < until:
            for call in (client.acquire, client.release):
                began = time.monotonic()
                await call(f"lock-{number}")
                took.append(1000 * (time.monotonic() - began))
    return took


def disk_alone(folder: Path, seconds: float) -> float:
    """How many small writes a second the disk makes durable, one after the other."""
    handle = os.open(folder / "probe", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        os.write(handle, b"x" * 200)
        os.fdatasync(handle)
        count += 1
    os.close(handle)
    return count / seconds


async def measure(seconds: float, counts: list[int], folder: Path) -> None:
    print(f"the disk alone: {disk_alone(folder, 1.0):,.0f} durable writes a second")
    nodes = Nodes(folder, 3, "--log", "warning")
    nodes.start()
    try:
        await nodes.leader()
        for count in counts:
            end = time.monotonic() + seconds
            found = await asyncio.gather(*(use(nodes, number, end) for number in range(count)))
            took = sorted(chain.from_iterable(found))
            print(
                f"{count:3} clients: {len(took) / seconds:6,.0f} calls a second, "
                f"median {statistics.median(took):5.1f} ms, "
                f"99th of a hundred {took[len(took) * 99 // 100]:6.1f} ms"
            )
    finally:
        nodes.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="raftlock-bench-") as folder:
        asyncio.run(measure(chosen.seconds, chosen.clients, Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

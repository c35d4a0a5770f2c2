"""Run until something happens: the next mark of a kind on the track, and stand still there.

A simulation goes as fast as it can; a live cluster goes on at its own pace and is paused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from raftlock.arguments import text
from raftlock.errors import InvalidArgument, RaftLockError, Timeout
from raftlock.trace.recorder import Recorder
from raftlock.types import TraceEvent
from raftlock_widgets.cluster import Showable
from raftlock_widgets.marks import KINDS, Mark, marks_since
from raftlock_widgets.playback import Playback

__all__ = ["run_until"]

RUN_SECONDS_MAX = 60
"""How long is waited for it, in seconds of run time."""

SLICE = 40
"""How many events a simulation goes on before others have their turn."""


async def run_until(cluster: Showable, given: Mapping[str, Any]) -> str:
    """Go on until there is a mark of the kind that is `given`; tells its words.

    Raises `Timeout` if none came in time, and `InvalidArgument` if there is no such kind, or if
    somebody paused it meanwhile.
    """
    kind = text(given, "kind")
    if kind not in KINDS:
        raise InvalidArgument(f"There are no marks of kind {kind[:20]!r}: {', '.join(KINDS)}.")
    if isinstance(cluster, Playback):
        return await _hurry(cluster, kind)
    return await _watch(cluster, kind)


def _late(kind: str) -> Timeout:
    return Timeout(f"There was no {kind} within {RUN_SECONDS_MAX} s of the cluster's time.")


def _found(recorder: Recorder, kind: str, seen: int) -> Mark | None:
    return next(iter(marks_since(recorder, kind, seen)), None)


async def _hurry(playback: Playback, kind: str) -> str:
    recorder = playback.recorder
    seen, end = recorder.last_seq, recorder.now() + RUN_SECONDS_MAX * 1_000_000
    playback.hurrying = playback.playing = True
    try:
        while playback.recorder is recorder:
            with playback.still() as still:
                for _ in range(SLICE if still else 0):
                    playback.shown.step()
                    found = _found(recorder, kind, seen)
                    if found is not None:
                        return found.text
                    if recorder.now() > end:
                        raise _late(kind)
            await asyncio.sleep(0)
            if not playback.playing:
                break
    except AssertionError as error:
        # A rule that is left out can end in the program's own assertion.
        raise RaftLockError(f"The simulation cannot go on: {error}") from error
    finally:
        playback.hurrying = playback.playing = False
    raise InvalidArgument(f"Stopped before there was any {kind}.")


async def _watch(cluster: Showable, kind: str) -> str:
    recorder = cluster.recorder
    seen, end = recorder.last_seq, recorder.now() + RUN_SECONDS_MAX * 1_000_000
    done: asyncio.Future[Callable[[], str]] = asyncio.get_running_loop().create_future()

    def look(event: TraceEvent) -> None:
        if done.done():
            return
        if event.kind == "fault" and event.data.get("what") == "pause":
            done.set_result(lambda: _stopped(kind))
        elif event.t > end:
            done.set_result(lambda: _too_late(kind))
        elif (found := _found(recorder, kind, seen)) is not None:
            words = found.text
            done.set_result(lambda: words)
        else:
            return
        if event.kind != "fault" or event.data.get("what") != "pause":
            pausing.append(asyncio.ensure_future(cluster.do("pause")))

    pausing: list[asyncio.Future[str | None]] = []
    unsubscribe = recorder.subscribe(look)
    try:
        await cluster.do("resume")
        told = await done
    finally:
        unsubscribe()
        await asyncio.gather(*pausing)
    return told()


def _stopped(kind: str) -> str:
    raise InvalidArgument(f"Stopped before there was any {kind}.")


def _too_late(kind: str) -> str:
    raise _late(kind)

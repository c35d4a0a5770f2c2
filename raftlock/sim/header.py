"""What a simulated trace begins with: enough to run it again, and which rules were broken."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import fields
from zlib import crc32

from raftlock.lock.rules import AgeingRules
from raftlock.sim.world import WorldSettings
from raftlock.types.events import Json

__all__ = ["header_of", "rules_hash"]

_TOLD_IF_OTHER = (
    "snapshot_entries",
    "snapshot_tail",
    "snapshot_chunk_bytes",
    "lease_reads",
    "session_ttl_ms",
)
"""Settings that the header tells only where they are not the usual ones."""


def header_of(settings: WorldSettings, name: str, left_out: Iterable[str] = ()) -> dict[str, Json]:
    """The header of a run of these settings. `left_out` names those that somebody left out to see
    what comes of it; a run that was drawn may have the same ones, and is no worse for that.
    """
    timing, weather = settings.timing, settings.weather
    header: dict[str, Json] = {
        "runtime": "sim",
        "name": name,
        "nodes": list(settings.nodes),
        "seed": settings.seed,
        "timing": timing.name,
        "timings": {
            "election_ms": [timing.election_timeout_ms_min, timing.election_timeout_ms_max],
            "heartbeat_ms": timing.heartbeat_ms,
            "delay_ms": timing.link_delay_us // 1_000,
        },
        "modified": settings.rules.modified,
        "batch": settings.batch,
        "rates_ppm": list(settings.rates_ppm),
        "weather": {
            "loss_ppm": weather.loss_ppm,
            "duplicate_ppm": weather.duplicate_ppm,
            "mean_delay_us": weather.delay_us,
            "stale_ppm": weather.stale_ppm,
            "stale_us": weather.stale_us,
        },
    }
    usual = {each.name: each.default for each in fields(WorldSettings)}
    for told in _TOLD_IF_OTHER:
        if getattr(settings, told) != usual[told]:
            header[told] = getattr(settings, told)
    named: list[Json] = [*left_out]
    if named:
        header["left_out"] = named
    if isinstance(settings.rules.lock, AgeingRules):
        header["ageing"] = True
    if settings.rules.modified:
        header["rules_hash"] = rules_hash(settings)
    return header


def rules_hash(settings: WorldSettings) -> str:
    """Eight digits over the source of the rules that are not the correct ones."""
    texts = []
    for used in settings.rules.all:
        try:
            texts.append(inspect.getsource(type(used)))
        except (OSError, TypeError):
            texts.append(type(used).__qualname__)
    joined = "\n".join(texts)
    return f"{crc32(joined.encode()):08x}"

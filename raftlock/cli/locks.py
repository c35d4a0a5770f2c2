"""The commands for whoever uses locks: acquire, release, renew, locks, info, status."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace

from raftlock.cli.common import (
    EXIT_LOST,
    EXIT_UNREACHABLE,
    Commands,
    add_access,
    print_json,
    print_table,
    printable,
    run,
)
from raftlock.client.access import Access, read_access
from raftlock.client.client import AsyncLockClient
from raftlock.client.handle import LockHandle
from raftlock.errors import InvalidArgument, LockLost, PermissionDenied, RaftLockError
from raftlock.transport.original import to_original
from raftlock.transport.values import encode
from raftlock.types.commands import LockInfo
from raftlock.types.roles import NodeRole
from raftlock.types.status import RaftStatus

__all__ = ["add_commands"]

KILL_SECONDS = 10.0
STATUS_SECONDS = 2.0
EXIT_NOT_FOUND = 127
EXIT_NOT_EXECUTABLE = 126


def add_commands(commands: Commands) -> None:
    """Say what they are called and take."""
    _add_acquire(commands)
    release = commands.add_parser("release", help="end a hold, by its token")
    renew = commands.add_parser("renew", help="make a hold last longer, by its token")
    for command, do in ((release, _release), (renew, _renew)):
        command.add_argument("lock")
        command.add_argument("--client-id", required=True, help="who holds it")
        command.add_argument("--token", type=int, required=True, help="of the hold")
        add_access(command)
        command.set_defaults(do=lambda chosen, do=do: run(do(chosen)))
    renew.add_argument("--ttl", type=float, default=10.0, help="seconds from now (10)")
    locks = commands.add_parser("locks", help="the locks that are held or waited for")
    locks.add_argument("pattern", nargs="?", default="", help="of their names, as jobs/*")
    locks.add_argument("--owner", default="", metavar="PATTERN")
    locks.add_argument("--contested", action="store_true", default=None, help="waited for")
    locks.add_argument("--expires-within", type=float, metavar="SECONDS")
    locks.add_argument("--limit", type=int, default=100, help="at most so many (100)")
    locks.add_argument("--offset", type=int, default=0)
    info = commands.add_parser("info", help="how one lock stands")
    info.add_argument("lock")
    for command, do in ((locks, _locks), (info, _info)):
        command.add_argument(
            "--stale", action="store_true", help="from any node, at once, maybe out of date"
        )
        add_access(command)
        command.set_defaults(do=lambda chosen, do=do: run(do(chosen)))
    watch = commands.add_parser("watch", help="what becomes of locks, line by line")
    watch.add_argument("pattern", nargs="?", default="", help="of their names, as jobs/*")
    watch.add_argument("--after", type=int, metavar="INDEX", help="from what came after it on")
    add_access(watch)
    watch.set_defaults(do=lambda chosen: run(_watch(chosen)))
    status = commands.add_parser("status", help="how the nodes stand")
    status.add_argument("--watch", action="store_true", help="again every second, until Ctrl-C")
    add_access(status)
    status.set_defaults(do=lambda chosen: run(_status(chosen)))


def _add_acquire(commands: Commands) -> None:
    acquire = commands.add_parser(
        "acquire",
        help="run a command while a lock is held",
        description="Acquire the lock, run the command, renew while it runs, and release. Without "
        "a command the lock stays held for its TTL, and its token is printed. The command finds "
        "RAFTLOCK_LOCK, RAFTLOCK_TOKEN, RAFTLOCK_SLOT (with --permits) and RAFTLOCK_CLIENT_ID in "
        "its environment: hand the token to whatever the lock protects.",
        usage="raftlock acquire [options] LOCK [-- COMMAND ...]",
    )
    acquire.add_argument("lock")
    acquire.add_argument("--ttl", type=float, default=10.0, help="seconds (10)")
    acquire.add_argument(
        "--wait", type=float, default=0.0, metavar="SECONDS", help="in the queue (0: do not wait)"
    )
    acquire.add_argument("--priority", type=int, default=0, help="-1000 to 1000; higher goes first")
    terms = acquire.add_mutually_exclusive_group()
    terms.add_argument(
        "--shared", action="store_true", help="with all others who share it, as a read lock"
    )
    terms.add_argument(
        "--permits", type=int, default=0, metavar="N", help="one of N at once, as a semaphore"
    )
    acquire.add_argument("--client-id", help="under which name (a fresh one)")
    acquire.add_argument("--meta", action="append", default=[], metavar="KEY=VALUE")
    acquire.add_argument(
        "--on-lost",
        choices=("kill", "wait", "ignore"),
        default="kill",
        help="if the lock is lost while the command runs: stop it (SIGTERM, then SIGKILL), let it "
        "end and exit with 76, or take no notice",
    )
    add_access(acquire)
    acquire.set_defaults(do=lambda chosen: run(_acquire(chosen)))


# ---- acquire ----


async def _acquire(chosen: argparse.Namespace) -> int:
    argv: list[str] = chosen.argv
    metadata = dict(_pair(text) for text in chosen.meta)
    async with AsyncLockClient.from_access(chosen.access, client_id=chosen.client_id) as client:
        waits = {"wait": True, "wait_timeout": chosen.wait} if chosen.wait else {}
        waits |= {"shared": chosen.shared, "permits": chosen.permits}
        if not argv:
            timeout = chosen.timeout + chosen.wait
            held = await client.acquire(
                chosen.lock,
                chosen.ttl,
                priority=chosen.priority,
                metadata=metadata,
                timeout=timeout,
                **waits,
            )
            told = {"lock": held.lock_id, "client_id": held.client_id, "token": held.token}
            if chosen.json:
                slot = {"slot": held.slot} if held.slot else {}
                print_json({**told, **slot, "remaining": held.remaining})
            else:
                print(held.token)
            return 0
        handle = client.lock(
            chosen.lock, chosen.ttl, priority=chosen.priority, metadata=metadata, **waits
        )
        code = 0
        try:
            async with handle:
                code = await _while_held(handle, client.client_id, argv, chosen.on_lost)
        except LockLost as error:
            print(f"raftlock: {error}", file=sys.stderr)
            return code if chosen.on_lost == "ignore" else EXIT_LOST
        except RaftLockError as error:
            if not handle.was_entered:
                raise
            # The command ran under the lock to its end; only giving the lock back failed.
            print(f"raftlock: not released, so it ends by its TTL: {error}", file=sys.stderr)
        return code


async def _while_held(handle: LockHandle, client_id: str, argv: Sequence[str], on_lost: str) -> int:
    """Run the command to its end; its exit status, 128 and more if a signal ended it."""
    told = {"LOCK": handle.lock_id, "TOKEN": str(handle.token), "CLIENT_ID": client_id}
    if handle.slot:
        told["SLOT"] = str(handle.slot)
    environment = {**os.environ, **{f"RAFTLOCK_{name}": value for name, value in told.items()}}
    try:
        process = await asyncio.create_subprocess_exec(*argv, env=environment)
    except FileNotFoundError:
        print(f"raftlock: there is no command {argv[0]!r}", file=sys.stderr)
        return EXIT_NOT_FOUND
    except OSError as error:
        print(f"raftlock: {argv[0]!r} cannot be run: {error.strerror}", file=sys.stderr)
        return EXIT_NOT_EXECUTABLE
    loop = asyncio.get_running_loop()
    # Who stops this program means the command: it ends first, and the lock is given back.
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _send, process, number)
    ended = asyncio.create_task(process.wait())
    lost = asyncio.create_task(handle.lost.wait())
    try:
        await asyncio.wait((ended, lost), return_when=asyncio.FIRST_COMPLETED)
        if not ended.done() and on_lost == "kill":
            print(f"raftlock: {handle.lock_id} was lost: stopping the command", file=sys.stderr)
            _send(process, signal.SIGTERM)
            try:
                await asyncio.wait_for(asyncio.shield(ended), KILL_SECONDS)
            except TimeoutError:
                _send(process, signal.SIGKILL)
        code = await ended
    finally:
        lost.cancel()
    return code if code >= 0 else 128 - code


def _send(process: asyncio.subprocess.Process, number: int) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(number)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidArgument(f"Metadata is written KEY=VALUE, not {text[:80]!r}.")
    return name, value


# ---- release, renew ----


async def _release(chosen: argparse.Namespace) -> int:
    async with AsyncLockClient.from_access(chosen.access, client_id=chosen.client_id) as client:
        await client.release(chosen.lock, token=chosen.token, timeout=chosen.timeout)
    if chosen.json:
        print_json({"lock": chosen.lock, "released": True})
    return 0


async def _renew(chosen: argparse.Namespace) -> int:
    async with AsyncLockClient.from_access(chosen.access, client_id=chosen.client_id) as client:
        held = await client.renew(
            chosen.lock, chosen.ttl, token=chosen.token, timeout=chosen.timeout
        )
        if chosen.json:
            told = {"lock": held.lock_id, "token": held.token, "remaining": held.remaining}
            print_json(told)
    return 0


# ---- looking ----


async def _locks(chosen: argparse.Namespace) -> int:
    async with AsyncLockClient.from_access(chosen.access) as client:
        page = await client.get_locks(
            chosen.pattern,
            owner_id=chosen.owner,
            contested=chosen.contested,
            expires_within=chosen.expires_within,
            limit=chosen.limit,
            offset=chosen.offset,
            stale=chosen.stale,
            timeout=chosen.timeout,
        )
    if chosen.json:
        told = [to_original(info) for info in page.locks]
        print_json({"locks": told, "total": page.total, "has_more": page.has_more})
        return 0
    rows: list[dict[str, object]] = [
        {
            "lock": info.lock_id,
            "owner": _owner(info),
            "token": info.version or "-",
            "left": f"{info.remaining / 1000:.1f} s" if info.owner_id else "-",
            "waiting": info.waiter_count,
        }
        for info in page.locks
    ]
    print_table(rows, "No lock is held or waited for, as far as was asked.")
    if page.has_more:
        print(f"{page.total} in all: --offset {page.next_offset} shows the next.")
    return 0


def _owner(info: LockInfo) -> str:
    more = info.holder_count - 1
    return f"{info.owner_id} and {more} more" if more > 0 else info.owner_id or "-"


async def _info(chosen: argparse.Namespace) -> int:
    async with AsyncLockClient.from_access(chosen.access) as client:
        info = await client.get_lock_info(chosen.lock, stale=chosen.stale, timeout=chosen.timeout)
    if chosen.json:
        print_json(to_original(info))
        return 0
    if info.holders:
        how = f"by {info.holder_count} of {info.permits} permits" if info.permits else "shared"
        print(f"It is held {how}:")
        for each in info.holders:
            permit = f"permit {each.slot}, " if each.slot else ""
            left = f"{each.remaining / 1000:.1f} s"
            print(f"  {each.client_id}, {permit}token {each.version}, for {left} unless renewed")
        if info.holder_count > len(info.holders):
            print(f"  ... {info.holder_count} in all")
    elif info.owner_id:
        left = f"{info.remaining / 1000:.1f} s"
        print(f"{info.owner_id} holds it with token {info.version}, for {left} unless renewed.")
        for name, value in sorted(info.metadata.items()):
            print(f"  {name}={value}")
    else:
        print("Nobody holds it.")
    for waiter in info.waiters_info:
        what = " to share it" if waiter.shared else " for a permit" if waiter.permits else ""
        told = f"{waiter.client_id} waits{what}, priority {waiter.priority}"
        print(f"  {waiter.position + 1}. {told}")
    if info.waiter_count > len(info.waiters_info):
        print(f"  ... {info.waiter_count} wait in all")
    return 0


async def _watch(chosen: argparse.Namespace) -> int:
    async with AsyncLockClient.from_access(chosen.access) as client:
        async for event in client.watch(chosen.pattern, after=chosen.after):
            if chosen.json:
                line = json.dumps(asdict(event), ensure_ascii=False)
            else:
                now = f"{event.owner_id} with token {event.token}" if event.owner_id else "free"
                now += f" and {len(event.others)} more" if event.others else ""
                waiting = f", {event.waiting} waiting" if event.waiting else ""
                why = ", ".join(event.why)
                line = printable(f"{event.index}  {event.lock_id}: {why}; {now}{waiting}")
            print(line, flush=True)
    return 0


async def _status(chosen: argparse.Namespace) -> int:
    access = read_access(chosen.access)
    while True:
        asked = (_status_of(access, endpoint, chosen.timeout) for endpoint in access.endpoints)
        found = dict(zip(access.endpoints, await asyncio.gather(*asked), strict=True))
        if chosen.json:
            print_json({at: encode(one) if one else None for at, one in found.items()})
        else:
            if chosen.watch and sys.stdout.isatty():
                sys.stdout.write("\x1b[2J\x1b[H")
            _tell_status(found)
        if not chosen.watch:
            return 0 if any(found.values()) else EXIT_UNREACHABLE
        await asyncio.sleep(1.0)


async def _status_of(access: Access, endpoint: str, timeout: float) -> RaftStatus | None:
    """How the node there stands; ``None`` if it does not answer."""
    async with AsyncLockClient.from_access(replace(access, endpoints=[endpoint])) as client:
        try:
            return await client.status(timeout=min(timeout, STATUS_SECONDS))
        except PermissionDenied:
            raise
        except RaftLockError:
            return None


def _tell_status(found: Mapping[str, RaftStatus | None]) -> None:
    print_table([_row(at, one) for at, one in found.items()], "There are no nodes.")
    known = [one for one in found.values() if one is not None]
    leaders = [one for one in known if one.role is NodeRole.LEADER]
    if not leaders:
        print("Nobody leads: no lock can be granted or given back now.")
    for one in leaders[-1:] or known[:1]:
        if one.locks is not None:
            locks, average = one.locks, one.locks.hold_time_average / 1000
            print(
                f"{locks.held} held, {locks.waiting} waiting; so far {locks.acquired} grants, "
                f"{locks.expired} expired, held for {average:.1f} s on average."
            )


def _row(at: str, one: RaftStatus | None) -> dict[str, object]:
    if one is None:
        names = ("node", "role", "term", "leader", "log", "committed", "applied")
        return {**dict.fromkeys(names, "-"), "role": "does not answer", "address": at}
    return {
        "node": one.id,
        "role": str(one.role).lower(),
        "term": one.term,
        "leader": one.leader_id or "-",
        "log": one.last_log_index,
        "committed": one.commit_index,
        "applied": one.last_applied,
        "address": at,
    }

"""The client for ``await``, against the real lock table and a clock that the test turns."""

import asyncio

import pytest

from raftlock.client import AsyncLockClient, Endpoint, MachineClock
from raftlock.errors import (
    ErrorCode,
    InvalidArgument,
    InvalidTTL,
    LockHeld,
    LockLost,
    LockNotHeld,
    NotLockOwner,
    NotWaiting,
    PermissionDenied,
    RemoteProtocolError,
    Timeout,
    Unavailable,
    VersionMismatch,
    WaitCancelled,
    WaitTimedOut,
)
from raftlock.transport.codec import Response
from tests.client.service import HOME, STATUS, Service, turns


@pytest.fixture
def service():
    return Service()


@pytest.fixture
async def alice(service):
    async with service.client("alice") as client:
        yield client


@pytest.fixture
async def bob(service):
    async with service.client("bob") as client:
        yield client


# --- the calls ---------------------------------------------------------------------------------


async def test_acquire_renew_release(service, alice):
    held = await alice.acquire("build", ttl=10)
    assert (held.lock_id, held.client_id, held.ttl) == ("build", "alice", 10)
    assert held.token == service.machine.info("build").token
    assert held.valid
    assert held.remaining == pytest.approx(9.8)
    assert alice.held == {"build": held}
    await service.clock.run(4)
    assert held.remaining == pytest.approx(5.8)
    assert await alice.renew("build") is held
    assert held.remaining == pytest.approx(9.8)
    await alice.renew(held, 2)
    assert held.remaining == pytest.approx(9.8), "a hold is never made shorter"
    await alice.release(held)
    assert alice.held == {}
    assert service.holder() == ""


async def test_a_hold_ends_by_its_holder_s_own_clock(service, alice):
    held = await alice.acquire("build", ttl=2)
    await service.clock.run(1.96)
    assert not held.valid
    assert held.remaining == 0
    assert service.holder() == "alice", "the cluster still has it"
    assert "build" in alice.held


async def test_acquiring_again_keeps_the_token(alice, service):
    held = await alice.acquire("build", ttl=2)
    await service.clock.run(1)
    again = await alice.acquire("build", ttl=5)
    assert again is held
    assert held.remaining == pytest.approx(4.9)


async def test_another_hold_is_another_object(alice, service):
    held = await alice.acquire("build")
    await alice.release("build")
    again = await alice.acquire("build")
    assert again is not held
    assert again.token > held.token


async def test_a_lock_that_somebody_else_holds(service, bob):
    service.hold(by="carol")
    with pytest.raises(LockHeld, match="carol"):
        await bob.acquire("build")
    assert bob.held == {}


async def test_waiting_for_a_lock(service, bob):
    service.hold()
    waiting = asyncio.create_task(bob.acquire("build", ttl=5, wait=True))
    await service.clock.run(3)
    assert service.waiters() == ["bob"]
    service.free()
    held = await waiting
    assert held.token == service.machine.info("build").token
    # 3 s in the queue and 5 s of TTL, counted with the margin.
    assert held.lease.until - held.lease.started == 4_900
    assert 0 < held.remaining <= 4.9


async def test_a_wait_that_ends_too_soon(service, bob):
    service.hold()
    waiting = asyncio.create_task(bob.acquire("build", wait=True, wait_timeout=2))
    await service.clock.run(2.1)
    service.tick()
    with pytest.raises(WaitTimedOut):
        await waiting


async def test_a_timeout_says_how_to_ask_again(service, alice):
    await alice.acquire("other")
    service.mute = True
    asking = asyncio.create_task(alice.acquire("build", ttl=60, request_id="mine"))
    await service.clock.run(10)
    with pytest.raises(Timeout, match="request_id='mine'") as caught:
        await asking
    assert caught.value.details["request_id"] == "mine"
    service.mute = False
    again = asyncio.create_task(alice.acquire("build", ttl=60, request_id="mine"))
    await service.clock.run(5)
    held = await again
    assert held.token == service.machine.info("build").token
    assert held.remaining < 60 * 0.98 - 9, "the lease counts from the first attempt of all"


async def test_a_timeout_of_one_s_own(service, alice):
    await alice.acquire("other")
    service.deaf = True
    asking = asyncio.create_task(alice.acquire("build", timeout=0.5))
    await service.clock.run(0.5)
    with pytest.raises(Timeout):
        await asking


async def test_cancelling_a_wait_leaves_no_waiter(service, bob):
    service.hold()
    waiting = asyncio.create_task(bob.acquire("build", wait=True))
    await turns()
    assert service.waiters() == ["bob"]
    waiting.cancel()
    await turns()
    assert waiting.cancelled()
    assert service.waiters() == []


async def test_cancelling_when_the_grant_has_just_come_leaves_no_lock(service, bob):
    service.hold()
    waiting = asyncio.create_task(bob.acquire("build", wait=True))
    await turns()
    service.free()
    for _ in range(3):  # the answer is with the client, the caller has not been woken yet
        await asyncio.sleep(0)
        if service.holder() == "bob":
            waiting.cancel()
            break
    await turns()
    assert waiting.cancelled()
    assert service.holder() == ""
    assert bob.held == {}


@pytest.mark.parametrize("steps", range(12))
async def test_cancelling_an_acquire_at_any_moment_leaves_no_lock(service, alice, steps):
    asking = asyncio.create_task(alice.acquire("build"))
    for _ in range(steps):
        await asyncio.sleep(0)
    if not asking.cancel():
        assert alice.held
        return
    await asyncio.gather(asking, return_exceptions=True)
    await turns()
    assert service.holder() == ("alice" if alice.held else "")


async def test_a_call_s_own_timeout_takes_a_wait_back(service, bob):
    service.hold()
    waiting = asyncio.create_task(bob.acquire("build", wait=True, timeout=2))
    await service.clock.run(2)
    with pytest.raises(Timeout, match="withdrawn"):
        await waiting
    await turns()
    assert service.waiters() == []


async def test_release_of_what_was_lost(service, alice):
    held = await alice.acquire("build", ttl=1)
    await service.clock.run(2)
    service.hold(by="carol")
    with pytest.raises(NotLockOwner, match="carol"):
        await alice.release("build")
    assert alice.held == {}
    assert service.holder() == "carol"
    with pytest.raises(NotLockOwner):
        await alice.release("build", token=held.token)


async def test_renewal_of_what_was_lost(service, alice):
    await alice.acquire("build", ttl=1)
    await service.clock.run(2)
    service.tick()
    with pytest.raises(LockNotHeld):
        await alice.renew("build")
    assert alice.held == {}


async def test_a_stale_token(service, alice):
    old = await alice.acquire("build", ttl=1)
    await service.clock.run(2)
    service.tick()
    new = await alice.acquire("build", ttl=9)
    with pytest.raises(VersionMismatch):
        await alice.release("build", token=old.token)
    assert alice.held == {"build": new}
    await alice.renew("build", token=new.token)
    await alice.release("build", token=new.token)


async def test_nothing_to_release(service, alice):
    with pytest.raises(LockNotHeld, match="alice knows of no hold on 'build' to release"):
        await alice.release("build")
    with pytest.raises(LockNotHeld, match="to renew"):
        await alice.renew("build")
    assert service.calls == []


async def test_a_hold_known_by_its_token_alone(service, alice):
    token = service.hold(by="alice")
    held = await alice.renew("build", token=token)
    assert held.ttl == 10
    assert alice.held["build"].token == token


async def test_a_cancelled_release_is_seen_through(service, alice):
    await alice.acquire("build")
    releasing = asyncio.create_task(alice.release("build"))
    await asyncio.sleep(0)
    releasing.cancel()
    await turns()
    assert alice.held == {}
    assert service.holder() == ""


async def test_enqueue_and_cancel_wait(service, bob):
    service.hold()
    place = await bob.enqueue_waiter("build", 30, priority=5, ttl=20)
    assert (place.position, place.done) == (0, False)
    assert service.waiters() == ["bob"]
    await bob.cancel_wait("build")
    with pytest.raises(WaitCancelled):
        await place
    assert service.waiters() == []
    with pytest.raises(NotWaiting):
        await bob.cancel_wait("build")


async def test_enqueuing_for_a_free_lock_gets_it(service, bob):
    place = await bob.enqueue_waiter("build")
    held = await place
    assert held.ttl == 30
    assert service.holder() == "bob"


async def test_an_enqueue_that_is_refused(service, bob):
    service.refuse["enqueue_waiter"] = ErrorCode.WAIT_QUEUE_FULL
    with pytest.raises(Exception, match="refused"):
        await bob.enqueue_waiter("build")


async def test_cancelling_an_enqueue_leaves_no_waiter(service, bob):
    service.hold()
    service.mute = True
    asking = asyncio.create_task(bob.enqueue_waiter("build"))
    await turns()
    asking.cancel()
    service.mute = False
    await service.clock.run(10)
    assert asking.cancelled()
    assert service.waiters() == []


async def test_looking_at_a_lock(service, alice, bob):
    free = await bob.get_lock_info("build")
    assert (free.lock_id, free.owner_id, free.version, free.waiter_count) == ("build", "", 0, 0)
    held = await alice.acquire("build", ttl=10, metadata={"job": "7"})
    place = await bob.enqueue_waiter("build", 30, priority=5)
    await service.clock.run(2)
    info = await bob.get_lock_info("build")
    assert (info.owner_id, info.version, info.metadata) == ("alice", held.token, {"job": "7"})
    assert (info.ttl, info.remaining) == (10_000, 8_000)
    assert [(it.client_id, it.priority) for it in info.waiters_info] == [("bob", 5)]
    assert service.calls.count("open_session") == 2, "a look needs no session, but bob waits, too"
    place.cancel()


async def test_a_look_needs_no_session_and_leaves_nothing(service, alice):
    before = service.machine.digest()
    await alice.get_lock_info("build")
    assert service.calls == ["get_lock_info"]
    assert service.machine.digest() == before


@pytest.mark.parametrize("lock", ["", "x" * 300, 7])
async def test_a_look_at_no_lock_is_refused_before_it_leaves(service, alice, lock):
    with pytest.raises(InvalidArgument):
        await alice.get_lock_info(lock)
    assert service.calls == []


async def test_what_the_trace_is_told_of_a_look(service):
    notes = []
    async with service.client("alice", observer=notes.append) as client:
        await client.get_lock_info("build")
        token = service.hold()
        await client.get_lock_info("build")
        service.deaf = True
        asking = asyncio.create_task(client.get_lock_info("build", timeout=2))
        await service.clock.run(3)
        with pytest.raises(Timeout, match="Get_lock_info of 'build': no answer in time"):
            await asking
        asking = asyncio.create_task(client.get_lock_info("build"))
        await turns()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    calls = [dict(note.data) for note in notes if note.kind == "client_call"]
    returns = [dict(note.data) for note in notes if note.kind == "client_return"]
    about = {"client": "alice", "op": "get_lock_info", "lock": "build"}
    ids = [call.pop("request_id") for call in calls]
    assert [call.pop("time_ms") for call in calls] == [10_000, 10_000, 2_000, 10_000]
    assert calls == [about] * 4
    assert len(set(ids)) == 4
    told = {"status": "ok", "result": "info"}
    free = {"text": "nobody holds it", "owner": "", "token": 0}
    held = {"text": f"carol holds it, token {token}", "owner": "carol", "token": token}
    assert returns[:2] == [
        about | told | free | {"request_id": ids[0]},
        about | told | held | {"request_id": ids[1]},
    ]
    assert [it["status"] for it in returns[2:]] == ["unknown", "unknown"]
    assert [it["request_id"] for it in returns[2:]] == ids[2:]


async def test_an_answer_that_is_no_lock_is_an_error(service, alice):
    service.take = lambda link, request: link.answer(Response(request.id, {"lock": "build"}))
    with pytest.raises(RemoteProtocolError):
        await alice.get_lock_info("build")


async def test_status(service, alice):
    assert await alice.status() == STATUS
    assert service.calls == ["get_status"]


# --- what is refused before anything is sent ---------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"ttl": 0}, InvalidTTL, "ttl must be from 1 s to 24 h"),
        ({"ttl": -1}, InvalidTTL, "ttl must be"),
        ({"ttl": 0.9}, InvalidTTL, "ttl must be"),
        ({"ttl": 90_000}, InvalidTTL, "ttl must be"),
        ({"ttl": "10"}, InvalidArgument, "number of seconds"),
        ({"ttl": float("nan")}, InvalidArgument, "number of seconds"),
        ({"lock_id": ""}, InvalidArgument, "must not be empty"),
        ({"lock_id": "x" * 10_000}, InvalidArgument, "256 characters"),
        ({"lock_id": 7}, InvalidArgument, "must be a text"),
        ({"lock_id": "a\nb"}, InvalidArgument, "control characters"),
        ({"priority": 1_001}, InvalidArgument, "priority"),
        ({"wait": True, "wait_timeout": 0}, InvalidArgument, "wait_timeout"),
        ({"wait": True, "wait_timeout": 601}, InvalidArgument, "wait_timeout"),
        ({"metadata": {"k": "v" * 300}}, InvalidArgument, "metadata"),
        ({"request_id": "x" * 200}, InvalidArgument, "request_id"),
        ({"timeout": 0}, InvalidArgument, "timeout must be more than 0"),
        ({"timeout": -3}, InvalidArgument, "timeout must be more than 0"),
    ],
)
async def test_wrong_arguments(service, alice, arguments, kind, words):
    given = {"lock_id": "build", **arguments}
    with pytest.raises(kind, match=words) as caught:
        await alice.acquire(**given)
    assert len(caught.value.message) < 200
    assert "\n" not in caught.value.message
    assert service.calls == []
    assert service.links == []


async def test_wrong_arguments_of_the_other_calls(service, alice):
    with pytest.raises(InvalidArgument, match="timeout"):
        await alice.enqueue_waiter("build", 0)
    with pytest.raises(InvalidArgument, match="version"):
        await alice.release("build", token=0)
    with pytest.raises(InvalidTTL):
        await alice.renew("build", 0.1, token=5)
    with pytest.raises(InvalidArgument):
        await alice.cancel_wait("")
    with pytest.raises(InvalidArgument):
        alice.lock("x" * 10_000)
    assert service.calls == []


async def test_a_laboratory_may_allow_shorter_ttls(service):
    async with service.client("alice", min_ttl=0.1) as client:
        assert (await client.acquire("build", ttl=0.5)).ttl == 0.5
        with pytest.raises(InvalidTTL, match=r"from 0.1 s"):
            await client.acquire("build", ttl=0.05)


@pytest.mark.parametrize(
    ("endpoints", "name"),
    [(["nonsense"], "alice"), ([HOME], ""), ([HOME], "x" * 257)],
)
def test_a_client_that_cannot_be(endpoints, name):
    with pytest.raises(InvalidArgument):
        AsyncLockClient(endpoints, client_id=name)


def test_a_client_draws_a_name():
    names = {AsyncLockClient([HOME]).client_id for _ in range(5)}
    assert len(names) == 5
    assert all(name.startswith("client-") for name in names)
    assert AsyncLockClient([HOME], seed=3).client_id == AsyncLockClient([HOME], seed=3).client_id
    assert isinstance(AsyncLockClient([HOME]).clock, MachineClock)
    assert "client-" in repr(AsyncLockClient([HOME]))


# --- connections -------------------------------------------------------------------------------


async def test_endpoints_may_come_from_a_function(service):
    nodes = []
    async with service.client("alice", endpoints=lambda: nodes) as client:
        asking = asyncio.create_task(client.acquire("build"))
        await service.clock.run(2)
        assert service.links == []
        nodes.append("127.0.0.1:4701")
        await service.clock.run(2)
        assert (await asking).valid
        assert client.leader == Endpoint("127.0.0.1", 4701)


@pytest.mark.parametrize("error", [OSError("refused"), Unavailable("nobody")])
async def test_a_node_that_cannot_be_reached_is_tried_again(service, alice, error):
    service.down = error
    asking = asyncio.create_task(alice.acquire("build"))
    await service.clock.run(3)
    assert not asking.done()
    service.down = None
    await service.clock.run(2)
    assert (await asking).valid


async def test_a_wrong_token_is_told_at_once(service, alice):
    service.down = PermissionDenied("The token is not the cluster's.")
    with pytest.raises(PermissionDenied, match="not the cluster's"):
        await alice.acquire("build")


async def test_a_broken_connection_is_made_again(service, alice):
    await alice.acquire("other")
    service.mute = True
    asking = asyncio.create_task(alice.acquire("build"))
    await turns()
    service.mute = False
    service.links[-1].break_off(OSError("reset"))
    await service.clock.run(1)
    assert (await asking).token == service.machine.info("build").token
    assert len(service.links) == 2


async def test_a_frame_that_is_none_closes_that_connection(service, alice):
    await alice.acquire("other")
    service.links[-1].raw("}")
    await turns()
    assert service.links[-1].closed
    assert (await alice.acquire("build")).valid


async def test_a_silent_node_is_left(service, alice):
    await alice.acquire("other", ttl=60)
    service.mute = True
    asking = asyncio.create_task(alice.acquire("build", ttl=60))
    await service.clock.run(3)
    service.mute = False
    await service.clock.run(2)
    assert (await asking).valid
    assert service.links[0].closed
    assert len(service.links) > 1


async def test_closing_ends_what_is_under_way(service):
    client = service.client("bob")
    service.hold()
    waiting = asyncio.create_task(client.acquire("build", wait=True))
    place = await client.enqueue_waiter("other")
    await place
    await turns()
    await client.close()
    with pytest.raises(Unavailable, match="closed"):
        await waiting
    assert service.waiters() == [], "the wait was taken back first"
    assert service.holder("other") == "bob", "what is held stays held"
    assert all(link.closed for link in service.links)
    with pytest.raises(Unavailable, match="closed"):
        await client.acquire("build")
    await client.close()
    leftover = asyncio.all_tasks() - {asyncio.current_task()}
    assert leftover == set()


async def test_closing_does_not_wait_for_ever(service):
    client = service.client("bob")
    service.hold()
    waiting = asyncio.create_task(client.acquire("build", wait=True))
    await turns()
    service.deaf = True
    await client.close(linger=0)
    assert (await asyncio.gather(waiting, return_exceptions=True))[0].code is ErrorCode.UNAVAILABLE


async def test_closing_in_the_middle_of_a_dial(service):
    reached = asyncio.Event()

    async def dial(_endpoint):
        reached.set()
        await asyncio.Event().wait()

    client = AsyncLockClient([HOME], clock=service.clock, connector=dial)
    asking = asyncio.create_task(client.acquire("build"))
    await reached.wait()
    await client.close()
    with pytest.raises(Unavailable):
        await asking


# --- grants that come late ---------------------------------------------------------------------


async def test_a_grant_with_little_left_is_renewed_before_it_is_handed_out(service, alice):
    await alice.acquire("other", ttl=60)
    service.mute = True
    asking = asyncio.create_task(alice.acquire("build", ttl=4))
    await service.clock.run(2.9)
    service.mute = False
    await service.clock.run(1)
    held = await asking
    assert service.calls[-1] == "renew"
    assert held.remaining > 2


async def test_a_grant_that_had_ended_is_no_grant(service, alice):
    await alice.acquire("other", ttl=60)
    service.mute = True
    asking = asyncio.create_task(alice.acquire("build", ttl=1))
    await service.clock.run(2.9)
    service.mute = False
    await service.clock.run(1)
    with pytest.raises(LockLost, match="acquire it again"):
        await asking
    assert "build" not in alice.held


async def test_a_grant_that_cannot_be_renewed_is_given_back(service, alice):
    await alice.acquire("other", ttl=60)
    service.mute = True
    service.refuse["renew"] = ErrorCode.PERMISSION_DENIED
    asking = asyncio.create_task(alice.acquire("build", ttl=4))
    await service.clock.run(2.9)
    service.mute = False
    await service.clock.run(1)
    with pytest.raises(LockLost):
        await asking
    await turns()
    assert "build" not in alice.held
    assert service.holder() == ""


async def test_cancelling_that_renewal_gives_the_lock_back(service, alice):
    await alice.acquire("other", ttl=60)
    service.mute = True
    asking = asyncio.create_task(alice.acquire("build", ttl=4))
    await service.clock.run(2.9)
    service.mute = False
    service.refuse["renew"] = ErrorCode.BUSY
    await service.clock.run(0.2)
    assert "renew" in service.calls
    asking.cancel()
    del service.refuse["renew"]
    await service.clock.run(5)
    assert asking.cancelled()
    assert service.holder() == ""
    assert "build" not in alice.held


# --- the trace ---------------------------------------------------------------------------------


async def test_what_the_trace_is_told(service):
    notes = []
    async with service.client("alice", observer=notes.append) as client:
        held = await client.acquire("build", ttl=10, priority=3, request_id="r1")
        await client.release("build", request_id="r2")
        service.hold()
        with pytest.raises(LockHeld):
            await client.acquire("build", request_id="r3")
        service.deaf = True
        asking = asyncio.create_task(client.acquire("other", request_id="r4"))
        await service.clock.run(10)
        await asyncio.gather(asking, return_exceptions=True)
        asking = asyncio.create_task(client.acquire("third", request_id="r5"))
        await turns()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        service.deaf = False
    about = {"client": "alice", "lock": "build"}
    assert [(note.kind, dict(note.data)) for note in notes[:3]] == [
        (
            "client_call",
            about
            | {
                "op": "acquire",
                "request_id": "r1",
                "ttl": 10_000,
                "priority": 3,
                "time_ms": 10_000,
            },
        ),
        (
            "client_return",
            about
            | {
                "op": "acquire",
                "request_id": "r1",
                "status": "ok",
                "text": f"granted, token {held.token}",
                "result": "granted",
                "token": held.token,
                "expired": False,
            },
        ),
        ("belief", about | {"token": held.token, "until": held.lease.until * 1_000}),
    ]
    returns = [note.data for note in notes if note.kind == "client_return"]
    assert [data["status"] for data in returns] == ["ok", "ok", "fail", "unknown", "unknown"]
    assert [data.get("code") for data in returns] == [None, None, 101, 301, None]
    beliefs = [note.data for note in notes if note.kind == "belief"]
    assert beliefs[-1] == about | {"token": 0, "until": 0}


# --- submit ------------------------------------------------------------------------------------


async def test_submitting(service, alice, bob):
    taken = alice.submit("acquire", "build", ttl=60)
    assert (taken.state, taken.done, taken.error) == ("asking", False, None)
    held = await taken
    assert taken.state == f"holds it with token {held.token}"
    waits = bob.submit("wait", "build", wait_timeout=30, priority=5)
    await waits.placed()
    assert (waits.state, waits.position) == ("waiting, next", 0)
    renewed = alice.submit("renew", "build")
    await renewed
    released = alice.submit("release", "build")
    assert await released is None
    assert released.state == "done"
    assert (await waits).client_id == "bob"
    assert "bob: wait 'build': holds it" in repr(waits)


async def test_a_submission_that_fails_says_why(service, bob):
    service.hold(by="carol")
    refused = bob.submit("acquire", "build")
    await refused.placed()
    assert "carol holds build" in refused.state
    assert isinstance(refused.error, LockHeld)
    with pytest.raises(LockHeld):
        await refused


async def test_cancelling_through_a_submission(service, bob):
    service.hold()
    service.hold("other")
    waits = bob.submit("wait", "build")
    second = bob.submit("wait", "other")
    await turns()
    await bob.submit("cancel", "build")
    with pytest.raises(WaitCancelled):
        await waits
    second.cancel()
    await turns()
    assert (second.state, second.error, second.done) == ("taken back", None, True)
    assert service.waiters("other") == []


async def test_how_many_are_ahead(service, alice, bob):
    service.hold()
    first = alice.submit("wait", "build")
    second = bob.submit("wait", "build")
    await turns()
    assert (first.state, second.state) == ("waiting, next", "waiting, 1 ahead")


async def test_awaiting_a_submission_may_be_given_up(service, bob):
    service.hold()
    waits = bob.submit("wait", "build")
    watching = asyncio.create_task(waits.wait())
    await turns()
    watching.cancel()
    await turns()
    assert not waits.done
    assert service.waiters() == ["bob"]


@pytest.mark.parametrize(
    ("op", "arguments", "error"),
    [
        ("steal", {}, InvalidArgument("choose one of acquire, release, renew, wait, cancel")),
        ("acquire", {"ttl": 0}, InvalidTTL("ttl")),
        ("wait", {"wait_timeout": 0}, InvalidArgument("wait_timeout")),
        ("release", {}, LockNotHeld("acquire it first")),
        ("renew", {}, LockNotHeld("acquire it first")),
        ("release", {"token": -1}, InvalidArgument("version")),
    ],
)
async def test_submitting_nonsense(service, alice, op, arguments, error):
    with pytest.raises(type(error), match=error.message):
        alice.submit(op, "build", **arguments)
    with pytest.raises(InvalidArgument, match="256"):
        alice.submit("cancel", "x" * 10_000)
    assert service.calls == []


async def test_several_at_once_are_believed_one_by_one(service, alice):
    held = await alice.acquire_all(["a", "b"], 10)
    assert {lock: each.token for lock, each in held.items()} == {
        lock: service.machine.info(lock).token for lock in "ab"
    }
    assert held["a"].remaining == held["b"].remaining == pytest.approx(9.8)
    await alice.release(held["a"])
    assert (service.holder("a"), service.holder("b")) == ("", "alice")
    assert list(alice.held) == ["b"]


async def test_several_that_nobody_waits_for_any_more_are_all_given_back(service, alice):
    mine = await alice.acquire("a", 60)
    service.mute = True
    asking = asyncio.create_task(alice.acquire_all(["a", "b", "c"], 60))
    await turns()
    assert [service.holder(lock) for lock in "abc"] == ["alice"] * 3
    asking.cancel()
    service.mute = False
    await service.clock.run(10)
    assert [service.holder(lock) for lock in "abc"] == ["alice", "", ""]
    assert mine.valid, "what was held before stays held"


async def test_several_of_which_one_is_held(service, alice):
    service.hold("b")
    with pytest.raises(LockHeld, match="carol holds b"):
        await alice.acquire_all(["a", "b"], 10)
    assert service.holder("a") == ""
    assert alice.held == {}

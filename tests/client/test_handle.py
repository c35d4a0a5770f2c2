"""Locks for the length of a block."""

import asyncio

import pytest

from raftlock.client import LockHandle
from raftlock.client.handle import Gate
from raftlock.errors import (
    ErrorCode,
    LockHeld,
    LockLost,
    LockNotHeld,
    PermissionDenied,
    WaitTimedOut,
)
from tests.client.service import Service, turns


@pytest.fixture
def service():
    return Service()


@pytest.fixture
async def alice(service):
    async with service.client("alice") as client:
        yield client


async def test_a_block_holds_the_lock(service, alice):
    handle = alice.lock("build", 10, priority=5)
    assert (handle.token, handle.remaining, handle.valid) == (0, 0, False)
    assert repr(handle) == "<lock 'build'>"
    async with handle as held:
        assert isinstance(held, LockHandle)
        assert held.lock_id == "build"
        assert held.token == service.machine.info("build").token
        assert held.valid
        assert held.remaining == pytest.approx(9.8)
        assert "alice holds 'build'" in repr(held)
        await service.clock.run(5)
        await held.renew()
        assert held.remaining == pytest.approx(9.8)
    assert service.holder() == ""
    assert not handle.valid
    with pytest.raises(LockNotHeld, match="inside of its block"):
        await handle.renew()


async def test_an_error_in_the_block_releases_too(service, alice):
    with pytest.raises(KeyError) as caught:
        async with alice.lock("build"):
            raise KeyError("mine")
    assert service.holder() == ""
    assert not hasattr(caught.value, "__notes__")


async def test_a_handle_may_be_used_again_but_not_at_once(service, alice):
    handle = alice.lock("build")
    async with handle:
        with pytest.raises(LockHeld, match="this handle's block"):
            await handle.__aenter__()
    async with handle:
        assert service.holder() == "alice"


async def test_a_ttl_that_ended_in_the_block(service, alice):
    async def block():
        async with alice.lock("build", 2, renew=False) as held:
            await service.clock.run(1.97)
            assert not held.valid
            assert service.holder() == "alice"

    with pytest.raises(LockLost, match="its TTL had ended") as caught:
        await block()
    assert caught.value.details == {"lock": "build", "token": "2"}
    assert service.holder() == "", "it was given back all the same"


async def test_a_lock_that_has_another_owner(service, alice):
    async def block():
        async with alice.lock("build", 2, renew=False):
            await service.clock.run(3)
            service.hold(by="carol")

    with pytest.raises(LockLost, match=r"carol holds build.*may be stale"):
        await block()
    assert service.holder() == "carol"


async def test_a_lock_that_was_taken_away_within_its_time(service, alice):
    async def block():
        async with alice.lock("build", 10) as held:
            service.free()
            assert held.valid

    with pytest.raises(LockLost, match="nobody holds"):
        await block()


async def test_the_block_s_own_error_goes_first(service, alice):
    async def block():
        async with alice.lock("build", 2, renew=False):
            await service.clock.run(3)
            raise KeyError("mine")

    with pytest.raises(KeyError) as caught:
        await block()
    assert "was lost before its block ended" in caught.value.__notes__[0]


async def test_a_release_that_fails_is_told(service, alice):
    service.refuse["release"] = ErrorCode.PERMISSION_DENIED
    with pytest.raises(PermissionDenied):
        async with alice.lock("build"):
            pass
    with pytest.raises(KeyError) as caught:
        async with alice.lock("build"):
            raise KeyError("mine")
    assert "releasing 'build' failed too" in caught.value.__notes__[0]


async def test_a_cancelled_block_releases(service, alice):
    async def block():
        async with alice.lock("build"):
            await asyncio.Event().wait()

    task = asyncio.create_task(block())
    await turns()
    assert service.holder() == "alice"
    task.cancel()
    await turns()
    assert task.cancelled()
    assert service.holder() == ""


# --- one handle at a time ----------------------------------------------------------------------


async def test_a_second_handle_is_refused(service, alice):
    async with alice.lock("build"):
        asked = len(service.calls)
        with pytest.raises(LockHeld, match=r"\(alice\) has 'build' in another block") as caught:
            async with alice.lock("build"):
                pass
        assert caught.value.details == {"lock": "build", "holder": "alice"}
        assert len(service.calls) == asked
        assert service.holder() == "alice"
        async with alice.lock("other"):
            pass


async def test_or_waits_for_the_first_to_leave(service, alice):
    order = []

    async def block(name):
        async with alice.lock("build", wait=True) as held:
            order.append((name, held.token))
            await turns()

    await asyncio.gather(*(block(name) for name in "abc"))
    assert [name for name, _ in order] == ["a", "b", "c"]
    tokens = [token for _, token in order]
    assert sorted(set(tokens)) == tokens


async def test_the_wait_for_one_s_own_handle_ends_too(service, alice):
    async with alice.lock("build", 60):
        second = alice.lock("build", wait=True, wait_timeout=2)
        entering = asyncio.create_task(second.__aenter__())
        await service.clock.run(2)
        with pytest.raises(WaitTimedOut, match="Another block"):
            await entering
    async with alice.lock("build"):
        pass


async def test_what_the_first_wait_took_is_missing_from_the_second(service, alice):
    first = alice.lock("build", 60)
    await first.__aenter__()
    second = alice.lock("build", wait=True, wait_timeout=3)
    entering = asyncio.create_task(second.__aenter__())
    await service.clock.run(2.5)
    service.refuse["release"] = ErrorCode.LOCK_NOT_HELD
    service.free()
    service.hold(by="carol")
    with pytest.raises(LockLost):
        await first.__aexit__(None, None, None)
    await turns()
    assert service.machine.info("build").waiters[0].deadline == 1_000 + 2_500 + 1_000
    await service.clock.run(1.1)
    service.tick()
    with pytest.raises(WaitTimedOut):
        await entering


async def test_a_handle_that_gives_up_lets_the_next_one_in(service, alice):
    first = alice.lock("build", 60)
    await first.__aenter__()
    second = asyncio.create_task(alice.lock("build", wait=True).__aenter__())
    third = asyncio.create_task(alice.lock("build", wait=True).__aenter__())
    await turns()
    second.cancel()
    await turns()
    await first.__aexit__(None, None, None)
    assert (await third).valid


async def test_whoever_gives_up_as_its_turn_comes_lets_the_next_one_in(service):
    gate = Gate("alice", service.clock)
    waits = {"wait": True, "wait_us": 60_000_000}
    await gate.enter("build", **waits)
    second = asyncio.create_task(gate.enter("build", **waits))
    third = asyncio.create_task(gate.enter("build", **waits))
    await turns()
    gate.leave("build")
    second.cancel()
    await turns()
    assert second.cancelled()
    assert third.done()
    gate.leave("build")
    await gate.enter("build", wait=False, wait_us=0)


async def test_a_block_that_could_not_be_entered_lets_the_next_one_in(service, alice):
    service.hold()
    with pytest.raises(LockHeld, match="carol"):
        async with alice.lock("build"):
            pass
    service.free()
    async with alice.lock("build"):
        assert service.holder() == "alice"

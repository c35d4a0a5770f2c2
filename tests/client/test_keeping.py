"""A block keeps its lock for as long as it runs, and is told before it has to stop."""

import pytest

from raftlock.errors import ErrorCode, LockLost, LockNotHeld
from tests.client.service import Service, turns


@pytest.fixture
def service():
    return Service()


@pytest.fixture
async def alice(service):
    async with service.client("alice") as client:
        yield client


def renewals(service):
    return service.calls.count("renew")


async def test_a_block_outlasts_its_ttl_many_times(service, alice):
    async with alice.lock("build", 3) as held:
        token = held.token
        for _ in range(40):
            await service.clock.run(0.5)
            assert held.valid
            assert held.remaining > 1.9  # a third of it has passed at most
            assert service.machine.info("build").token == token
        assert not held.lost.is_set()
    assert service.holder() == ""
    # Each third of the TTL, and no more often than that.
    assert 19 <= renewals(service) <= 21


async def test_nothing_is_renewed_that_was_not_asked_for(service, alice):
    async def block():
        async with alice.lock("build", 3, renew=False) as held:
            await service.clock.run(2.9)
            assert not held.lost.is_set()
            await service.clock.run(0.1)
            assert held.lost.is_set()

    with pytest.raises(LockLost):
        await block()
    assert renewals(service) == 0


async def test_after_the_block_nothing_is_renewed(service, alice):
    async with alice.lock("build", 3):
        pass
    await service.clock.run(30)
    assert renewals(service) == 0


async def test_the_warning_comes_before_the_cluster_lets_go(service, alice):
    async def block():
        async with alice.lock("build", 3) as held:
            service.deaf = True
            while not held.lost.is_set():
                assert held.valid
                await service.clock.run(0.01)
            assert not held.valid
            assert held.remaining == 0
            assert service.holder() == "alice", "the cluster counts longer than the holder"
            service.deaf = False

    with pytest.raises(LockLost, match="its TTL had ended"):
        await block()


async def test_a_renewal_that_failed_is_tried_again_in_time(service, alice):
    async with alice.lock("build", 3) as held:
        service.refuse["renew"] = ErrorCode.INTERNAL_ERROR
        await service.clock.run(2)
        assert held.remaining < 1
        del service.refuse["renew"]
        await service.clock.run(0.4)
        assert held.remaining > 2
        assert not held.lost.is_set()


async def test_a_hold_that_was_taken_away_is_lost_at_the_next_renewal(service, alice):
    async def block():
        async with alice.lock("build", 6) as held:
            service.free()
            await service.clock.run(1.9)
            assert held.valid
            await service.clock.run(0.2)
            assert held.lost.is_set()
            assert not held.valid
            assert "build" not in alice.held

    with pytest.raises(LockLost, match="nobody holds"):
        await block()


async def test_a_frozen_holder_hears_of_it_first_thing_afterwards(service, alice):
    async def block():
        async with alice.lock("build", 3) as held:
            alice.freeze()
            await service.clock.run(10)
            assert not held.lost.is_set(), "who stands still can be told nothing"
            assert not held.valid
            alice.thaw()
            assert held.lost.is_set()

    with pytest.raises(LockLost):
        await block()


async def test_lost_belongs_to_a_block(alice):
    handle = alice.lock("build")
    assert not handle.was_entered
    with pytest.raises(LockNotHeld, match="only inside of its block"):
        _ = handle.lost


async def test_a_hold_renewed_by_hand_is_watched_as_long(service, alice):
    async with alice.lock("build", 3, renew=False) as held:
        await service.clock.run(2)
        await held.renew(10)
        await service.clock.run(9)
        await turns()
        assert held.valid
        assert not held.lost.is_set()

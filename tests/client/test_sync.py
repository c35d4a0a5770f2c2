"""The same words for plain code, with the loop in another thread."""

import asyncio
import threading

import pytest

from raftlock.client import LockClient, SyncHeld
from raftlock.errors import LockHeld, LockLost, LockNotHeld, WaitCancelled
from tests.client.service import STATUS, Service


class Runner:
    """A loop in a thread, as a cluster has one."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def call(self, coroutine, timeout=None):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@pytest.fixture
def runner():
    runner = Runner()
    yield runner
    runner.stop()


@pytest.fixture
def service():
    return Service()


@pytest.fixture
def alice(runner, service):
    with LockClient(service.client("alice"), runner) as client:
        yield client


@pytest.fixture
def bob(runner, service):
    with LockClient(service.client("bob"), runner) as client:
        yield client


def test_acquire_renew_release(alice, runner, service):
    held = alice.acquire("build", 10)
    assert isinstance(held, SyncHeld)
    assert (held.lock_id, held.client_id, held.ttl) == ("build", "alice", 10)
    assert held.token == held.lease.token == service.machine.info("build").token
    assert held.valid
    assert held.remaining == pytest.approx(9.8)
    assert alice.held["build"].token == held.token
    assert "alice holds 'build'" in repr(held)
    runner.call(service.clock.run(3))
    assert alice.renew(held).remaining == pytest.approx(9.8)
    assert alice.renew("build", 20).ttl == 20
    alice.release(held)
    assert alice.held == {}
    with pytest.raises(LockNotHeld):
        alice.release("build")


def test_blocks(alice, runner, service):
    with alice.lock("build", 10, renew=False) as held:
        assert held.lock_id == "build"
        assert held.token == service.machine.info("build").token
        assert held.valid
        runner.call(service.clock.run(3))
        assert held.remaining == pytest.approx(6.8)
        held.renew()
        assert held.remaining == pytest.approx(9.8)
        assert "alice" in repr(held)
        with pytest.raises(LockHeld), alice.lock("build"):
            pass
    assert service.holder() == ""
    with pytest.raises(LockLost), alice.lock("build", 2, renew=False):
        runner.call(service.clock.run(3))


def test_waiting(alice, bob, service):
    with alice.lock("build", 10):
        place = bob.enqueue_waiter("build", 30)
        assert place.state == "waiting, next"
        assert not place.done
        assert "bob: wait" in repr(place)
    assert place.result().token == service.machine.info("build").token
    assert bob.submit("release", "build").result() is None
    with alice.lock("build", 10):
        place = bob.submit("wait", "build")
        second = bob.submit("wait", "build2")
        second.result()
        bob.cancel_wait("build")
        with pytest.raises(WaitCancelled):
            place.result()
        third = bob.enqueue_waiter("build")
        third.cancel()
        while service.waiters():
            bob.status()
        assert bob.aio.held


def test_the_rest(alice):
    assert alice.client_id == "alice"
    assert alice.aio.client_id == "alice"
    assert repr(alice) == "<LockClient 'alice'>"
    assert alice.status() == STATUS
    assert alice.get_lock_info("build").owner_id == ""

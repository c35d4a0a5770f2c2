from __future__ import annotations

import random

from raftlock.lock.deadlines import Deadline, Deadlines


def hold(at: int, lock: str = "build", client: str = "alice") -> Deadline:
    return Deadline(at, lock, client, of_wait=False)


def wait(at: int, lock: str = "build", client: str = "bob") -> Deadline:
    return Deadline(at, lock, client, of_wait=True)


def test_the_earliest_then_by_lock_then_by_client():
    deadlines = Deadlines()
    items = [hold(2, "b"), hold(1, "c"), wait(2, "a", "z"), hold(2, "a", "m"), wait(2, "b", "aa")]
    for item in items:
        deadlines.set(item)
    order = []
    while (first := deadlines.first()) is not None:
        order.append(first)
        deadlines.drop(first.lock_id, first.client_id, of_wait=first.of_wait)
    assert order == [
        hold(1, "c"),
        hold(2, "a", "m"),
        wait(2, "a", "z"),
        wait(2, "b", "aa"),
        hold(2, "b"),
    ]


def test_a_new_deadline_replaces_the_old_one_earlier_or_later():
    deadlines = Deadlines()
    deadlines.set(hold(5))
    deadlines.set(hold(9))
    assert deadlines.first() == hold(9)
    deadlines.set(hold(3))
    assert deadlines.first() == hold(3)


def test_a_hold_and_a_wait_are_apart():
    deadlines = Deadlines()
    deadlines.set(hold(5, client="bob"))
    deadlines.set(wait(3))
    deadlines.drop("build", "bob", of_wait=True)
    deadlines.drop("build", "nobody", of_wait=True)
    assert deadlines.first() == hold(5, client="bob")


def test_what_was_dropped_and_set_again_comes_up_once():
    deadlines = Deadlines()
    for _ in range(3):
        deadlines.set(hold(5))
        deadlines.drop("build", "alice", of_wait=False)
    assert deadlines.first() is None
    deadlines.set(hold(5))
    deadlines.set(hold(5))
    assert deadlines.first() == hold(5)


def test_it_agrees_with_a_plain_dict_and_stays_small():
    deadlines, plain, draw, most = Deadlines(), {}, random.Random(7), 0
    for _ in range(5_000):
        key = (f"lock-{draw.randrange(9)}", f"client-{draw.randrange(9)}", draw.random() < 0.5)
        if draw.random() < 0.7:
            plain[key] = draw.randrange(1_000)
            deadlines.set(Deadline(plain[key], *key))
        else:
            plain.pop(key, None)
            deadlines.drop(key[0], key[1], of_wait=key[2])
        assert deadlines.first() == min(
            (Deadline(at, *rest) for rest, at in plain.items()), default=None
        )
        most = max(most, len(plain))
        assert len(deadlines._heap) <= 2 * most + 64

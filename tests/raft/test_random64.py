import pytest

from raftlock.raft import Random64


def test_gives_the_published_numbers():
    random = Random64(1234567)
    assert [random.next() for _ in range(5)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_its_state_is_all_there_is():
    random, other = Random64(7), Random64(8)
    random.next()
    other.state = random.state
    assert [random.next() for _ in range(3)] == [other.next() for _ in range(3)]


def test_a_seed_of_any_size_is_taken_modulo_64_bits():
    assert Random64(-1).next() == Random64(2**64 - 1).next()


@pytest.mark.parametrize(("low", "high"), [(0, 0), (3, 3), (1500, 3000), (-2, 2)])
def test_between_stays_in_its_range(low, high):
    random = Random64(1)
    assert all(low <= random.between(low, high) <= high for _ in range(100))


def test_every_value_comes_up():
    random = Random64(1)
    assert {random.between(10, 19) for _ in range(500)} == set(range(10, 20))


def test_draws_again_where_the_remainder_would_favour_small_numbers():
    # Three quarters of the range: one draw in four has to be thrown away.
    n = 3 * 2**62
    random, plain = Random64(3), Random64(3)
    drawn = [random.below(n) for _ in range(20)]
    assert drawn == [number for number in (plain.next() for _ in range(200)) if number < n][:20]
    assert random.state != plain.state


@pytest.mark.parametrize("n", [0, -1, 2**64 + 1])
def test_refuses_an_impossible_range(n):
    with pytest.raises(AssertionError):
        Random64(1).below(n)

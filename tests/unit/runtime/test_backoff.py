"""Waits grow, stay within bounds, and differ from client to client."""

from random import Random

from addons.runtime.backoff import Backoff


def waits(count: int, seed: int = 1) -> list[float]:
    """The waits of a client that fails again as soon as each is over."""
    backoff = Backoff(Random(seed))
    now, found = 0.0, []
    for _ in range(count):
        found.append(backoff.next(now))
        now += found[-1]
    return found


def test_every_wait_is_within_bounds() -> None:
    assert all(0.8 <= wait <= 30.0 for seed in range(20) for wait in waits(50, seed))


def test_the_first_is_short_and_later_ones_are_longer() -> None:
    assert all(waits(1, seed)[0] <= 2.4 for seed in range(50))
    assert sum(sum(waits(40, seed)[20:]) / 20 for seed in range(50)) / 50 > 8


def test_a_dead_server_gets_few_requests_in_its_first_minute() -> None:
    for seed in range(50):
        total, count = 0.0, 0
        for wait in waits(100, seed):
            total += wait
            if total > 60:
                break
            count += 1
        assert count < 40


def test_clients_do_not_come_back_together() -> None:
    assert len({round(waits(1, seed)[0], 3) for seed in range(50)}) > 40


def test_after_a_healthy_time_it_starts_anew() -> None:
    backoff = Backoff(Random(1))
    now = 0.0
    for _ in range(30):
        now += backoff.next(now)
    assert backoff.next(now + 121) <= 2.4

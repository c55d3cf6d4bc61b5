"""How often AWS is called: the token bucket."""

import asyncio

import pytest

from addons.runtime.bucket import Bucket, Rate
from tests.support.virtual import run_virtual


def take_many(bucket: Bucket, count: int) -> list[float]:
    """The virtual times at which `count` callers that come at once get their turn."""

    async def one() -> float:
        await bucket.take()
        return round(asyncio.get_running_loop().time() - start, 6)

    start = 0.0

    async def all_of_them() -> list[float]:
        nonlocal start
        start = asyncio.get_running_loop().time()
        return list(await asyncio.gather(*(one() for _ in range(count))))

    return run_virtual(all_of_them())


class TestBucket:
    def test_a_burst_passes_at_once_and_the_rest_at_the_rate(self) -> None:
        assert take_many(Bucket(Rate(2.0, burst=3)), 5) == [0.0, 0.0, 0.0, 0.5, 1.0]

    def test_turns_come_in_order(self) -> None:
        times = take_many(Bucket(Rate(10.0)), 20)
        assert times == sorted(times)

    def test_throttling_halves_the_rate_down_to_a_tenth(self) -> None:
        async def throttle() -> list[float]:
            bucket, rates = Bucket(Rate(4.0)), []
            for _ in range(6):
                bucket.slow_down()
                rates.append(bucket.per_second)
            return rates

        assert run_virtual(throttle()) == [2.0, 1.0, 0.5, 0.4, 0.4, 0.4]

    def test_successes_restore_the_configured_rate_step_by_step_and_no_more(self) -> None:
        async def recover() -> list[float]:
            bucket, rates = Bucket(Rate(4.0)), []
            bucket.slow_down()
            for _ in range(12):
                bucket.speed_up()
                rates.append(round(bucket.per_second, 3))
            return rates

        rates = run_virtual(recover())
        assert rates[:2] == [2.2, 2.4]
        assert rates[-2:] == [4.0, 4.0]

    def test_no_burst_follows_a_throttled_call(self) -> None:
        async def after_throttling() -> float:
            bucket = Bucket(Rate(1.0, burst=10))
            await bucket.take()
            bucket.slow_down()
            return await bucket.take()

        assert run_virtual(after_throttling()) == pytest.approx(2.0)

    def test_a_cancelled_wait_gives_its_turn_back(self) -> None:
        async def cancel_one() -> float:
            bucket = Bucket(Rate(1.0))
            await bucket.take()
            waiting = asyncio.create_task(bucket.take())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            return await bucket.take()

        assert run_virtual(cancel_one()) == pytest.approx(1.0)

"""The pace of calls, on virtual time."""

import asyncio

import pytest

from addons.runtime.bucket import Bucket, Rate
from tests.support.virtual import run_virtual


def now() -> float:
    return asyncio.get_running_loop().time()


async def arrivals(bucket: Bucket, count: int) -> list[float]:
    """When each of so many calls got its token, all asked for at once."""

    async def call() -> float:
        await bucket.take()
        return round(now(), 2)

    return list(await asyncio.gather(*(call() for _ in range(count))))


class TestPace:
    def test_a_burst_passes_and_the_rest_is_spread(self) -> None:
        async def story() -> list[float]:
            return await arrivals(Bucket(Rate(5, burst=2)), 5)

        assert run_virtual(story()) == [0, 0, 0.2, 0.4, 0.6]

    def test_an_idle_bucket_fills_up_to_the_burst_and_no_further(self) -> None:
        async def story() -> list[float]:
            bucket = Bucket(Rate(1, burst=2))
            await arrivals(bucket, 2)
            await asyncio.sleep(100)
            return [at - 100 for at in await arrivals(bucket, 3)]

        assert run_virtual(story()) == pytest.approx([0, 0, 1], abs=0.02)

    def test_the_wait_is_told(self) -> None:
        async def story() -> list[float]:
            bucket = Bucket(Rate(2, burst=1))
            return [await bucket.take() for _ in range(2)]

        assert run_virtual(story()) == pytest.approx([0, 0.5], abs=0.01)

    def test_who_is_cancelled_while_waiting_takes_nothing(self) -> None:
        async def story() -> float:
            bucket = Bucket(Rate(1, burst=1))
            await bucket.take()
            waiting = asyncio.ensure_future(bucket.take())
            await asyncio.sleep(0.5)
            waiting.cancel()
            await bucket.take()
            return now()

        assert run_virtual(story()) == pytest.approx(1, abs=0.01)


class TestThrottling:
    def test_a_refusal_halves_the_rate_and_empties_the_bucket(self) -> None:
        async def story() -> list[float]:
            bucket = Bucket(Rate(4, burst=4))
            bucket.slow_down()
            assert bucket.per_second == 2
            return await arrivals(bucket, 2)

        first, second = run_virtual(story())
        assert 0.4 < first <= 0.5
        assert 0.3 < second - first <= 0.5

    def test_refusals_of_calls_that_were_under_way_together_count_once(self) -> None:
        async def story() -> float:
            bucket = Bucket(Rate(4, burst=4))
            for _ in range(8):
                bucket.slow_down()
            return bucket.per_second

        assert run_virtual(story()) == 2

    def test_the_rate_never_falls_below_a_sixteenth(self) -> None:
        async def story() -> float:
            bucket = Bucket(Rate(16, burst=4))
            for _ in range(50):
                bucket.slow_down()
                await asyncio.sleep(1)
            bucket.slow_down()
            return bucket.per_second

        assert run_virtual(story()) >= 1

    def test_the_rate_climbs_back_steadily_to_its_full_height(self) -> None:
        async def story() -> list[float]:
            bucket = Bucket(Rate(4, burst=4))
            bucket.slow_down()
            rates = []
            for _ in range(4):
                await asyncio.sleep(4)
                await bucket.take()
                rates.append(bucket.per_second)
            return rates

        assert run_virtual(story()) == pytest.approx([2.8, 3.6, 4, 4])

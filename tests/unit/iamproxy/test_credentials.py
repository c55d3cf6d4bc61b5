"""Credentials: one call for each key, never ones about to end, and few calls while STS is away."""

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from random import Random

import pytest
from prometheus_client import REGISTRY

from addons.iamproxy.cache.credentials import FLOOR, CredentialCache
from addons.iamproxy.model.credentials import CredentialKey, Credentials, Denial, credentials_of
from addons.runtime.errors import Denied, Invalid, NotFound, OutsideError, Throttled, Unavailable
from tests.support.virtual import run_virtual, virtual_now

KEY = CredentialKey("arn:aws:iam::111111111111:role/web", session_name="s")


class FakeSts:
    """Answers after `latency` seconds, with credentials of `lifetime` or the error of the moment."""

    def __init__(self, latency: float = 0.05, lifetime: timedelta = timedelta(hours=1)) -> None:
        self.latency = latency
        self.lifetime = lifetime
        self.error: OutsideError | None = None
        self.calls: Counter[CredentialKey] = Counter()

    async def fetch(self, key: CredentialKey) -> Credentials:
        self.calls[key] += 1
        await asyncio.sleep(self.latency)
        if self.error:
            raise self.error
        return credentials_of(
            access_key_id=f"ASIA{self.calls[key]}",
            secret_access_key="secret",
            token="token",
            expiration=virtual_now() + self.lifetime,
            account_id="111111111111",
            now=virtual_now(),
        )


def tell(story: Callable[[FakeSts, CredentialCache], Awaitable[None]]) -> None:
    async def main() -> None:
        sts = FakeSts()
        cache = CredentialCache(sts.fetch, now=virtual_now, rng=Random(1))
        await story(sts, cache)
        await cache.close()

    run_virtual(main())


def key(number: int) -> CredentialKey:
    return CredentialKey(f"arn:aws:iam::111111111111:role/web-{number}", session_name="s")


class TestSharing:
    def test_a_thousand_ask_and_sts_is_called_once(self) -> None:
        async def story(sts: FakeSts, cache: CredentialCache) -> None:
            found = await asyncio.gather(*(cache.get(KEY, 0.9) for _ in range(1000)))
            assert sts.calls == {KEY: 1}
            assert all(isinstance(each, Credentials) for each in found)

        tell(story)

    def test_a_hundred_roles_are_a_hundred_calls(self) -> None:
        async def story(sts: FakeSts, cache: CredentialCache) -> None:
            keys = [key(number % 100) for number in range(1000)]
            await asyncio.gather(*(cache.get(each, 0.9) for each in keys))
            assert set(sts.calls.values()) == {1}
            assert len(sts.calls) == 100

        tell(story)

    def test_who_stops_waiting_does_not_stop_the_call(self) -> None:
        async def story(sts: FakeSts, cache: CredentialCache) -> None:
            sts.latency = 2.0
            assert await cache.get(KEY, 0.9) is None
            assert await cache.get(KEY, 0.9) is None
            assert isinstance(await cache.get(KEY, 0.9), Credentials)
            assert sts.calls == {KEY: 1}

        tell(story)

    def test_who_is_cancelled_does_not_stop_the_call_either(self) -> None:
        async def story(sts: FakeSts, cache: CredentialCache) -> None:
            asking = asyncio.create_task(cache.get(KEY, 0.9))
            await asyncio.sleep(0.01)
            asking.cancel()
            assert isinstance(await cache.get(KEY, 0.9), Credentials)
            assert sts.calls == {KEY: 1}

        tell(story)

    def test_other_external_ids_are_other_credentials(self) -> None:
        async def story(sts: FakeSts, cache: CredentialCache) -> None:
            one, other = (CredentialKey(KEY.role_arn, external_id=each) for each in ("x", "y"))
            await asyncio.gather(cache.get(one, 0.9), cache.get(other, 0.9))
            assert sts.calls == {one: 1, other: 1}

        tell(story)


class TestRefusals:
    @pytest.mark.parametrize("kind", [Denied, Invalid, NotFound])
    def test_a_denial_is_told_and_not_asked_again_for_half_a_minute(self, kind: type[OutsideError]) -> None:
        async def story(sts: FakeSts, cache: CredentialCache) -> None:
            sts.error = kind("not you")
            for _ in range(6):
                assert await cache.get(KEY, 0.9) == Denial("AssumeRoleUnauthorizedAccess", "not you")
            assert sts.calls == {KEY: 1}
            await asyncio.sleep(30)
            sts.error = None
            assert isinstance(await cache.get(KEY, 0.9), Credentials)

        tell(story)

    def test_without_anybody_asking_a_denied_role_is_asked_for_ever_less_often(self) -> None:
        async def story(sts: FakeSts, cache: CredentialCache) -> None:
            sts.error = Denied("not you")
            rests = []
            for _ in range(30):
                cache.start(KEY)
                await cache.settle()
                rests.append(cache.blocked()[KEY].seconds)
                await asyncio.sleep(rests[-1])
            assert min(rests) >= 30
            assert rests[0] <= 90 < rests[2]
            assert max(rests) == 600

        tell(story)

    def test_a_denied_renewal_leaves_the_old_ones_in_use_down_to_the_floor(self) -> None:
        async def story(sts: FakeSts, cache: CredentialCache) -> None:
            await cache.get(KEY, 0.9)
            sts.error = Denied("no more")
            await asyncio.sleep(31 * 60)
            cache.start(KEY)
            await cache.settle()
            await asyncio.sleep(18 * 60)
            assert isinstance(await cache.get(KEY, 0.9), Credentials)
            await asyncio.sleep(60)
            assert isinstance(await cache.get(KEY, 0.9), Denial)

        tell(story)

    def test_credentials_that_end_at_once_are_never_handed_out(self) -> None:
        async def story(sts: FakeSts, cache: CredentialCache) -> None:
            sts.lifetime = timedelta(minutes=9)
            assert await cache.get(KEY, 0.9) is None
            assert cache.find(KEY) is None

        tell(story)


class TestOutages:
    def test_a_short_stumble_of_sts_is_not_noticed(self) -> None:
        async def story(sts: FakeSts, cache: CredentialCache) -> None:
            sts.error = Unavailable("moment")
            asyncio.get_running_loop().call_later(0.1, setattr, sts, "error", None)
            assert isinstance(await cache.get(KEY, 3.0), Credentials)

        tell(story)

    def test_while_sts_is_away_a_thousand_pods_make_few_calls(self) -> None:
        async def story(sts: FakeSts, cache: CredentialCache) -> None:
            sts.error = Unavailable("away")
            for _ in range(60):
                found = await asyncio.gather(*(cache.get(key(number), 0.9) for number in range(100)))
                assert set(found) == {None}
            assert cache.is_away
            assert sts.calls.total() < 130

        tell(story)

    def test_while_sts_is_away_many_renewals_are_one_call_at_a_time(self) -> None:
        async def story(sts: FakeSts, cache: CredentialCache) -> None:
            sts.error = Unavailable("away")
            for _ in range(10 * 60):
                for number in range(100):
                    cache.start(key(number))
                await asyncio.sleep(1)
            assert sts.calls.total() < 100 + 10 * 60 / 20

        tell(story)

    def test_throttling_counts_as_away(self) -> None:
        async def story(sts: FakeSts, cache: CredentialCache) -> None:
            sts.error = Throttled("Rate exceeded")
            await asyncio.gather(*(cache.get(key(number), 0.9) for number in range(10)))
            assert cache.is_away

        tell(story)

    def test_a_denial_is_an_answer(self) -> None:
        async def story(sts: FakeSts, cache: CredentialCache) -> None:
            sts.error = Denied("not you")
            await asyncio.gather(*(cache.get(key(number), 0.9) for number in range(10)))
            assert not cache.is_away

        tell(story)

    def test_all_is_well_soon_after_sts_is_back(self) -> None:
        async def story(sts: FakeSts, cache: CredentialCache) -> None:
            sts.error = Unavailable("away")
            for _ in range(20):
                await asyncio.gather(*(cache.get(key(number), 0.9) for number in range(10)))
            sts.error = None
            await asyncio.sleep(60)
            found = await asyncio.gather(*(cache.get(key(number), 0.9) for number in range(10)))
            assert all(isinstance(each, Credentials) for each in found)
            assert not cache.is_away

        tell(story)

    def test_forty_minutes_without_sts_leave_pods_working_as_long_as_physics_allows(self) -> None:
        """Credentials of an hour, renewed at half of it: the outage begins just before, at the worst time."""

        async def story(sts: FakeSts, cache: CredentialCache) -> None:
            await cache.get(KEY, 0.9)
            await asyncio.sleep(26 * 60)
            sts.error = Unavailable("away")
            served, least = 0, timedelta.max
            for minute in range(40):
                cache.start(KEY)
                found = await cache.get(KEY, 0.9)
                if isinstance(found, Credentials):
                    served = minute
                    least = min(least, found.remaining(virtual_now()))
                await asyncio.sleep(60)
            assert served == 24
            assert least >= FLOOR
            sts.error = None
            await asyncio.sleep(60)
            assert isinstance(await cache.get(KEY, 0.9), Credentials)

        tell(story)


class TestKeeping:
    def test_renewal_is_due_at_half_of_the_time_give_or_take_a_tenth(self) -> None:
        async def story(sts: FakeSts, cache: CredentialCache) -> None:
            await asyncio.gather(*(cache.get(key(number), 0.9) for number in range(100)))
            due = {(each.renew_at - virtual_now()).total_seconds() / 60 for each in cache.held().values()}
            assert 26.9 < min(due) < 28 < 32 < max(due) < 33.1

        tell(story)

    def test_what_has_little_time_left_is_fetched_anew_while_sts_works(self) -> None:
        async def story(sts: FakeSts, cache: CredentialCache) -> None:
            await cache.get(KEY, 0.9)
            await asyncio.sleep(36 * 60)
            assert cache.find(KEY) is None
            found = await cache.get(KEY, 0.9)
            assert isinstance(found, Credentials)
            assert found.access_key_id == "ASIA2"

        tell(story)

    def test_it_is_measured_when_the_first_of_those_ends_that_pods_may_have(self) -> None:
        def end() -> float | None:
            return REGISTRY.get_sample_value("addons_iamproxy_credentials_end_timestamp_seconds")

        async def story(sts: FakeSts, cache: CredentialCache) -> None:
            assert end() == math.inf, "nothing that could expire is no reason for an alert"
            cache.mark(())
            assert end() == math.inf
            await cache.get(key(1), 0.9)
            first = end()
            await asyncio.sleep(60)
            await cache.get(key(2), 0.9)
            assert end() == first
            cache.mark({key(2)})
            assert end() == pytest.approx((virtual_now() + sts.lifetime).timestamp(), abs=1)
            cache.drop(key(2))
            assert end() == math.inf

        tell(story)

    def test_what_is_dropped_is_gone(self) -> None:
        async def story(sts: FakeSts, cache: CredentialCache) -> None:
            await cache.get(KEY, 0.9)
            cache.mark(set())
            assert cache.held()[KEY].unwanted_since == virtual_now()
            cache.drop(KEY)
            assert cache.held() == {}

        tell(story)

    def test_a_secret_shows_in_no_text(self) -> None:
        async def story(sts: FakeSts, cache: CredentialCache) -> None:
            found = await cache.get(KEY, 0.9)
            assert "secret" not in f"{found!r} {found}"
            assert "token" not in f"{found!r} {found}"

        tell(story)

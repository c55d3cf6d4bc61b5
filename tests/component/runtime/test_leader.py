"""At most one candidate acts at any time, and one does whenever it can."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest

from addons.runtime.clock import parse_rfc3339
from addons.runtime.kube import KubeClient
from addons.runtime.leader import Leader
from addons.runtime.runnable import Runnable
from addons.sim.kubeapi.faults import Fault
from addons.sim.kubeapi.server import KubeApi
from tests.support.drawn import Draw
from tests.support.hostile import write_kubeconfig
from tests.support.proxy import Mode, Proxy
from tests.support.virtual import START, run_virtual, virtual_now


@dataclass
class Diary:
    """Who acted from when to when, in the order of the beginnings."""

    terms: list[tuple[str, float, float]] = field(default_factory=list)
    acting: str = ""

    def work(self, name: str, *, last_breath: float = 0.0, obeys: bool = True) -> Runnable:
        """Work that notes its time; one that does not obey has to be cancelled."""

        async def act(stopping: asyncio.Event) -> None:
            clock = asyncio.get_running_loop().time
            began = clock()
            self.acting = name
            try:
                await (stopping.wait() if obeys else asyncio.sleep(10**6))
            finally:
                await asyncio.sleep(last_breath)
                self.terms.append((name, began, clock()))
                self.acting = ""

        return act

    async def until_acting(self, *names: str) -> None:
        """Return when one of `names` acts (any one by default)."""
        while not (self.acting in names if names else self.acting):
            await asyncio.sleep(0.05)


class Candidate:
    """A replica with its own connection and its own, wrong, idea of the time."""

    def __init__(self, name: str, kube: KubeClient, proxy: Proxy, work: Runnable, rng: Random) -> None:
        self.name = name
        self.proxy = proxy
        self.error: Exception | None = None
        self.skew = timedelta(hours=rng.uniform(-48, 48))
        self.leader = Leader(
            kube,
            namespace="kube-system",
            name="dns",
            identity=name,
            now=lambda: virtual_now() + self.skew,
            rng=Random(rng.random()),
        )
        self._service = self.leader.lead(work)
        self.start()

    def start(self) -> None:
        self._stopping = asyncio.Event()
        self._task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        try:
            await self._service(self._stopping)
        except RuntimeError as error:
            self.error = error

    async def stop(self) -> None:
        """What SIGTERM does: returns when the candidate has ended."""
        self._stopping.set()
        await self._task

    async def kill(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])


@dataclass
class Election:
    """An API server and the candidates around it."""

    api: KubeApi
    diary: Diary
    directory: Path
    rng: Random
    candidates: dict[str, Candidate] = field(default_factory=dict)

    @asynccontextmanager
    async def candidate(self, name: str, work: Runnable | None = None) -> AsyncIterator[Candidate]:
        token = self.api.add_user(name, groups=("system:masters",))
        async with Proxy(self.api.url, self.rng).running() as proxy:
            path = write_kubeconfig(self.directory / name, proxy.url, {"token": token})
            async with KubeClient.connect(path) as kube:
                candidate = Candidate(name, kube, proxy, work or self.diary.work(name), self.rng)
                self.candidates[name] = candidate
                yield candidate
                await candidate.kill()

    def lease(self) -> dict[str, Any]:
        spec = self.api.store.get("coordination.k8s.io/v1", "leases", "kube-system", "dns")["spec"]
        return cast(dict[str, Any], spec)


@asynccontextmanager
async def election(directory: Path, rng: Random | None = None) -> AsyncIterator[Election]:
    async with KubeApi() as api:
        yield Election(api, Diary(), directory, rng or Random(1))


class TestHandOver:
    """How leadership goes from one to the other."""

    def test_the_first_one_leads_and_the_lease_says_so(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with election(tmp_path) as world, world.candidate("a") as a:
                await world.diary.until_acting("a")
                spec = world.lease()
                assert spec["holderIdentity"] == a.leader.leader_identity
                assert spec["holderIdentity"].startswith("a_")
                assert spec["leaseDurationSeconds"] == 15
                assert spec["leaseTransitions"] == 0
                assert spec["renewTime"] == spec["acquireTime"]
                await asyncio.sleep(60)
                assert world.lease()["renewTime"] > spec["renewTime"]
                assert world.lease()["acquireTime"] == spec["acquireTime"]
                assert a.leader.is_leading
                assert a.leader.remaining() > 10

        run_virtual(main())

    def test_the_second_one_waits_and_knows_who_leads(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with election(tmp_path) as world, world.candidate("a") as a:
                await world.diary.until_acting("a")
                async with world.candidate("b") as b:
                    await asyncio.sleep(100)
                    assert (b.leader.is_leading, b.leader.remaining()) == (False, 0.0)
                    assert b.leader.leader_identity == a.leader.leader_identity
                    assert world.diary.terms == []

        run_virtual(main())

    def test_a_stop_hands_over_without_waiting_for_the_lease_to_expire(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with election(tmp_path) as world, world.candidate("a") as a:
                await world.diary.until_acting("a")
                async with world.candidate("b"):
                    await a.stop()
                    assert world.lease()["holderIdentity"] == ""
                    async with asyncio.timeout(4.1):
                        await world.diary.until_acting("b")
                    assert world.lease()["leaseTransitions"] == 1

        run_virtual(main())

    @pytest.mark.parametrize("mode", ["hang", "cut", "deaf"])
    def test_who_loses_the_connection_stops_first(self, tmp_path: Path, mode: Mode) -> None:
        async def main() -> None:
            async with election(tmp_path) as world, world.candidate("a") as a:
                await world.diary.until_acting("a")
                async with world.candidate("b"):
                    await asyncio.sleep(30)
                    a.proxy.mode = mode
                    await world.diary.until_acting("b")
                    ((name, _, ended),) = world.diary.terms
                    assert (name, a.leader.is_leading) == ("a", False)
                    assert ended < 30 + 13

        run_virtual(main())

    def test_its_time_counts_from_before_a_renewal_was_sent(self, tmp_path: Path) -> None:
        """The others may have seen the renewal at once, however late its answer came."""

        async def main() -> None:
            async with election(tmp_path) as world, world.candidate("a") as a:
                await world.diary.until_acting("a")
                a.proxy.mode = "late"
                await asyncio.sleep(30)
                a.proxy.mode = "hang"
                await asyncio.sleep(30)
                renewed = parse_rfc3339(world.lease()["renewTime"]) - a.skew - START
                assert world.diary.terms[0][2] <= renewed.total_seconds() + 10.1

        run_virtual(main())

    def test_it_campaigns_again_afterwards(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with election(tmp_path) as world, world.candidate("a") as a:
                await world.diary.until_acting("a")
                a.proxy.mode = "cut"
                await asyncio.sleep(60)
                a.proxy.mode = "pass"
                async with asyncio.timeout(5):
                    await world.diary.until_acting("a")
                assert len(world.diary.terms) == 1

        run_virtual(main())

    def test_a_restarted_holder_with_the_same_name_waits_like_any_other(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with election(tmp_path) as world, world.candidate("a") as first:
                await world.diary.until_acting("a")
                first.proxy.mode = "hang"
                await first.kill()
                began = asyncio.get_running_loop().time()
                async with world.candidate("a"):
                    await world.diary.until_acting("a")
                    assert asyncio.get_running_loop().time() - began >= 15

        run_virtual(main())

    def test_a_lease_that_was_taken_away_ends_the_work_at_the_next_renewal(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with election(tmp_path) as world, world.candidate("a"):
                await world.diary.until_acting("a")
                lease = world.api.store.get("coordination.k8s.io/v1", "leases", "kube-system", "dns")
                lease["spec"]["holderIdentity"] = "somebody"
                world.api.store.update("coordination.k8s.io/v1", "leases", lease)
                await asyncio.sleep(3)
                assert world.diary.acting == ""
                await asyncio.sleep(10)
                assert world.diary.acting == ""

        run_virtual(main())

    def test_an_edit_of_the_lease_by_somebody_else_changes_nothing(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with election(tmp_path) as world, world.candidate("a"):
                await world.diary.until_acting("a")
                lease = world.api.store.get("coordination.k8s.io/v1", "leases", "kube-system", "dns")
                lease["metadata"]["annotations"] = {"edited": "yes"}
                world.api.store.update("coordination.k8s.io/v1", "leases", lease)
                await asyncio.sleep(60)
                assert (world.diary.acting, world.diary.terms) == ("a", [])

        run_virtual(main())


class TestWork:
    """What becomes of the work under the lease."""

    def ended(self, directory: Path, work: Callable[[Diary], Runnable]) -> float:
        """When work that began at 0 ended after its connection had hung from the beginning."""

        async def main() -> float:
            async with election(directory) as world, world.candidate("a", work(world.diary)) as a:
                await world.diary.until_acting()
                a.proxy.mode = "hang"
                await asyncio.sleep(40)
                return world.diary.terms[0][2]

        return run_virtual(main())

    def test_it_is_asked_to_stop_when_renewal_has_failed_for_too_long(self, tmp_path: Path) -> None:
        assert self.ended(tmp_path, lambda diary: diary.work("a")) == pytest.approx(10, abs=0.2)

    def test_it_is_cancelled_and_awaited_before_the_lease_is_over(self, tmp_path: Path) -> None:
        stubborn = self.ended(tmp_path, lambda diary: diary.work("a", obeys=False, last_breath=1.0))
        assert stubborn == pytest.approx(14.5, abs=0.2)

    def test_its_failure_releases_the_lease_and_is_passed_on(self, tmp_path: Path) -> None:
        async def fails(_: asyncio.Event) -> None:
            await asyncio.sleep(5)
            raise RuntimeError("broken")

        async def main() -> None:
            async with election(tmp_path) as world, world.candidate("a", fails) as a:
                await asyncio.sleep(20)
                assert str(a.error) == "broken"
                assert world.lease()["holderIdentity"] == ""

        run_virtual(main())

    def test_it_may_finish_under_a_lease_that_is_still_renewed(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with election(tmp_path) as world:
                slow = world.diary.work("a", last_breath=40)
                async with world.candidate("a", slow) as a, world.candidate("b"):
                    await world.diary.until_acting("a")
                    await a.stop()
                    assert world.diary.terms[0][2] >= 40
                    await world.diary.until_acting("b")

        run_virtual(main())


class TestServer:
    """What candidates ask of the API server."""

    @pytest.mark.parametrize(("status", "least", "most"), [(500, 11, 31), (429, 11, 31), (403, 4, 12)])
    def test_no_spin(self, tmp_path: Path, status: int, least: int, most: int) -> None:
        """A right that is missing is asked for less and less often."""

        async def main() -> int:
            async with election(tmp_path) as world:
                world.api.faults.add(Fault(resource="leases", status=status))
                async with world.candidate("a"):
                    await asyncio.sleep(60)
                    return len(world.api.requests)

        assert least <= run_virtual(main()) <= most

    def test_without_a_right_it_is_not_ready_and_says_why_and_leads_within_30_s_of_getting_it(
        self, tmp_path: Path
    ) -> None:
        async def main() -> float:
            async with election(tmp_path) as world:
                world.api.faults.add(Fault(resource="leases", status=403))
                async with world.candidate("a") as one:
                    await asyncio.sleep(600)
                    reason = "get leases.coordination.k8s.io kube-system/dns: 403 Forbidden"
                    assert one.leader.not_ready().startswith(
                        f"lease kube-system/dns is out of reach: {reason}"
                    )
                    fault = one.leader.fault()
                    assert fault
                    assert (fault.about, fault.reason) == ("lease kube-system/dns", "Forbidden")
                    world.api.faults.clear()
                    given_at = asyncio.get_running_loop().time()
                    await world.diary.until_acting()
                    assert (one.leader.not_ready(), one.leader.fault()) == ("", None)
                    return asyncio.get_running_loop().time() - given_at

        assert run_virtual(main()) < 30

    def test_times_that_cannot_be_kept_are_refused(self) -> None:
        with pytest.raises(ValueError, match="lease needs"):
            Leader(cast(KubeClient, None), namespace="n", name="n", identity="i", renew_seconds=14.0)


async def disturb(world: Election, rng: Random) -> None:
    """One misfortune of random kind and length, mostly for the one who acts."""
    await world.diary.until_acting()
    await asyncio.sleep(rng.uniform(0, 12))
    acting = world.candidates.get(world.diary.acting) or rng.choice(list(world.candidates.values()))
    kind = rng.choice(["slow", "late", "hang", "deaf", "cut", "errors", "stop", "all slow", "all hang"])
    seconds = rng.uniform(1, 40)
    victims = list(world.candidates.values()) if kind.startswith("all") else [acting]
    if kind == "stop":
        await acting.stop()
        await asyncio.sleep(seconds / 4)
        acting.start()
    elif kind == "errors":
        status = rng.choice([500, 429, 403, 409, 404, 503])
        world.api.faults.add(Fault(user=acting.name, resource="leases", status=status))
        await asyncio.sleep(seconds)
        world.api.faults.clear()
    else:
        for victim in victims:
            victim.proxy.mode = cast(Mode, kind.removeprefix("all "))
        await asyncio.sleep(seconds)
        for victim in victims:
            victim.proxy.mode = "pass"


@pytest.mark.parametrize("number", [1, 2])
def test_two_candidates_never_both_act_in_many_hand_overs(tmp_path: Path, draw: Draw, number: int) -> None:
    """Three candidates with clocks days apart, one of which has to be cancelled, and a bad network."""
    rounds = draw.rounds(30, of=100)

    async def main() -> list[tuple[str, float, float]]:
        async with election(tmp_path, draw.random()) as world:
            diary = world.diary
            rng = world.rng
            stubborn = diary.work("c", obeys=False, last_breath=1.0)
            breath = diary.work("b", last_breath=1.0)
            async with (
                world.candidate("a"),
                world.candidate("b", breath),
                world.candidate("c", stubborn) as c,
            ):
                # The stubborn one cannot be stopped by a request, as it never obeys one.
                c.stop = c.kill  # type: ignore[method-assign]
                while hand_overs(diary.terms) < rounds:
                    await disturb(world, rng)
        return diary.terms

    terms = sorted(run_virtual(main()), key=lambda term: term[1])
    for (_, _, ended), (_, began, _) in pairwise(terms):
        assert ended <= began
    assert hand_overs(terms) >= rounds


def hand_overs(terms: list[tuple[str, float, float]]) -> int:
    return sum(one[0] != other[0] for one, other in pairwise(terms))

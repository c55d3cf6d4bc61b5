"""Nothing is sent to AWS without permission: real threads, a real Lease, real botocore, every kind of delay.

A replica calls AWS under a lease of one second. What it sends is delayed; meanwhile it loses the lease, or
is told to stop. The change must not reach AWS, and nobody else may lead while it still could.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from addons.runtime.aws import AwsSession
from addons.runtime.bucket import Rate
from addons.runtime.errors import OutsideError, Withheld
from addons.runtime.kube import KubeClient
from addons.runtime.leader import Leader
from addons.runtime.permit import Permit
from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from tests.support.hostile import write_kubeconfig
from tests.support.proxy import Proxy
from tests.support.until import until

DELAY = 2.0
"""Seconds; longer than the lease."""

CHANGE = "ChangeResourceRecordSets"
FAST = Rate(per_second=1000, burst=100)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@dataclass
class World:
    """A simulated AWS with one zone, and the session of the replica under test."""

    endpoint: AwsEndpoint
    zone_id: str
    aws: AwsSession
    role: str = ""
    results: list[Any] = field(default_factory=list)

    async def change(self, permit: Permit | None) -> None:
        """Make one change, and note how that ended."""
        record = {
            "Name": "a.example.com",
            "Type": "A",
            "TTL": 60,
            "ResourceRecords": [{"Value": "192.0.2.1"}],
        }
        try:
            reply = await self.aws.call(
                "route53",
                "change_resource_record_sets",
                permit=permit,
                role=self.role,
                HostedZoneId=self.zone_id,
                ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]},
            )
        except OutsideError as error:
            self.results.append(error)
        else:
            self.results.append(reply)

    async def read(self) -> None:
        await self.aws.call("route53", "get_hosted_zone_count")

    @property
    def changes(self) -> int:
        return sum(call.operation == CHANGE and not call.error for call in self.endpoint.calls)


Delay = Callable[[World, pytest.MonkeyPatch], Any]


async def assume_role(world: World, patch: pytest.MonkeyPatch) -> None:
    """STS takes its time to give the credentials that the call needs."""
    world.role = world.endpoint.sts.create_role("records").arn
    world.endpoint.faults.slow("AssumeRole", DELAY)


async def name_server(world: World, patch: pytest.MonkeyPatch) -> None:
    """The name of the endpoint takes its time to be resolved, when the request is signed already."""
    resolve = socket.getaddrinfo

    def slowly(host: Any, *rest: Any, **more: Any) -> Any:
        if host == "localhost":
            time.sleep(DELAY)
        return resolve(host, *rest, **more)

    patch.setattr(socket, "getaddrinfo", slowly)


async def token_bucket(world: World, patch: pytest.MonkeyPatch) -> None:
    """Calls before it have used up the rate."""
    world.aws._rates["route53"] = Rate(per_second=1 / DELAY, burst=1)
    await world.read()


async def busy_threads(world: World, patch: pytest.MonkeyPatch) -> None:
    """Other calls of the service have all its threads."""
    world.endpoint.faults.slow("GetHostedZoneCount", DELAY)
    for _ in range(world.aws._threads):
        asyncio.get_running_loop().create_task(world.read())
    await asyncio.sleep(0.1)


async def repetition(world: World, patch: pytest.MonkeyPatch) -> None:
    """AWS was out of order when it was sent first; botocore waits, and sends it again."""
    world.endpoint.faults.add(operation=CHANGE, code="InternalError", message="", status=500, times=1)
    patch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: DELAY)


async def no_delay(world: World, patch: pytest.MonkeyPatch) -> None:
    """None."""


DELAYS = [assume_role, name_server, token_bucket, busy_threads, repetition]
by_delay = pytest.mark.parametrize("delay", DELAYS, ids=lambda delay: delay.__name__)


@asynccontextmanager
async def given(delay: Delay, patch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    async with AwsEndpoint() as endpoint:
        url = endpoint.url.replace("127.0.0.1", "localhost")
        async with AwsSession(
            region="eu-central-1", endpoint_url=url, rates={"route53": Rate(1000, 100, attempts=3)}, threads=2
        ) as aws:
            world = World(endpoint, endpoint.route53.create_zone("example.com"), aws)
            await delay(world, patch)
            yield world
            await aws.settled()


def lease(kube: KubeClient, name: str, aws: AwsSession, seconds: float = 1.0) -> Leader:
    return Leader(
        kube,
        namespace="kube-system",
        name="dns",
        identity=name,
        lease_seconds=seconds,
        renew_seconds=0.6 * seconds,
        retry_seconds=0.1 * seconds,
        settled=aws.settled,
        rng=Random(1),
    )


class TestDelays:
    """What the tests below rest on: each delay is one, and without them the change is made."""

    @by_delay
    async def test_the_change_is_made_late(self, delay: Delay, monkeypatch: pytest.MonkeyPatch) -> None:
        async with given(delay, monkeypatch) as world:
            task = asyncio.ensure_future(world.change(Permit(asyncio.Event())))
            await asyncio.sleep(DELAY / 2)
            assert world.changes == 0
            await task
            assert world.changes == 1

    async def test_without_a_delay_it_is_made_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with given(no_delay, monkeypatch) as world:
            await world.change(Permit(asyncio.Event()))
            assert world.changes == 1


class TestLostLease:
    @by_delay
    async def test_nothing_is_changed_when_another_replica_leads(
        self, delay: Delay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with KubeApi() as api, Proxy(api.url, Random(1)).running() as proxy:
            token = api.add_user("dns", groups=("system:masters",))
            ours = write_kubeconfig(tmp_path / "a", proxy.url, {"token": token})
            theirs = write_kubeconfig(tmp_path / "b", api.url, {"token": token})
            async with (
                KubeClient.connect(ours) as kube,
                KubeClient.connect(theirs) as other,
                given(delay, monkeypatch) as world,
            ):
                first, second = lease(kube, "a", world.aws), lease(other, "b", world.aws)
                stopping, leads = asyncio.Event(), asyncio.Event()
                at_takeover: list[int] = []

                async def act(halt: asyncio.Event) -> None:
                    proxy.mode = "cut"
                    await world.change(Permit(halt, lease_left=first.remaining))
                    await halt.wait()

                async def take_over(halt: asyncio.Event) -> None:
                    leads.set()
                    at_takeover.append(world.changes)
                    await halt.wait()

                one = asyncio.ensure_future(first.lead(act)(stopping))
                await asyncio.sleep(0.1)
                two = asyncio.ensure_future(second.lead(take_over)(stopping))
                await leads.wait()
                await asyncio.sleep(DELAY)
                await world.aws.settled()
                stopping.set()
                await asyncio.gather(one, two)
                assert world.changes == at_takeover[0], "none since the other leads"

    async def test_a_cancelled_read_is_not_sent_either(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with given(name_server, monkeypatch) as world:
            task = asyncio.ensure_future(world.read())
            await asyncio.sleep(DELAY / 4)
            task.cancel()
            await asyncio.wait([task])
            await world.aws.settled()
            assert world.endpoint.calls == []


class TestDeletedLease:
    async def test_a_term_does_not_begin_beside_a_call_of_the_term_before(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with KubeApi() as api, given(no_delay, monkeypatch) as world:
            token = api.add_user("dns", groups=("system:masters",))
            path = write_kubeconfig(tmp_path / "a", api.url, {"token": token})
            async with KubeClient.connect(path) as kube:
                leader, stopping = lease(kube, "a", world.aws, seconds=3), asyncio.Event()
                await world.read()
                world.endpoint.faults.slow(CHANGE, 4.0)
                terms: list[int] = []

                async def act(halt: asyncio.Event) -> None:
                    terms.append(world.changes)
                    if len(terms) == 1:
                        task = asyncio.ensure_future(world.change(Permit(halt, lease_left=leader.remaining)))
                        await asyncio.sleep(0.5)
                        api.store.delete("coordination.k8s.io/v1", "leases", "kube-system", "dns")
                        await task
                    await halt.wait()

                campaign = asyncio.ensure_future(leader.lead(act)(stopping))
                await until(lambda: len(terms) == 2)
                stopping.set()
                await campaign
                assert terms == [0, 1], "the second term begins when the change of the first has been made"


class TestStop:
    @by_delay
    async def test_a_change_that_was_not_sent_yet_is_withheld(
        self, delay: Delay, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with given(delay, monkeypatch) as world:
            stopping = asyncio.Event()
            task = asyncio.ensure_future(world.change(Permit(stopping)))
            await asyncio.sleep(DELAY / 2)
            stopping.set()
            await task
            (result,) = world.results
            assert isinstance(result, Withheld)
            assert result.code == "Stopping"
            assert world.changes == 0

    async def test_a_read_ends_at_once_and_no_other_is_begun(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with given(no_delay, monkeypatch) as world:
            world.endpoint.faults.slow("GetHostedZoneCount", DELAY)
            task = asyncio.ensure_future(world.read())
            await asyncio.sleep(DELAY / 4)
            world.aws.stop()
            with pytest.raises(Withheld, match="told to stop"):
                await task
            assert world.endpoint.calls == [], "it was not waited for"
            with pytest.raises(Withheld, match="told to stop"):
                await world.read()

    async def test_a_change_on_the_wire_is_waited_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with given(no_delay, monkeypatch) as world:
            await world.read()
            world.endpoint.faults.slow(CHANGE, DELAY)
            stopping = asyncio.Event()
            task = asyncio.ensure_future(world.change(Permit(stopping)))
            await asyncio.sleep(DELAY / 4)
            stopping.set()
            world.aws.stop()
            await task
            assert world.changes == 1
            assert not isinstance(world.results[0], OutsideError)

    async def test_a_change_that_still_waits_for_credentials_is_not(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with given(assume_role, monkeypatch) as world:
            stopping = asyncio.Event()
            task = asyncio.ensure_future(world.change(Permit(stopping)))
            await asyncio.sleep(DELAY / 4)
            stopping.set()
            world.aws.stop()
            await task
            assert world.endpoint.calls == [], "STS has not answered yet"
            assert isinstance(world.results[0], Withheld)
            await asyncio.sleep(DELAY)
            assert world.changes == 0

    async def test_the_lease_is_kept_until_the_call_under_way_has_ended(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with KubeApi() as api, AwsEndpoint() as endpoint:
            token = api.add_user("dns", groups=("system:masters",))
            path = write_kubeconfig(tmp_path / "a", api.url, {"token": token})
            endpoint.faults.slow(CHANGE, 1.0)
            zone_id = endpoint.route53.create_zone("example.com")
            async with (
                KubeClient.connect(path) as kube,
                AwsSession(region="eu-central-1", endpoint_url=endpoint.url, rates={"route53": FAST}) as aws,
            ):
                world = World(endpoint, zone_id, aws)
                leader, stopping = lease(kube, "a", aws, seconds=10), asyncio.Event()
                await world.read()

                async def act(halt: asyncio.Event) -> None:
                    abandoned = asyncio.ensure_future(world.change(Permit(halt)))
                    await asyncio.sleep(0.5)
                    abandoned.cancel()

                async def watch() -> None:
                    await until(lambda: not _holder(api))
                    world.results.append(world.changes)

                campaign = asyncio.ensure_future(leader.lead(act)(stopping))
                await until(lambda: leader.is_leading)
                await watch()
                await campaign
                assert world.results == [1], "the lease was released when the change had been made"


def _holder(api: KubeApi) -> str:
    found = api.store.get("coordination.k8s.io/v1", "leases", "kube-system", "dns")
    return str(found["spec"]["holderIdentity"])

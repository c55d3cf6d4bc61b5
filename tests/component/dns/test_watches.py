"""Which objects are read again, and what may be concluded meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from addons.dns.controller.sources import Sources
from addons.dns.desired.settings import SourceSettings
from addons.dns.kube.statuses import Statuses
from addons.dns.kube.watches import SourceWatches
from addons.runtime.decisions import Decisions
from addons.runtime.kube import KubeClient
from addons.runtime.reporter import Reporter
from tests.support.dns_world import Object, World, service
from tests.support.until import until

WWW = ("Service", "default", "www")


@asynccontextmanager
async def watching(world: World) -> AsyncIterator[tuple[SourceWatches, Sources]]:
    """The caches of the source service, and what reads them when it is asked to."""
    async with KubeClient.connect(str(world.kubeconfig), user_agent="test") as kube:
        watches = SourceWatches(kube, sources=("service",), namespace="", with_nodes=False)
        sources = Sources(
            settings=SourceSettings(),
            watches=watches,
            statuses=Statuses(kube, watches.dns_endpoints),
            reporter=Reporter(decisions=Decisions(), events=None),
        )
        stopping = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(watches.run(stopping))
            await watches.wait_settled()
            yield watches, sources
            stopping.set()


def headless(name: str) -> Object:
    made = service(name)
    made["spec"] = {"clusterIP": "None", "ports": [{"port": 80}]}
    return made


async def test_what_changed_is_given_once(world: World) -> None:
    world.create(service("www", "192.0.2.1"))
    async with watching(world) as (watches, _):
        assert watches.take_changed() == [WWW]
        assert watches.take_changed() == []
        world.update(service("www", "192.0.2.2"))
        world.delete("www")
        await until(lambda: watches.services.get("default", "www") is None)
        assert watches.take_changed() == [WWW]


async def test_before_the_first_reading_nothing_piles_up(world: World) -> None:
    """A replica that has never led drops what changed: it will read every object when it leads."""
    world.create(service("www", "192.0.2.1"))
    async with watching(world) as (watches, sources):
        await watches.wait_changed()
        assert sources.update() == set()
        assert watches.take_changed() == []
        sources.begin()
        assert list(sources.index.without_zone()) == ["www.example.com"]


async def test_nothing_is_certain_until_services_that_depend_on_pods_were_read(world: World) -> None:
    world.create(headless("db"), service("www", "192.0.2.1"))
    async with watching(world) as (watches, sources):
        sources.begin()
        assert sources.not_ready() == "pods not read yet"
        await watches.wait_settled()
        assert watches.not_ready() == ""
        assert sources.not_ready() == "pods read just now"
        sources.update()
        assert not sources.is_waiting
        assert sources.not_ready() == ""

"""The Services of a whole cluster on every node, as kube-proxy keeps them, which does not run in tests."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from addons.albingress.model.objects import EndpointSlice, ServicePort
from addons.albingress.model.objects import Service as Object
from addons.runtime.errors import OutsideError
from addons.runtime.kube import KubeClient
from addons.sim.net import Namespace
from tests.support.service_proxy import Service, publish, withdraw

_PAUSE = 0.2
_SERVICE_NAME = "kubernetes.io/service-name"

Known = dict[str, Service]
"""By address: one port of TCP each, which is what the tests' Services have."""


@asynccontextmanager
async def proxied(kubeconfig: Path, places: Callable[[], Iterable[Namespace]]) -> AsyncIterator[None]:
    """Keep Services on all nodes that there are, old and new."""
    async with KubeClient.connect(str(kubeconfig)) as kube:
        following = asyncio.create_task(_follow(kube, places))
        try:
            yield
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following


async def _follow(kube: KubeClient, places: Callable[[], Iterable[Namespace]]) -> None:
    published: dict[Namespace, Known] = {}
    while True:
        with suppress(OutsideError):
            wanted = await _read(kube)
            for place in places():
                had = published.get(place, {})
                published[place] = wanted
                if had != wanted:
                    await asyncio.to_thread(_change, place, had, wanted)
        await asyncio.sleep(_PAUSE)


def _change(place: Namespace, had: Known, wanted: Known) -> None:
    for address in had.keys() - wanted.keys():
        withdraw(place, address)
    for address, service in wanted.items():
        if had.get(address) != service:
            publish(place, service)


async def _read(kube: KubeClient) -> Known:
    slices = await kube.list(EndpointSlice.resource, EndpointSlice)
    services = await kube.list(Object.resource, Object)
    return {
        service.spec.cluster_ip: _published(service, service.spec.ports[0], slices)
        for service in services
        if service.spec.selector and service.spec.cluster_ip not in ("", "None") and service.spec.ports
    }


def _published(service: Object, port: ServicePort, slices: Iterable[EndpointSlice]) -> Service:
    name = service.metadata.namespace, service.metadata.name
    mine = [
        each for each in slices if (each.metadata.namespace, each.metadata.labels.get(_SERVICE_NAME)) == name
    ]
    ports = {each.port for one in mine for each in one.ports if each.name == port.name}
    targets = sorted(address for one in mine for address in _ready(one))
    return Service(
        service.spec.cluster_ip,
        port.port,
        targets if ports else (),
        min(ports, default=0),
        node_port=port.node_port,
    )


def _ready(one: EndpointSlice) -> Iterator[str]:
    for endpoint in one.endpoints:
        if endpoint.conditions.ready is not False:
            yield from endpoint.addresses

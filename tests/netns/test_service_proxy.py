"""Services of tests, on nodes of the simulated VPC."""

from collections.abc import Iterator

import pytest

from addons.sim.fabric.echo import Echo
from tests.support.fabric import Site, seen_by, site
from tests.support.service_proxy import Service, publish

CLUSTER_IP, NODE_PORT = "10.96.0.7", 30080


@pytest.fixture
def vpc() -> Iterator[Site]:
    with site() as made:
        yield made


def service(*targets: str, is_local: bool = False) -> Service:
    return Service(CLUSTER_IP, 8080, targets, 80, node_port=NODE_PORT, is_local=is_local)


async def test_a_service_leads_to_each_of_its_targets(vpc: Site) -> None:
    publish(vpc.one.inside, service("10.0.1.4", "10.0.1.5"))
    with Echo(vpc.one.inside) as here, Echo(vpc.two.inside) as there:
        for _ in range(40):
            assert await seen_by(vpc.one.inside, CLUSTER_IP, port=8080) == "10.0.1.4"
    assert here.seen
    assert there.seen


async def test_a_node_port_shows_the_node_as_the_client(vpc: Site) -> None:
    publish(vpc.one.inside, service("10.0.1.5"))
    with Echo(vpc.two.inside):
        assert await seen_by(vpc.two.inside, "10.0.1.4", port=NODE_PORT) == "10.0.1.4"


async def test_a_local_node_port_shows_the_client(vpc: Site) -> None:
    publish(vpc.one.inside, service("10.0.1.4", is_local=True))
    with Echo(vpc.one.inside):
        assert await seen_by(vpc.two.inside, "10.0.1.4", port=NODE_PORT) == "10.0.1.5"


async def test_a_service_that_is_published_again_has_its_new_targets_alone(vpc: Site) -> None:
    for target in ("10.0.1.4", "10.0.1.5"):
        publish(vpc.one.inside, service(target))
    with Echo(vpc.one.inside) as here, Echo(vpc.two.inside) as there:
        for _ in range(10):
            await seen_by(vpc.one.inside, CLUSTER_IP, port=8080)
    assert (len(here.seen), len(there.seen)) == (0, 10)

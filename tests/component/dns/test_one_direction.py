"""A Service becomes records in one direction through the whole controller: no part calls the one above it."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from tests.support.dns_world import CHANGE, Object, World, service
from tests.support.file_calls import FileCalls
from tests.support.until import until

FILES, CALLS = 42, 140
"""At most so many files, and calls from file to file, for one new Service while the controller runs."""

ELB = "web-1.eu-central-1.elb.amazonaws.com"


def balanced(name: str) -> Object:
    made = service(name)
    made["status"] = {"loadBalancer": {"ingress": [{"hostname": ELB}]}}
    return made


def headless(name: str) -> Object:
    made = service(name)
    made["spec"] = {"clusterIP": "None", "ports": [{"port": 80}]}
    return made


def slices(name: str) -> Object:
    return {
        "metadata": {"name": f"{name}-1", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"], "hostname": f"{name}-0"}],
    }


async def follow(world: World, made: Object) -> FileCalls:
    """Start a controller, and have a Service come, fail at first, and go again."""
    calls = FileCalls("addons/dns")
    world.aws.faults.add(operation=CHANGE, times=1, code="Throttling", message="Rate exceeded")
    empty = len(world.aws.route53.record_sets(world.zone_id))
    with calls.recorded():
        async with world.running("--interval=100ms", "--audit-interval=300ms", "--pod-record-hold=0s"):
            world.create(made, service("faulty", "192.0.2.1", ttl="soon", hostname="a..b"))
            world.create(slices("www"), kind="endpointslices", version="discovery.k8s.io/v1")
            await until(lambda: len(world.aws.route53.record_sets(world.zone_id)) > empty)
            await asyncio.sleep(0.5)
            world.delete("www")
            await until(lambda: len(world.aws.route53.record_sets(world.zone_id)) == empty)
    return calls


@pytest.mark.parametrize(
    "made",
    [partial(service, "www", "192.0.2.1"), partial(balanced, "www"), partial(headless, "www")],
    ids=["addresses", "alias", "pods"],
)
async def test_no_two_files_call_each_other(world: World, made: Callable[[], Object]) -> None:
    assert (await follow(world, made())).pairs == []


async def test_the_way_is_short(world: World) -> None:
    calls = FileCalls("addons/dns")
    async with world.running():
        world.create(service("www", "192.0.2.1"))
        await until(lambda: ("Normal", "RecordReady") in world.events("www"))
        with calls.recorded():
            world.create(service("api", "192.0.2.2"))
            await until(lambda: ("Normal", "RecordReady") in world.events("api"))
    assert len(calls.files) <= FILES
    assert calls.total <= CALLS

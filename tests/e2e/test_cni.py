"""cni on a real Kubernetes: the CNI of two real kubelets, and the real scheduler counts its addresses."""

import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from addons.cni.names import POD_IP
from addons.sim.fabric.echo import Echo
from addons.sim.fabric.vpc import INTERNET, PEERED
from tests.support.cluster import find_assets
from tests.support.cni_site import ADDRESSES, CniSite, cni_site
from tests.support.fabric import flow, pings, seen_by
from tests.support.fabric_nodes import short_folder
from tests.support.nodes import missing
from tests.support.service_proxy import Service, publish
from tests.support.until import until

pytestmark = [pytest.mark.kube, pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]

ONE = {POD_IP: "1"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster_before() -> AsyncIterator[CniSite]:
    """The nodes, without any daemon."""
    assets = find_assets()
    lack = missing() if assets else "no real Kubernetes; `make kube` builds one"
    if assets is None or lack:
        leave_out = pytest.fail if os.environ.get("CI") else pytest.skip
        leave_out(lack)
    with short_folder() as folder:
        async with cni_site(folder, assets) as made:
            yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def conditions_before(cluster_before: CniSite) -> list[dict[str, str]]:
    """What the nodes said of themselves before."""

    async def look() -> list[dict[str, str]]:
        found = [await cluster_before.condition(node) for node in cluster_before.nodes]
        return found if all("cni plugin" in each["message"] for each in found) else []

    found: list[dict[str, str]] = await until(look, "nodes wait for their network")
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def with_daemons(cluster_before: CniSite, conditions_before: object) -> CniSite:
    for node in cluster_before.nodes:
        await cluster_before.start(node)
    cluster_before.site.await_ready()
    return cluster_before


@pytest_asyncio.fixture(loop_scope="module")
async def site(with_daemons: CniSite) -> AsyncIterator[CniSite]:
    """The nodes with their daemons; pods of the test go with it."""
    yield with_daemons
    await with_daemons.clear()


async def test_nodes_are_ready_once_the_daemon_has_written_the_configuration(
    conditions_before: list[dict[str, str]], site: CniSite
) -> None:
    assert {each["status"] for each in conditions_before} == {"False"}
    assert all(node.conflist.exists() for node in site.nodes)
    assert {(await site.condition(node))["status"] for node in site.nodes} == {"True"}


async def test_pods_of_both_nodes_reach_each_other_and_everybody_sees_who_they_are(site: CniSite) -> None:
    one, two = site.nodes
    here = {name: await site.run(name, node) for name, node in (("a", one), ("b", two), ("c", one))}
    for name in here:
        for address in here.values():
            await site.kubectl.ok("exec", name, "--", "ping", "-c", "1", "-W", "5", address)
        assert await site.fetch(name, f"http://{PEERED}/") == here[name]
        assert pings(site.vpc.fabric.outside, here[name], source=str(PEERED))
    for name, node in (("a", one), ("b", two)):
        assert await site.fetch(name, f"http://{INTERNET}/") == str(node.at.node.public)


async def test_a_service_leads_to_pods_of_both_nodes_which_see_their_client(site: CniSite) -> None:
    one, two = site.nodes
    targets = [await site.run("server-1", one), await site.run("server-2", two)]
    client = await site.run("client", one)
    publish(one.inside, Service("10.96.0.77", 8080, targets, 80, node_port=30088))
    inside = [await site.network(node, address) for node, address in zip(site.nodes, targets, strict=True)]
    with Echo(inside[0]) as first, Echo(inside[1]) as second:
        for _ in range(20):
            assert await site.fetch("client", "http://10.96.0.77:8080/") == client
        assert first.seen
        assert second.seen
        seen = await seen_by(two.inside, str(one.at.address), port=30088)
        assert seen == str(one.at.address), "a NodePort shows the node that the client has asked"


class TestScheduling:
    """The real scheduler counts addresses, and holds pods back that would get none."""

    async def test_pods_beyond_what_the_subnet_has_stay_pending_and_run_when_addresses_come_free(
        self, site: CniSite
    ) -> None:
        async def all_are_told() -> bool:
            return await site.told() == ADDRESSES

        async def running() -> set[str]:
            return {pod["metadata"]["name"] for pod in await site.pods() if is_running(pod)}

        async def as_many_run() -> bool:
            return len(await running()) == ADDRESSES

        await until(all_are_told, "the scheduler is told of all addresses", seconds=60)
        for number in range(ADDRESSES + 3):
            await site.create(f"web-{number}", limits=ONE)
        await until(as_many_run, "as many pods run as there are addresses", seconds=60)
        pending = {pod["metadata"]["name"] for pod in await site.pods() if not pod["spec"].get("nodeName")}
        assert len(pending) == 3
        for name in pending:
            assert f"Insufficient {POD_IP}" in await site.events(name, "FailedScheduling")

        async def both_are_tainted() -> bool:
            return len(await site.tainted()) == 2

        await until(both_are_tainted, "both nodes keep the scheduler away")
        for name in sorted(await running())[:3]:
            await site.kubectl.ok("delete", "pod", name, "--timeout=60s")

        async def those_run() -> bool:
            return pending <= await running()

        await until(those_run, "those that waited run", seconds=60)
        assert len(await running()) == ADDRESSES

    async def test_the_taint_goes_when_addresses_come_back(self, site: CniSite) -> None:
        async def none_is_tainted() -> bool:
            return await site.tainted() == []

        await until(none_is_tainted, "the scheduler may come again", seconds=60)


def is_running(pod: dict[str, Any]) -> bool:
    return bool(pod["status"]["phase"] == "Running")


class TestDaemonGoesAndComes:
    """A pod's connection goes on whatever becomes of the daemon."""

    async def test_a_flow_survives_a_kill_an_upgrade_and_a_rollback(self, site: CniSite) -> None:
        node = site.nodes[0]
        inside = await site.network(node, await site.run("talker", node))
        before = await node.assigned()
        async with flow(inside, str(PEERED)) as talk:
            await site.kill(node)
            assert await talk.beat()
            await site.create("meanwhile", node)
            await site.start(node)
            assert await talk.beat()
            for flags in (("--log-level=debug", "--rule-layout=compat"), ()):
                assert await site.stop(node) == 0
                assert await talk.beat()
                await site.start(node, *flags)
                assert await talk.beat()
                assert pings(site.vpc.fabric.outside, await site.address("talker"), source=str(PEERED))
            assert before.items() <= (await node.assigned()).items()
        await site.kubectl.ok("wait", "--for=condition=Ready", "pod/meanwhile", "--timeout=60s")


async def test_a_pod_that_is_deleted_while_it_waits_for_an_address_goes_at_once(site: CniSite) -> None:
    """Its runtime waits for the plugin, which waits for an address for two minutes."""
    node = site.nodes[0]
    for number in range(ADDRESSES):
        await site.create(f"full-{number}", site.nodes[number % 2])
    await site.kubectl.ok("wait", "--for=condition=Ready", "pods", "--all", "--timeout=60s")
    await site.create("waits", node)

    async def why() -> str:
        told = await node.ask(f"/v1/why?pod={site.namespace}/waits")
        return " ".join(each["message"] for each in told if each["action"] == "wait")

    async def is_asking() -> bool:
        return "has waited" in await why()

    await until(is_asking, "its runtime has asked")
    assert "has 0 free addresses" in await why()
    await site.kubectl.ok("delete", "pod", "waits", "--timeout=60s")

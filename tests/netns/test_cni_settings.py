"""Settings of the original: where addresses come from, how many are kept, whose interfaces are left alone."""

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from addons.sim.aws.ec2.interfaces import Wish
from addons.sim.aws.ec2.model import Interface
from tests.support.cni_crowd import add_all, addresses, crowd, delete_all, events, held, inside, refusals
from tests.support.cni_world import CniNode, CniWorld, cni_world
from tests.support.fabric import seen_by
from tests.support.until import until

pytestmark = pytest.mark.netns

PEER = "172.31.0.10"
CRD = Path("charts/cni/crds/eniconfig.yaml")
OFTEN = "--audit-interval=1s"


def interfaces(node: CniNode) -> list[Interface]:
    """The interfaces of a node, the first one first."""
    return node.world.vpc.ec2.account.interfaces_of(node.at.instance.id)


def put_eni_config(world: CniWorld, name: str, subnet: str, *groups: str) -> None:
    """Have Kubernetes have an ENIConfig."""
    body = {"metadata": {"name": name}, "spec": {"subnet": subnet, "securityGroups": list(groups)}}
    world.kube.store.create("crd.k8s.amazonaws.com/v1alpha1", "eniconfigs", body)


async def test_pods_get_addresses_of_the_subnet_of_their_eni_config_and_none_of_the_first_interface() -> None:
    async with cni_world() as world:
        ec2 = world.vpc.ec2
        world.kube.store.create(
            "apiextensions.k8s.io/v1", "customresourcedefinitions", yaml.safe_load(CRD.read_text())
        )
        pods_subnet = world.vpc.add_subnet("10.0.64.0/24")
        group = ec2.network.create_security_group(world.vpc.vpc.id, "pods").id
        put_eni_config(world, "eu-central-1a", pods_subnet.id, group)
        node = await world.add_node()
        node.environment = {
            "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "true",
            "ENI_CONFIG_LABEL_DEF": "topology.kubernetes.io/zone",
        }
        async with node.ready(OFTEN):
            with crowd(world, node, 12) as pods:
                outcomes = await add_all(node, pods)
                assert not refusals(outcomes)
                for pod, address in zip(pods, addresses(outcomes), strict=True):
                    assert IPv4Address(address) in IPv4Network("10.0.64.0/24")
                    assert await seen_by(inside(pod), PEER) == address
                first, *others = interfaces(node)
                assert len(first.addresses) == 1
                assert {(eni.subnet_id, eni.groups) for eni in others} == {(pods_subnet.id, (group,))}
                assert await node.ask("/v1/eni-configs") == {
                    "eu-central-1a": {"subnet": pods_subnet.id, "securityGroups": [group]}
                }


async def test_without_its_eni_config_no_pod_starts_and_the_reason_names_it() -> None:
    async with cni_world() as world:
        world.kube.store.create(
            "apiextensions.k8s.io/v1", "customresourcedefinitions", yaml.safe_load(CRD.read_text())
        )
        node = await world.add_node()
        flags = ("--custom-network-cfg=true", "--eni-config-label-def=topology.kubernetes.io/zone")
        async with node.daemon(*flags, "--add-timeout=2s", OFTEN):
            await until(node.conflist.exists)
            with crowd(world, node, 1) as pods:
                (refused,) = refusals(await add_all(node, pods))
                assert "ENIConfig eu-central-1a" in str(refused)
                put_eni_config(world, "eu-central-1a", world.vpc.add_subnet("10.0.64.0/24").id)

                async def starts() -> bool:
                    again = [replace(pod, container=uuid4().hex * 2) for pod in pods]
                    return not refusals(await add_all(node, again))

                await until(starts, "the pod has an address")


async def test_with_prefixes_a_call_brings_sixteen_addresses_and_pods_on_them_are_reached() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        async with node.ready("--enable-prefix-delegation=true"):
            with crowd(world, node, 20) as pods:
                outcomes = await add_all(node, pods)
                assert not refusals(outcomes)
                blocks = [prefix for eni in interfaces(node) for prefix in eni.prefixes]
                assert len(blocks) == 2
                for pod, address in zip(pods, addresses(outcomes), strict=True):
                    assert any(IPv4Address(address) in block for block in blocks)
                    assert await seen_by(inside(pod), PEER) == address
                await delete_all(node, pods)


async def test_with_prefixes_a_subnet_without_a_whole_block_says_so() -> None:
    async with cni_world("10.0.1.0/27") as world:
        node = await world.add_node()
        world.vpc.ec2.interfaces.create(world.vpc.subnet.id, primary=IPv4Address("10.0.1.17"))
        async with node.daemon("--enable-prefix-delegation=true", "--add-timeout=3s", "--headroom=0"):
            await until(node.conflist.exists)
            with crowd(world, node, 1) as pods:
                (refused,) = refusals(await add_all(node, pods))
                assert refused.code == 11
                assert f"subnet {world.vpc.subnet.id} has no free block of 16 addresses" in str(refused)


TARGETS: list[tuple[Mapping[str, str], int, int]] = [
    ({"WARM_IP_TARGET": "2"}, 2, 5),
    ({"WARM_IP_TARGET": "1", "MINIMUM_IP_TARGET": "6"}, 6, 6),
    ({"WARM_ENI_TARGET": "1"}, 9, 18),
    ({"WARM_ENI_TARGET": "0"}, 9, 9),
    ({"WARM_IP_TARGET": "12", "MAX_ENI": "1"}, 9, 9),
    ({"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "1"}, 16, 32),
    ({"ENABLE_PREFIX_DELEGATION": "true", "WARM_IP_TARGET": "20"}, 32, 32),
]
"""Settings, addresses of an idle m5.large with them, and with three pods."""


@pytest.mark.parametrize(("environment", "idle", "busy"), TARGETS, ids=[str(case[0]) for case in TARGETS])
async def test_targets_of_the_original_hold_as_many_addresses_as_there(
    environment: Mapping[str, str], idle: int, busy: int
) -> None:
    async with cni_world() as world:
        node = await world.add_node()
        node.environment = environment
        async with node.ready(OFTEN):
            await until(lambda: len(held(node)) == idle, f"{idle} addresses while idle")
            with crowd(world, node, 3) as pods:
                assert not refusals(await add_all(node, pods))
                await until(lambda: len(held(node)) == busy, f"{busy} addresses with three pods")
                assert (await node.get("/api/state"))["policy"] == "by the original's targets"


async def test_interfaces_of_others_are_left_alone_and_count_against_the_limit() -> None:
    async with cni_world() as world:
        node = await world.add_node("t3.small")
        ec2 = world.vpc.ec2
        others = ec2.interfaces.create(
            world.vpc.subnet.id, Wish(count=2), tags={"node.k8s.amazonaws.com/no_manage": "true"}
        )
        ec2.attachments.attach(others.id, node.at.instance.id, 1)
        async with node.ready(OFTEN, "--add-timeout=5s"):
            with crowd(world, node, 7) as pods:
                outcomes = await add_all(node, pods)
                assert len(addresses(outcomes)) == 6
                (refused,) = refusals(outcomes)
                assert "node at 6/6" in str(refused)
                assert not set(addresses(outcomes)) & set(map(str, others.addresses))
                kept = ec2.account.interface(others.id)
                assert (kept.addresses, dict(kept.tags)) == (others.addresses, dict(others.tags))


async def test_interfaces_carry_the_tags_of_the_settings() -> None:
    async with cni_world() as world:
        node = await world.add_node("t3.small")
        async with node.ready("--headroom=0", ADDITIONAL_ENI_TAGS='{"team": "net"}'):
            with crowd(world, node, 4) as pods:
                assert not refusals(await add_all(node, pods))
                made = interfaces(node)[1]
                assert made.description == f"aws-K8S-{node.at.instance.id}"
                assert made.tags["team"] == "net"
                assert made.tags["cluster.k8s.amazonaws.com/name"] == "test"
                assert made.attachment
                assert made.attachment.delete_on_termination


async def test_an_event_tells_when_a_node_has_no_address_left() -> None:
    async with cni_world() as world:
        node = await world.add_node("t3.nano")
        async with node.ready("--add-timeout=3s"):
            with crowd(world, node, 3) as pods:
                assert len(refusals(await add_all(node, pods))) == 1
                told = await until(lambda: events(world, "PodIpsExhausted"), "it is told")
                assert "node at 2/2" in told[0]["note"]

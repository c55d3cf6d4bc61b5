"""Managed node groups of EKS: asked what nodes they will have, and no worse off where that is denied."""

import asyncio
import logging

import pytest

from addons.autoscaler.aws.node_groups import declared_of
from addons.autoscaler.desired.tags import node_tags_of
from addons.autoscaler.model.groups import Declared
from addons.autoscaler.model.pods import Taint
from tests.support.as_aws import TAG, AsSite, as_site
from tests.support.aws import World

TAGGED = (f"asg:tag={TAG}",)
ROLE = "arn:aws:iam::123456789012:role/node"
OF_EKS = {TAG: "true", "eks:cluster-name": "prod", "eks:nodegroup-name": "web"}


async def node_group(site: AsSite, name: str = "web", **more: object) -> None:
    """Have EKS know a node group of the cluster `prod`, and the group that it scales."""
    eks = World(site.endpoint)
    place = {"subnetIds": [site.subnets["a"]]}
    if name == "web":
        await eks.call("eks", "create_cluster", name="prod", roleArn=ROLE, resourcesVpcConfig=place)
    subnets = [site.subnets["a"]]
    await eks.call(
        "eks",
        "create_nodegroup",
        clusterName="prod",
        nodegroupName=name,
        subnets=subnets,
        nodeRole=ROLE,
        **more,
    )
    eks.close()
    site.calls()


async def test_its_labels_and_taints_are_those_of_nodes_to_come_and_win_over_tags() -> None:
    async with as_site() as site:
        await node_group(
            site,
            labels={"pool": "web", "tier": "front"},
            taints=[{"key": "dedicated", "value": "web", "effect": "NO_SCHEDULE"}],
        )
        prefix = "k8s.io/cluster-autoscaler/node-template/"
        tags = {
            f"{prefix}label/pool": "wrong",
            f"{prefix}label/disk": "ssd",
            f"{prefix}taint/dedicated": "wrong:NoSchedule",
            f"{prefix}taint/spot": "true:NoSchedule",
        }
        site.group("a", tags=OF_EKS | tags)
        async with site.door(discovery=TAGGED) as door:
            await door.read()
            assert door.groups.launching_unread == frozenset()
            found = node_tags_of(door["a"])
            calls = site.calls()
    assert (found.labels["pool"], found.labels["tier"], found.labels["disk"]) == ("web", "front", "ssd")
    assert set(found.taints) == {Taint("dedicated", "web"), Taint("spot", "true")}
    assert calls["DescribeNodegroup"] == 1


async def test_a_group_that_eks_has_not_made_is_not_asked_about() -> None:
    async with as_site() as site:
        site.group("a")
        async with site.door(discovery=TAGGED) as door:
            await door.read()
            assert door["a"].declared is None
            assert site.calls()["DescribeNodegroup"] == 0


async def test_where_it_is_denied_that_is_said_once_and_tags_count(caplog: pytest.LogCaptureFixture) -> None:
    async with as_site() as site:
        for name in ("web", "jobs"):
            label = {"k8s.io/cluster-autoscaler/node-template/label/pool": name}
            site.group(name, tags=OF_EKS | {"eks:nodegroup-name": name} | label)
        site.fail("DescribeNodegroup", code="AccessDeniedException", message="not authorized", status=403)
        with caplog.at_level(logging.WARNING):
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                await door.read()
                assert [node_tags_of(door[each]).labels["pool"] for each in ("web", "jobs")] == [
                    "web",
                    "jobs",
                ]
                assert door.groups.faults() == []
                assert door.groups.launching_unread == frozenset()
    said = [each for each in caplog.messages if "eks:DescribeNodegroup" in each]
    assert len(said) == 1
    assert "not authorized" in said[0]


async def test_one_that_is_gone_declares_nothing_and_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    async with as_site() as site:
        await node_group(site)
        site.group("a", tags=OF_EKS | {"eks:nodegroup-name": "gone"})
        async with site.door(discovery=TAGGED) as door:
            await door.read()
            assert door["a"].declared is None
            assert door.groups.faults() == []
    assert not [each for each in caplog.messages if "node group" in each]


@pytest.mark.virtual_time
async def test_one_that_answers_no_more_is_as_it_was() -> None:
    async with as_site() as site:
        await node_group(site, labels={"pool": "web"})
        site.group("a", tags=OF_EKS)
        async with site.door(discovery=TAGGED) as door, door.running():
            await asyncio.sleep(60)
            assert door["a"].declared == Declared({"pool": "web"})
            site.fail("DescribeNodegroup")
            site.calls()
            await asyncio.sleep(1000)
            assert site.calls()["DescribeNodegroup"] > 0
            assert door["a"].declared == Declared({"pool": "web"})
            assert door.groups.faults() == []


def test_what_cannot_be_understood_is_left_out() -> None:
    taints = [{"key": "a", "effect": "NEVER"}, {"effect": "NO_EXECUTE"}, {"key": "b", "effect": "NO_EXECUTE"}]
    assert declared_of({"taints": taints, "labels": None}) == Declared({}, (Taint("b", "", "NoExecute"),))

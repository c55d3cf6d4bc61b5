"""Types of instances and subnets: asked for what is in use, and known without EC2 where that is denied."""

import asyncio
from typing import Any

import pytest

from addons.autoscaler.aws.spot import is_spot_instance, says_capacity_type, spot_label
from addons.sim.aws.ec2.instance_types import descriptions
from tests.support.as_aws import TAG, as_site, mixed

pytestmark = pytest.mark.virtual_time

TAGGED = (f"asg:tag={TAG}",)
DENIED = {"code": "UnauthorizedOperation", "message": "not authorized", "status": 403}


class TestTypes:
    async def test_they_are_asked_for_together_and_once(self) -> None:
        async with as_site() as site:
            for name, type_ in {
                "a": "m5.large",
                "b": "g4dn.xlarge",
                "c": "m6g.large",
                "d": "m5.large",
            }.items():
                site.group(name, LaunchTemplate=site.template(name, type_))
            async with site.door(discovery=TAGGED) as door, door.running():
                await asyncio.sleep(1000)
                assert site.calls()["DescribeInstanceTypes"] <= 3
                known = door.groups.types.known
        assert known["m5.large"].resources == {"cpu": 2000, "memory": 8 << 30}
        assert (known["m5.large"].arch, known["m5.large"].pod_limit) == ("amd64", 29)
        assert (known["m6g.large"].arch, known["g4dn.xlarge"].gpus) == ("arm64", 1)
        assert known["g4dn.xlarge"].resources["nvidia.com/gpu"] == 1

    @pytest.mark.parametrize("is_static", [True, False])
    async def test_the_table_says_the_same_as_ec2(self, is_static: bool) -> None:
        names = sorted(descriptions())[::40]
        async with as_site() as site:
            overrides = [{"InstanceType": name} for name in names]
            site.group("a", MixedInstancesPolicy=mixed(site.template("t"), overrides[:35]))
            async with site.door(discovery=TAGGED) as door:
                await door.read()
            if not is_static:
                site.fail("DescribeInstanceTypes", **DENIED)
            async with site.door(discovery=TAGGED, is_static=is_static) as other:
                site.calls()
                await other.read()
                assert other.groups.types.known == door.groups.types.known
                assert len(other.groups.types.known) == len(overrides[:35])
                assert site.calls()["DescribeInstanceTypes"] == (0 if is_static else 1)

    async def test_one_that_nobody_knows_is_told_and_costs_the_others_nothing(self) -> None:
        async with as_site() as site:
            overrides = [{"InstanceType": "m5.large"}, {"InstanceType": "z99.large"}]
            site.group("a", MixedInstancesPolicy=mixed(site.template("t"), overrides))
            async with site.door(discovery=TAGGED) as door:
                await door.read()
        assert set(door.groups.types.known) == {"m5.large"}
        assert door.groups.types.unknown == {"z99.large"}

    async def test_while_ec2_does_not_answer_the_table_must_do(self) -> None:
        async with as_site() as site:
            site.group("a")
            site.fail("DescribeInstanceTypes")
            async with site.door(discovery=TAGGED) as door:
                await door.read()
        assert door.groups.types.known["m5.large"].pod_limit == 29


class TestSubnets:
    async def test_what_they_have_left_is_told_by_zone(self) -> None:
        async with as_site() as site:
            site.group("a", 3, zones="ab")
            async with site.door(discovery=TAGGED) as door:
                await door.read()
        assert sum((door["a"].free_addresses or {}).values()) == 2 * 251 - 3

    async def test_where_it_is_denied_nothing_is_told_and_all_else_works(self) -> None:
        async with as_site() as site:
            site.group("a", 1)
            site.fail("DescribeSubnets", **DENIED)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
        assert door["a"].free_addresses is None
        assert not door["a"].degraded
        assert [fault.about for fault in door.groups.faults()] == ["subnets"]


class TestOwnNode:
    @pytest.mark.parametrize(
        ("labels", "said"),
        [
            ({"eks.amazonaws.com/capacityType": "SPOT"}, "eks.amazonaws.com/capacityType=SPOT"),
            ({"karpenter.sh/capacity-type": "spot"}, "karpenter.sh/capacity-type=spot"),
            ({"lifecycle": "Ec2Spot"}, "lifecycle=Ec2Spot"),
            ({"node.kubernetes.io/lifecycle": "normal"}, ""),
            ({"spot": "true"}, ""),
            ({}, ""),
        ],
    )
    def test_its_labels_say_whether_it_may_be_taken_away(self, labels: dict[str, str], said: str) -> None:
        assert spot_label(labels) == said
        assert says_capacity_type(labels) is (labels not in ({}, {"spot": "true"}))

    @pytest.mark.parametrize("is_spot", [True, False])
    async def test_ec2_says_it_where_labels_do_not(self, is_spot: bool) -> None:
        async with as_site() as site:
            market: dict[str, Any] = {"InstanceMarketOptions": {"MarketType": "spot"}} if is_spot else {}
            site.group("a", 1, LaunchTemplate=site.template("t", **market))
            async with site.door() as door:
                assert await is_spot_instance(door.aws, site.ids("a")[0]) is is_spot

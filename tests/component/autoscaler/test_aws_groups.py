"""Groups as AWS has them: found by name and by tags, read however others fail."""

import asyncio
from typing import Any

import pytest

from addons.autoscaler.names import GROUP_DEGRADED, GROUP_NOT_FOUND, GROUP_UNUSABLE
from tests.support.as_aws import TAG, AsSite, about, as_site, mixed

pytestmark = pytest.mark.virtual_time

TAGGED = (f"asg:tag={TAG}",)


class TestFinding:
    async def test_groups_are_found_by_name(self) -> None:
        async with as_site() as site:
            for name in ("a", "b", "c"):
                site.group(name)
            async with site.door(nodes=("0:5:a", "0:5:c")) as door:
                await door.read()
        assert door.names == ["a", "c"]
        assert not door.groups.problems
        assert not door.groups.unread

    async def test_a_name_that_aws_does_not_have_is_told_and_costs_itself_alone(self) -> None:
        async with as_site() as site:
            site.group("a")
            async with site.door(nodes=("0:5:a", "0:5:nobody")) as door:
                await door.read()
        assert door.names == ["a"]
        (problem,) = door.groups.problems
        assert (problem.reason, problem.ref.name) == (GROUP_NOT_FOUND, "nobody")

    async def test_all_tags_of_one_spec_must_be_there(self) -> None:
        async with as_site() as site:
            site.group("both", tags={"x": "1", "y": "2"})
            site.group("one", tags={"x": "1"})
            site.group("other", tags={"x": "2", "y": "2"})
            async with site.door(discovery=("asg:tag=x=1", "y")) as door:
                await door.read()
        assert door.names == ["both"]

    async def test_several_specs_find_what_any_of_them_finds(self) -> None:
        async with as_site() as site:
            site.group("a", tags={"team": "red"})
            site.group("b", tags={"team": "blue"})
            site.group("c", tags={"team": "green"})
            async with site.door(discovery=("asg:tag=team=red", "asg:tag=team=blue")) as door:
                await door.read()
        assert door.names == ["a", "b"]

    async def test_names_and_tags_go_together_and_the_limits_of_a_name_count(self) -> None:
        async with as_site() as site:
            site.group("a")
            site.group("b", most=9)
            async with site.door(nodes=("0:2:a",), discovery=TAGGED) as door:
                await door.read()
        assert {name: door[name].max_size for name in door.names} == {"a": 2, "b": 9}

    async def test_two_hundred_and_fifty_groups_come_in_pages_of_a_hundred(self) -> None:
        async with as_site() as site:
            template = site.template("one")
            for number in range(250):
                site.group(f"g{number:03}", LaunchTemplate=template)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
        assert len(door.names) == 250
        calls = site.calls()
        assert calls["DescribeAutoScalingGroups"] == 3
        assert calls["DescribeLaunchTemplateVersions"] == 1

    async def test_a_group_that_loses_its_tags_is_ours_no_more(self) -> None:
        async with as_site() as site:
            site.group("a")
            site.group("b")
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                site.ask("DeleteTags", Tags=[{"ResourceId": "a", "Key": TAG}])
                await door.read()
        assert door.names == ["b"]


class TestLimits:
    @pytest.mark.parametrize(
        ("wanted", "expected"),
        [
            ("1:5:a", (2, 5)),
            ("3:20:a", (3, 8)),
            ("0:20:a", (2, 8)),
            ("2:8:a", (2, 8)),
            ("9:12:a", (8, 8)),
            ("0:1:a", (2, 2)),
        ],
    )
    async def test_what_both_permit_counts(self, wanted: str, expected: tuple[int, int]) -> None:
        async with as_site() as site:
            site.group("a", least=2, most=8)
            async with site.door(nodes=(wanted,)) as door:
                await door.read()
        assert (door["a"].min_size, door["a"].max_size) == expected
        is_within = wanted in ("2:8:a",)
        assert any(f"--nodes={wanted}" in each for each in door["a"].problems) is not is_within

    async def test_a_group_of_several_zones_that_aws_evens_out_is_told_of(self) -> None:
        async with as_site() as site:
            site.group("a", zones="ab")
            site.group("b", zones="ab")
            site.ask("SuspendProcesses", AutoScalingGroupName="b", ScalingProcesses=["AZRebalance"])
            async with site.door(discovery=TAGGED) as door:
                await door.read()
        assert ["AZRebalance" in " ".join(door[name].problems) for name in "ab"] == [True, False]


class TestContent:
    async def test_instances_zones_subnets_tags_and_addresses_are_told(self) -> None:
        async with as_site() as site:
            site.group("a", 2, zones="ab")
            async with site.door(discovery=TAGGED) as door:
                await door.read()
        group = door["a"]
        assert [each.id for each in group.instances] == sorted(site.ids("a"))
        assert {each.state for each in group.instances} == {"InService"}
        assert {each.launch_template for each in group.instances} == {group.launch_template}
        assert group.zones == ("eu-central-1a", "eu-central-1b")
        assert group.subnets == (site.subnets["a"], site.subnets["b"])
        assert group.tags[TAG] == "true"
        assert group.types == ("m5.large",)
        assert group.free_addresses == {"eu-central-1a": 250, "eu-central-1b": 250}
        assert not group.degraded
        assert door.groups.types.known["m5.large"].pod_limit == 29

    async def test_a_standby_instance_is_not_one_that_aws_counts(self) -> None:
        async with as_site() as site:
            site.group("a", 2)
            site.autoscaling.members("a")[0].state = "Standby"
            async with site.door(discovery=TAGGED) as door:
                await door.read()
        assert door["a"].missing == 1

    async def test_a_group_that_counts_units_is_left_alone_and_told_of(self) -> None:
        async with as_site() as site:
            site.group("plain")
            overrides = [{"InstanceType": "m5.large", "WeightedCapacity": "2"}]
            site.group("weighted", MixedInstancesPolicy=mixed(site.template("w"), overrides))
            async with site.door(discovery=TAGGED) as door:
                await door.read()
        assert door.names == ["plain"]
        (problem,) = door.groups.problems
        assert (problem.reason, problem.ref.name) == (GROUP_UNUSABLE, "weighted")


FAILURES: dict[str, dict[str, Any]] = {
    "throttled": {"code": "Throttling", "message": "Rate exceeded", "status": 400},
    "denied": {"code": "AccessDenied", "message": "not authorized", "status": 403},
    "broken": {"code": "InternalFailure", "message": "sorry", "status": 500},
    "cut off": {"code": ""},
}


@pytest.mark.parametrize("failure", FAILURES)
class TestFailedReadings:
    async def test_all_groups_stay_as_they_were_read_last(self, failure: str) -> None:
        async with as_site() as site:
            for name in ("a", "b"):
                site.group(name, 1)
            async with site.door(nodes=("0:5:a",), discovery=TAGGED) as door:
                await door.read()
                before = dict(door.groups.view)
                site.fail("DescribeAutoScalingGroups", **FAILURES[failure])
                await door.read()
                assert dict(door.groups.view) == before
                assert {fault.about for fault in door.groups.faults()} >= {"auto scaling groups"}
                site.heal()
                await door.read()
        assert door.groups.faults() == []

    async def test_a_start_amid_failures_ends_well(self, failure: str) -> None:
        async with as_site() as site:
            site.group("a", 1)
            site.fail("DescribeAutoScalingGroups", **FAILURES[failure])
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                assert door.names == []
                assert TAG in door.groups.unread
                site.heal()
                await door.read()
        assert door.names == ["a"]

    async def test_a_page_that_fails_takes_no_group_away(self, failure: str) -> None:
        async with as_site() as site:
            template = site.template("one")
            for number in range(150):
                site.group(f"g{number:03}", LaunchTemplate=template)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                site.fail("DescribeAutoScalingGroups", skip=1, **FAILURES[failure])
                await door.read()
        assert len(door.names) == 150

    async def test_a_group_that_no_call_can_be_made_about_costs_itself_alone(self, failure: str) -> None:
        async with as_site() as site:
            names = [f"g{number}" for number in range(8)]
            for name in names:
                site.group(name)
            async with site.door(nodes=[f"0:5:{name}" for name in names], refresh_seconds=10) as door:
                site.fail("DescribeAutoScalingGroups", when=about("g3"), **FAILURES[failure])
                async with door.running():
                    await asyncio.sleep(120)
                found = door.names
        is_of_account = failure in ("throttled", "denied")
        assert found == ([] if is_of_account else [name for name in names if name != "g3"])


class TestOddAnswers:
    async def test_one_that_is_not_understood_keeps_its_last_good_view(self) -> None:
        async with as_site() as site:
            for name in ("a", "b"):
                site.group(name, 1)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                before = door["a"]
                break_group(site, "a")
                await door.read()
        assert "not understood" in door["a"].degraded
        assert door["a"].instances == before.instances
        assert door["a"].observed == before.observed
        assert not door["b"].degraded
        assert [each.reason for each in door.groups.problems] == [GROUP_DEGRADED]

    async def test_a_launch_template_that_is_gone_costs_its_group_alone(self) -> None:
        async with as_site() as site:
            for name in ("a", "b"):
                site.group(name)
            template = next(
                each for each in site.endpoint.ec2.account.launch_templates.values() if each.name == "of-a"
            )
            del site.endpoint.ec2.account.launch_templates[template.id]
            async with site.door(discovery=TAGGED) as door:
                await door.read()
        assert template.id in door["a"].degraded
        assert door["a"].types == ()
        assert door["b"].types == ("m5.large",)


def break_group(site: AsSite, name: str) -> None:
    """Have AWS say of a group that it launches nothing."""
    group = site.autoscaling.groups[name]
    group.template = None

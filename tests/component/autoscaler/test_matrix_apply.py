"""A matrix is applied: each cell fails for itself, and a run that ended early is made again."""

import asyncio

import pytest

from addons.autoscaler.aws.change_sets import ChangeSets
from addons.autoscaler.matrix.expansion import matrix_of
from addons.autoscaler.matrix.template import body_of
from addons.runtime.permit import Permit
from tests.support.as_matrix import example
from tests.support.as_stacks import MatrixSite, matrix_site, results
from tests.support.permits import PERMIT

pytestmark = pytest.mark.virtual_time

NAME = "prod-web-m5-large-od-a"
CHANGES = {"CreateChangeSet", "ExecuteChangeSet", "SuspendProcesses", "DeleteStack"}


def changes(site: MatrixSite) -> set[str]:
    """The changing calls since calls were asked for last."""
    return CHANGES & set(site.calls())


class TestCreating:
    async def test_36_cells_become_36_groups(self) -> None:
        async with matrix_site() as site:
            matrix = site.matrix()
            assert results(await site.apply(matrix)) == {"created": 36}
            assert set(site.autoscaling.groups) == {each.name for each in matrix.cells}
            assert set(site.statuses.values()) == {"CREATE_COMPLETE"}
            assert await site.kinds(matrix) == {"nothing": 36}

    async def test_az_rebalance_is_suspended_and_nothing_else(self) -> None:
        async with matrix_site() as site:
            await site.apply(site.small())
            assert {tuple(site.suspended(name)) for name in site.autoscaling.groups} == {("AZRebalance",)}

    async def test_a_second_run_changes_nothing(self) -> None:
        async with matrix_site() as site:
            await site.apply(site.small())
            site.calls()
            assert await site.apply(site.small()) == {}
            assert not changes(site)

    async def test_no_more_stacks_than_told_are_under_way_at_once(self) -> None:
        async with matrix_site() as site:
            site.endpoint.cloudformation.knobs.resource_seconds = 10
            most = 0
            applying = asyncio.create_task(site.apply(site.matrix(), parallel=3))
            while not applying.done():
                await asyncio.sleep(0.5)
                most = max(most, sum(each.endswith("_IN_PROGRESS") for each in site.statuses.values()))
            assert most == 3
            assert results(applying.result()) == {"created": 36}

    async def test_stacks_are_protected_where_a_cell_says_so(self) -> None:
        async with matrix_site() as site:
            more = "cells: [{match: {zones: eu-central-1a}, set: {terminationProtection: true}}]\n"
            matrix = site.matrix(types="m5.large", services="web", more=more)
            await site.apply(matrix)
            stacks = site.endpoint.cloudformation.account.stacks.values()
            assert {each.name[-1] for each in stacks if each.is_protected} == {"a"}
            assert await site.kinds(matrix) == {"nothing": 6}
            without = site.small()
            assert await site.kinds(without) == {"update": 2, "nothing": 4}
            assert results(await site.apply(without)) == {"updated": 2}
            assert not any(each.is_protected for each in stacks)

    async def test_the_documented_example_is_applied_as_it_is(self) -> None:
        async with matrix_site() as site:
            site.have_what_the_example_names()
            assert results(await site.apply(example())) == {"created": 36}
            assert site.desired(NAME) == 1


class TestWaiting:
    async def test_a_stack_whose_instances_do_not_come_is_told_of_with_the_words_of_aws(self) -> None:
        async with matrix_site() as site:
            order = site.autoscaling.fail_launches(NAME, "OutOfCapacity")
            more = "cells: [{match: {zones: eu-central-1a, capacity: on-demand}, set: {min: 1}}]\n"
            told: list[str] = []
            site.calls()
            matrix = site.matrix(types="m5.large", services="web", more=more)
            applying = asyncio.create_task(site.apply(matrix, tell=told.append))
            await asyncio.sleep(150)
            site.autoscaling.launch_again(order)
            assert results(await applying) == {"created": 6}
            assert told[0].startswith(
                f"waiting: {NAME}: CREATE_IN_PROGRESS for 35 s: Group: We currently do not"
            )
            assert any(f"{NAME}: CREATE_IN_PROGRESS for 2 min: " in each for each in told)
            assert 3 < site.calls()["DescribeScalingActivities"] <= len(told) < 10

    async def test_what_cannot_be_asked_about_is_told_of_without_a_cause(self) -> None:
        async with matrix_site() as site:
            site.fail("DescribeStackEvents", code="AccessDenied", status=403)
            site.endpoint.cloudformation.knobs.resource_seconds = 30
            told: list[str] = []
            assert results(await site.apply(site.small(), tell=told.append)) == {"created": 6}
            assert f"waiting: {NAME}: CREATE_IN_PROGRESS for 35 s" in told

    async def test_a_run_that_waits_for_nothing_long_tells_of_nothing(self) -> None:
        async with matrix_site() as site:
            told: list[str] = []
            await site.apply(site.small(), tell=told.append)
            assert told == []


class TestFailing:
    async def test_one_failing_cell_leaves_35_done(self) -> None:
        async with matrix_site() as site:
            site.endpoint.cloudformation.fail_resource(NAME, "Group", "the subnet is full")
            applied = await site.apply(site.matrix())
            assert results(applied) == {"created": 35, "failed": 1}
            assert applied[NAME].why == "its stack is in ROLLBACK_COMPLETE: Group: the subnet is full"

    async def test_a_stack_that_was_never_made_is_removed_and_made_anew(self) -> None:
        async with matrix_site() as site:
            site.endpoint.cloudformation.fail_resource(NAME, "Group", "the subnet is full")
            await site.apply(site.small())
            assert site.statuses[NAME] == "ROLLBACK_COMPLETE"
            assert results(await site.apply(site.small())) == {"created": 1}
            assert site.statuses[NAME] == "CREATE_COMPLETE"
            assert site.suspended(NAME) == ["AZRebalance"]

    async def test_a_failed_update_is_undone_and_told(self) -> None:
        async with matrix_site() as site:
            await site.apply(site.small())
            site.endpoint.cloudformation.fail_resource(NAME, "Group", "not today", verbs=["update"])
            more = site.matrix(types="m5.large", services="web", most=20)
            applied = await site.apply(more)
            assert results(applied) == {"updated": 5, "failed": 1}
            assert applied[NAME].why == "its stack is in UPDATE_ROLLBACK_COMPLETE: Group: not today"
            assert site.autoscaling.groups[NAME].most == 10
            assert results(await site.apply(more)) == {"updated": 1}
            assert site.autoscaling.groups[NAME].most == 20

    async def test_a_stack_that_is_stuck_is_told_with_what_helps(self) -> None:
        async with matrix_site() as site:
            await site.apply(site.small())
            site.endpoint.cloudformation.fail_resource(NAME, "Group", "no", verbs=["update"], times=2)
            more = site.matrix(types="m5.large", services="web", most=20)
            await site.apply(more)
            assert site.statuses[NAME] == "UPDATE_ROLLBACK_FAILED"
            again = await site.apply(more)
            assert results(again) == {"failed": 1}
            assert "continue-update-rollback" in again[NAME].why

    async def test_a_group_that_somebody_deleted_is_told_and_its_stack_is_not_stuck_by_an_update(
        self,
    ) -> None:
        async with matrix_site() as site:
            await site.apply(site.small())
            site.ask("DeleteAutoScalingGroup", AutoScalingGroupName=NAME, ForceDelete=True)
            for most in (10, 11):
                applied = await site.apply(site.matrix(types="m5.large", services="web", most=most))
                assert applied[NAME].result == "failed"
                assert f"`aws cloudformation delete-stack --stack-name {NAME}`" in applied[NAME].why
            assert site.statuses[NAME] == "CREATE_COMPLETE"
            assert len([each for each in applied.values() if each.result == "updated"]) == 5

    async def test_a_stack_of_somebody_else_stays_as_it_is(self) -> None:
        async with matrix_site() as site:
            await site.apply(site.small())
            other = site.text(types="m5.large", services="web", most=20).replace("shop", "other")
            applied = await site.apply(matrix_of(other, "shop.yaml"))
            assert results(applied) == {"failed": 6}
            assert "is of matrix shop of cluster prod" in applied[NAME].why
            assert site.autoscaling.groups[NAME].most == 10

    async def test_a_throttled_run_ends_well(self) -> None:
        async with matrix_site() as site:
            site.fail("*ChangeSet", service="cloudformation", code="Throttling", status=400, times=10)
            assert results(await site.apply(site.matrix())) == {"created": 36}

    async def test_a_refused_call_costs_its_cell_alone(self) -> None:
        async with matrix_site() as site:
            site.fail("CreateChangeSet", code="AccessDenied", status=403, times=1)
            assert results(await site.apply(site.small())) == {"created": 5, "failed": 1}


class TestUpdating:
    async def test_the_number_of_instances_is_left_alone(self) -> None:
        async with matrix_site() as site:
            await site.apply(site.small())
            site.ask("SetDesiredCapacity", AutoScalingGroupName=NAME, DesiredCapacity=3)
            before = site.ids(NAME)
            more = site.matrix(types="m5.large", services="web", most=20)
            assert results(await site.apply(more)) == {"updated": 6}
            assert (site.desired(NAME), site.ids(NAME)) == (3, before)
            assert site.suspended(NAME) == ["AZRebalance"]

    async def test_a_new_image_is_a_new_version_of_the_launch_template(self) -> None:
        async with matrix_site() as site:
            await site.apply(site.small())
            newer = site.matrix(types="m5.large", services="web", image="ami-0fedcba9876543210")
            assert await site.kinds(newer) == {"roll": 6}
            assert results(await site.apply(newer)) == {"updated": 6}
            assert await site.kinds(newer) == {"nothing": 6}

    async def test_a_stack_that_is_so_already_is_no_failure(self) -> None:
        async with matrix_site() as site:
            plans = {each.name: each for each in await site.plan(site.small())}
            await site.apply(site.small())
            async with site.session() as aws:
                asked = (NAME, body_of(dict(plans[NAME].template)), plans[NAME].tags, PERMIT)
                assert await ChangeSets(aws).make(*asked, kind="UPDATE") is None
                assert await ChangeSets(aws).make(*asked, kind="UPDATE") is None
            assert site.statuses[NAME] == "CREATE_COMPLETE"


class TestEndingEarly:
    async def test_a_stop_leaves_what_was_not_begun(self) -> None:
        async with matrix_site() as site:
            site.endpoint.cloudformation.knobs.resource_seconds = 5
            stopping = asyncio.Event()
            asyncio.get_running_loop().call_later(40, stopping.set)
            applied = await site.apply(site.matrix(), Permit(stopping), parallel=4)
            assert len(applied) == 36
            found = results(applied)
            assert set(found) == {"created", "left"}
            assert "told to stop" in next(each.why for each in applied.values() if each.result == "left")

    @pytest.mark.parametrize("seconds", [0.5, 1.5, 3, 6, 9, 12, 20, 40])
    async def test_a_killed_run_is_made_again(self, seconds: float) -> None:
        async with matrix_site() as site:
            site.endpoint.cloudformation.knobs.resource_seconds = 2
            site.endpoint.cloudformation.knobs.review_seconds = 2
            matrix = site.matrix()
            killed = asyncio.create_task(site.apply(matrix, parallel=4))
            await asyncio.sleep(seconds)
            killed.cancel()
            await asyncio.wait([killed])
            assert killed.cancelled()
            again = await site.apply(matrix)
            assert "failed" not in results(again)
            assert await site.kinds(matrix) == {"nothing": 36}
            assert {tuple(site.suspended(each.name)) for each in matrix.cells} == {("AZRebalance",)}

    async def test_what_a_killed_run_left_unsuspended_is_suspended(self) -> None:
        async with matrix_site() as site:
            await site.apply(site.small())
            site.ask("ResumeProcesses", AutoScalingGroupName=NAME, ScalingProcesses=["AZRebalance"])
            applied = await site.apply(site.small())
            assert {name: each.why for name, each in applied.items()} == {NAME: "AZRebalance is suspended"}
            assert site.suspended(NAME) == ["AZRebalance"]

    async def test_a_stack_that_is_being_made_is_waited_for(self) -> None:
        async with matrix_site() as site:
            site.endpoint.cloudformation.knobs.resource_seconds = 5
            first = asyncio.create_task(site.apply(site.small()))
            await asyncio.sleep(8)
            assert "CREATE_IN_PROGRESS" in site.statuses.values()
            second = await site.apply(site.small())
            assert results(await first) == {"created": 6}
            assert "failed" not in results(second)

"""How instances of the simulated Auto Scaling end, through real boto3: by id, at hooks, taken back, ill."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.asg import AsgWorld, asg_world

TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"
LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"


@pytest.fixture
async def world() -> AsyncIterator[AsgWorld]:
    async with asg_world() as made:
        yield made


async def put_hook(world: AsgWorld, transition: str = TERMINATING, **more: Any) -> None:
    about = {"AutoScalingGroupName": "web", "LifecycleHookName": "drain", "HeartbeatTimeout": 300}
    await world.call("put_lifecycle_hook", LifecycleTransition=transition, **{**about, **more})


async def complete(world: AsgWorld, instance: str, result: str = "CONTINUE") -> None:
    about = {"AutoScalingGroupName": "web", "LifecycleHookName": "drain", "InstanceId": instance}
    await world.call("complete_lifecycle_action", LifecycleActionResult=result, **about)


class TestTerminating:
    async def test_with_the_decrement_it_is_not_replaced(self, world: AsgWorld) -> None:
        await world.make()
        await world.grow(3)
        first, *others = await world.instances()
        activity = await world.end(first, decrement=True)
        found = await world.group()
        assert (found["DesiredCapacity"], await world.instances()) == (2, others)
        assert "shrinking the capacity from 3 to 2" in activity["Cause"]

    async def test_without_it_another_one_comes(self, world: AsgWorld) -> None:
        await world.make()
        await world.grow(1)
        (first,) = await world.instances()
        await world.end(first, decrement=False)
        (second,) = await world.instances()
        assert first != second

    async def test_no_decrement_goes_below_the_least(self, world: AsgWorld) -> None:
        await world.make(least=1)
        (only,) = await world.instances()
        code, message = await world.refusal(
            "terminate_instance_in_auto_scaling_group", InstanceId=only, ShouldDecrementDesiredCapacity=True
        )
        assert code == "ValidationError"
        assert message.startswith("Currently, desiredSize equals minSize (1).")
        assert await world.states() == ["InService"]

    async def test_a_protected_instance_may_be_ended_by_its_id(self, world: AsgWorld) -> None:
        await world.make(NewInstancesProtectedFromScaleIn=True)
        await world.grow(1)
        (only,) = await world.instances()
        await world.end(only, decrement=True)
        assert await world.instances() == []

    async def test_it_is_terminating_for_a_while_and_counts_no_more(self, world: AsgWorld) -> None:
        world.service.knobs.terminate_seconds = 20
        await world.make()
        await world.grow(1)
        (only,) = await world.instances()
        await world.end(only, decrement=True)
        assert await world.states() == ["Terminating"]
        world.pass_by(20)
        assert await world.states() == []

    async def test_a_second_call_does_not_count_down_again(self, world: AsgWorld) -> None:
        world.service.knobs.terminate_seconds = 20
        await world.make()
        await world.grow(3)
        first, *_ = await world.instances()
        await world.end(first, decrement=True)
        code, _ = await world.refusal(
            "terminate_instance_in_auto_scaling_group", InstanceId=first, ShouldDecrementDesiredCapacity=True
        )
        assert code == "ScalingActivityInProgress"
        assert (await world.group())["DesiredCapacity"] == 2

    async def test_an_instance_of_no_group_is_a_validation_error(self, world: AsgWorld) -> None:
        await world.make()
        stranger = world.ec2.instances.launch("m5.large", world.subnets["a"]).id
        code, message = await world.refusal(
            "terminate_instance_in_auto_scaling_group",
            InstanceId=stranger,
            ShouldDecrementDesiredCapacity=True,
        )
        assert (code, stranger in message) == ("ValidationError", True)


class TestHooks:
    async def test_an_instance_waits_until_it_is_let_go(self, world: AsgWorld) -> None:
        await world.make()
        await put_hook(world)
        await world.grow(1)
        (only,) = await world.instances()
        await world.end(only, decrement=True)
        assert await world.states() == ["Terminating:Wait"]
        assert world.ec2.account.instances[only].state == "running"
        await complete(world, only)
        assert await world.states() == []
        assert world.ec2.account.instances[only].state == "terminated"

    async def test_a_heartbeat_lengthens_the_wait(self, world: AsgWorld) -> None:
        await world.make()
        await put_hook(world, HeartbeatTimeout=60)
        await world.grow(1)
        (only,) = await world.instances()
        await world.end(only, decrement=True)
        world.pass_by(50)
        about = {"AutoScalingGroupName": "web", "LifecycleHookName": "drain", "InstanceId": only}
        await world.call("record_lifecycle_action_heartbeat", **about)
        world.pass_by(50)
        assert await world.states() == ["Terminating:Wait"]
        world.pass_by(10)
        assert await world.states() == []

    async def test_the_wait_ends_by_itself_whatever_its_result_is(self, world: AsgWorld) -> None:
        await world.make()
        await put_hook(world, DefaultResult="ABANDON")
        await world.grow(1)
        (only,) = await world.instances()
        await world.end(only, decrement=True)
        world.pass_by(299)
        assert await world.states() == ["Terminating:Wait"]
        world.pass_by(1)
        assert await world.states() == []

    async def test_the_notice_has_the_token_with_which_it_is_completed(self, world: AsgWorld) -> None:
        told = world.notices()
        await world.make()
        await put_hook(world, NotificationMetadata="hello")
        await world.grow(1)
        (only,) = await world.instances()
        await world.end(only, decrement=True)
        (notice,) = [each for each in told if "Lifecycle" in each["detail-type"]]
        assert notice["source"] == "aws.autoscaling"
        assert notice["detail-type"] == "EC2 Instance-terminate Lifecycle Action"
        detail = notice["detail"]
        assert (detail["EC2InstanceId"], detail["NotificationMetadata"]) == (only, "hello")
        about = {"AutoScalingGroupName": "web", "LifecycleHookName": "drain"}
        token = {"LifecycleActionToken": detail["LifecycleActionToken"]}
        await world.call("complete_lifecycle_action", LifecycleActionResult="CONTINUE", **token, **about)
        assert await world.states() == []
        code, _ = await world.refusal(
            "complete_lifecycle_action", LifecycleActionResult="CONTINUE", **token, **about
        )
        assert code == "ValidationError"

    async def test_a_launch_that_is_abandoned_is_replaced(self, world: AsgWorld) -> None:
        await world.make()
        await put_hook(world, LAUNCHING)
        await world.grow(1)
        assert await world.states() == ["Pending:Wait"]
        (first,) = await world.instances()
        await complete(world, first, "ABANDON")
        (second,) = await world.instances()
        assert first != second
        await complete(world, second)
        assert await world.states() == ["InService"]

    async def test_a_hook_must_be_there_and_its_values_in_bounds(self, world: AsgWorld) -> None:
        await world.make()
        code, _ = await world.refusal(
            "put_lifecycle_hook",
            AutoScalingGroupName="web",
            LifecycleHookName="drain",
            LifecycleTransition=TERMINATING,
            HeartbeatTimeout=5,
        )
        assert code == "ValidationError"
        about = {"AutoScalingGroupName": "web", "LifecycleHookName": "drain", "InstanceId": "i-1"}
        assert (await world.refusal("record_lifecycle_action_heartbeat", **about))[0] == "ValidationError"

    async def test_deleting_a_hook_lets_go_who_waits_at_it(self, world: AsgWorld) -> None:
        await world.make()
        await put_hook(world)
        await world.grow(1)
        (only,) = await world.instances()
        await world.end(only, decrement=True)
        await world.call("delete_lifecycle_hook", AutoScalingGroupName="web", LifecycleHookName="drain")
        assert await world.states() == []


class TestIllness:
    async def test_an_unhealthy_instance_is_replaced(self, world: AsgWorld) -> None:
        await world.make()
        await world.grow(1)
        (first,) = await world.instances()
        await world.call("set_instance_health", InstanceId=first, HealthStatus="Unhealthy")
        (second,) = await world.instances()
        assert first != second
        assert (await world.group())["DesiredCapacity"] == 1

    async def test_one_that_was_ended_behind_the_group_s_back_is_replaced(self, world: AsgWorld) -> None:
        await world.make()
        await world.grow(2)
        first, second = await world.instances()
        await world.aws.call("ec2", "terminate_instances", InstanceIds=[first])
        remaining, third = await world.instances()
        assert (remaining, third not in (first, second)) == (second, True)
        causes = [each["Cause"] for each in await world.activities()]
        assert any("EC2 health check" in cause for cause in causes)

    async def test_unless_that_is_suspended(self, world: AsgWorld) -> None:
        await world.make()
        await world.grow(1)
        (first,) = await world.instances()
        processes = {"AutoScalingGroupName": "web", "ScalingProcesses": ["ReplaceUnhealthy"]}
        await world.call("suspend_processes", **processes)
        await world.call("set_instance_health", InstanceId=first, HealthStatus="Unhealthy")
        assert await world.instances() == [first]
        assert await world.instances(key="HealthStatus") == ["Unhealthy"]


class TestSpot:
    async def test_it_goes_two_minutes_after_the_warning_and_another_one_comes(self, world: AsgWorld) -> None:
        told = world.notices()
        await world.make()
        await world.grow(1)
        (first,) = await world.instances()
        told.clear()
        world.service.reclaim(first, rebalance_first=True)
        assert [each["detail-type"] for each in told] == [
            "EC2 Instance Rebalance Recommendation",
            "EC2 Spot Instance Interruption Warning",
        ]
        assert told[-1]["detail"] == {"instance-id": first, "instance-action": "terminate"}
        world.pass_by(119)
        assert await world.instances() == [first]
        world.pass_by(1)
        (second,) = await world.instances()
        assert first != second
        assert (await world.group())["DesiredCapacity"] == 1

    async def test_changes_of_state_are_told(self, world: AsgWorld) -> None:
        told = world.notices()
        await world.make(least=1)
        (only,) = await world.instances()
        world.service.lose(only)
        states = [each["detail"]["state"] for each in told if each["detail"].get("instance-id") == only]
        assert states == ["running", "shutting-down", "terminated"]


class TestQueue:
    async def queue(self, world: AsgWorld) -> str:
        reply = await world.aws.call("sqs", "create_queue", QueueName="q")
        return str(reply["QueueUrl"])

    async def test_notices_wait_in_a_queue_until_they_are_deleted(self, world: AsgWorld) -> None:
        sqs = world.aws.endpoint.sqs
        sqs.create_queue("q", visibility_seconds=30)
        world.service.account.listeners.append(lambda notice: print(sqs.send("q", notice).id))
        await world.make(least=1)
        url = await self.queue(world)

        async def receive(**more: Any) -> list[dict[str, Any]]:
            reply = await world.aws.call("sqs", "receive_message", QueueUrl=url, **more)
            return list(reply.get("Messages", ()))

        (message,) = await receive(MaxNumberOfMessages=10)
        assert json.loads(message["Body"])["detail"]["state"] == "running"
        assert await receive() == []
        world.clock.pass_by(30)
        (again,) = await receive()
        assert again["MessageId"] == message["MessageId"]
        await world.aws.call("sqs", "delete_message", QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
        world.clock.pass_by(30)
        assert await receive() == []

    async def test_receiving_waits_for_a_message(self, world: AsgWorld) -> None:
        sqs = world.aws.endpoint.sqs
        sqs.create_queue("q")
        url = await self.queue(world)
        waiting = asyncio.create_task(
            world.aws.call("sqs", "receive_message", QueueUrl=url, WaitTimeSeconds=20)
        )
        while not sqs.arrivals:
            await asyncio.sleep(0.01)
        sqs.send("q", "hello")
        assert (await waiting)["Messages"][0]["Body"] == "hello"

    async def test_a_queue_that_is_not_there_is_an_error(self, world: AsgWorld) -> None:
        world.aws.endpoint.sqs.create_queue("q")
        code, _ = await world.aws.refusal(
            "sqs", "receive_message", QueueUrl=f"{world.aws.endpoint.url}/1/none"
        )
        assert code == "AWS.SimpleQueueService.NonExistentQueue"

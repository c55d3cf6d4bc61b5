"""Notices from a queue: each is dealt with once, and deleted only when that is safe."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from addons.autoscaler.aws.interruptions import Handled, Interruptions
from addons.autoscaler.aws.lifecycle import LifecycleActions
from addons.autoscaler.aws.notices import Notice
from addons.autoscaler.names import MESSAGE_UNREADABLE
from addons.runtime.permit import Permit
from tests.support.as_aws import AsSite, as_site
from tests.support.permits import NEVER, PERMIT

pytestmark = pytest.mark.virtual_time

QUEUE = "interruptions"


class Reader:
    """Somebody who handles notices: `answers` has what comes of those about an instance."""

    def __init__(self, site: AsSite, aws: Any, permit: Permit) -> None:
        self.site = site
        self.lifecycle = LifecycleActions(aws)
        self.handled: list[Notice] = []
        self.answers: dict[str, Handled | Exception] = {}
        self.permit = permit
        now = site.endpoint.ec2.agenda.now
        url = f"{site.endpoint.url}/123456789012/{QUEUE}"
        self.queue = Interruptions(aws, url, wait_seconds=0, now=lambda: now().timestamp())

    async def handle(self, notice: Notice) -> Handled:
        """Write a notice down and answer as told, `begun` as a rule."""
        self.handled.append(notice)
        answer = self.answers.get(notice.instance, "begun")
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def read(self) -> int:
        """Read what is there now."""
        return await self.queue.read_once(self.handle, self.permit)

    @property
    def kinds(self) -> list[str]:
        """The kinds of notices that were handled."""
        return [notice.kind for notice in self.handled]

    @property
    def left(self) -> int:
        """How many messages are in the queue."""
        return len(self.site.endpoint.sqs.queues[QUEUE].messages)

    def send(self, body: str | dict[str, Any]) -> None:
        """Put a message into the queue."""
        self.site.endpoint.sqs.send(QUEUE, body)


@asynccontextmanager
async def reader(permit: Permit = PERMIT) -> AsyncIterator[Reader]:
    """A queue that has all that groups say, and somebody who reads it."""
    async with as_site() as site:
        site.endpoint.sqs.create_queue(QUEUE)
        async with site.door() as door:
            it = Reader(site, door.aws, permit)
            site.autoscaling.account.listeners.append(it.send)
            yield it


def spot_warning(instance: str) -> dict[str, Any]:
    """The notice that an instance is taken back."""
    return {
        "detail-type": "EC2 Spot Instance Interruption Warning",
        "time": "2026-01-02T03:04:05Z",
        "detail": {"instance-id": instance, "instance-action": "terminate"},
    }


class TestNotices:
    async def test_a_spot_instance_that_is_taken_back_is_told_with_its_end(self) -> None:
        async with reader() as it:
            market: dict[str, Any] = {"InstanceMarketOptions": {"MarketType": "spot"}}
            it.site.group("a", 1, LaunchTemplate=it.site.template("t", **market))
            it.site.endpoint.sqs.queues[QUEUE].messages.clear()
            (instance,) = it.site.ids("a")
            it.site.autoscaling.reclaim(instance, rebalance_first=True)
            await it.read()
            assert sorted(it.kinds) == ["rebalance", "spot-interruption"]
            assert {notice.instance for notice in it.handled} == {instance}
            (warning,) = (each for each in it.handled if each.kind == "spot-interruption")
            assert warning.deadline == warning.at + 120
            assert it.left == 0

    async def test_an_instance_that_stops_is_told(self) -> None:
        async with reader() as it:
            it.site.group("a", 1)
            await it.read()
            (instance,) = it.site.ids("a")
            it.site.autoscaling.lose(instance)
            while await it.read():
                pass
            gone = [notice for notice in it.handled if notice.instance == instance]
            assert {notice.kind for notice in gone} == {"state-change"}

    async def test_a_hook_that_waits_is_kept_alive_and_then_let_go(self) -> None:
        async with reader() as it:
            it.site.group("a", 1)
            it.site.ask(
                "PutLifecycleHook",
                AutoScalingGroupName="a",
                LifecycleHookName="drain",
                LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
                HeartbeatTimeout=60,
                DefaultResult="CONTINUE",
            )
            it.site.endpoint.sqs.queues[QUEUE].messages.clear()
            it.site.ask("SetDesiredCapacity", AutoScalingGroupName="a", DesiredCapacity=0)
            await it.read()
            (notice,) = (each for each in it.handled if each.lifecycle)
            assert notice.lifecycle
            for _ in range(4):
                await asyncio.sleep(40)
                assert (await it.lifecycle.heartbeat(notice.lifecycle, PERMIT)).ok
                it.site.endpoint.ec2.agenda.settle()
                assert it.site.autoscaling.members("a")[0].state == "Terminating:Wait"
            assert (await it.lifecycle.complete(notice.lifecycle, PERMIT)).ok
            assert it.site.ids("a") == []
            assert (await it.lifecycle.complete(notice.lifecycle, PERMIT)).ok
            assert (await it.lifecycle.heartbeat(notice.lifecycle, PERMIT)).ok


class TestDeletion:
    async def test_one_that_comes_twice_is_handled_once(self) -> None:
        async with reader() as it:
            for _ in range(3):
                it.send(spot_warning("i-1"))
                await it.read()
            assert (len(it.handled), it.left) == (1, 0)

    @pytest.mark.parametrize("answer", ["later", RuntimeError("it breaks")])
    async def test_one_that_is_not_begun_comes_again(self, answer: Any) -> None:
        async with reader() as it:
            it.answers["i-1"] = answer
            it.send(spot_warning("i-1"))
            it.send(spot_warning("i-2"))
            await it.read()
            assert it.left == 1
            it.answers.clear()
            await asyncio.sleep(31)
            await it.read()
            assert sorted(notice.instance for notice in it.handled) == ["i-1", "i-1", "i-2"]
            assert it.left == 0

    async def test_one_about_a_foreign_instance_is_left_to_others_for_some_minutes(self) -> None:
        async with reader() as it:
            it.answers["i-1"] = "foreign"
            it.send(spot_warning("i-1"))
            for _ in range(9):
                await it.read()
                assert it.left == 1
                await asyncio.sleep(32)
            await asyncio.sleep(60)
            await it.read()
            assert it.left == 0

    @pytest.mark.parametrize(
        "body",
        [
            "",
            "no JSON",
            "[]",
            "{}",
            '{"detail-type": "EC2 Spot Instance Interruption Warning", "detail": {}}',
            '{"detail-type": "Something Else", "detail": {}, "time": "2026-01-02T03:04:05Z"}',
            '{"detail-type": "EC2 Spot Instance Interruption Warning", "time": "noon", '
            '"detail": {"instance-id": "i-1"}}',
            '{"detail-type": "EC2 Spot Instance Interruption Warning", "time": "2026-01-02T03:04:05Z", '
            '"detail": {"instance-id": 7}}',
        ],
    )
    async def test_one_that_is_unreadable_is_told_and_deleted_and_the_next_is_handled(
        self, body: str
    ) -> None:
        async with reader() as it:
            it.send(body)
            it.send(spot_warning("i-1"))
            await it.read()
            assert ([notice.instance for notice in it.handled], it.left) == (["i-1"], 0)
            assert [problem.reason for problem in it.queue.problems] == [MESSAGE_UNREADABLE]

    @pytest.mark.parametrize(
        "body",
        [
            {"Event": "autoscaling:TEST_NOTIFICATION", "AutoScalingGroupName": "a"},
            {
                "detail-type": "EC2 Instance State-change Notification",
                "time": "2026-01-02T03:04:05Z",
                "detail": {"instance-id": "i-1", "state": "running"},
            },
            {"LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING", "Time": "2026-01-02T03:04:05.678Z"},
        ],
    )
    async def test_one_that_asks_for_nothing_is_deleted_in_silence(self, body: dict[str, Any]) -> None:
        async with reader() as it:
            it.send(body)
            await it.read()
            assert (it.handled, it.left, it.queue.problems) == ([], 0, ())

    async def test_without_permission_nothing_is_deleted(self) -> None:
        async with reader(Permit(NEVER, lease_left=lambda: 0.0)) as it:
            it.send(spot_warning("i-1"))
            await it.read()
            assert it.left == 1

    async def test_a_deletion_that_fails_is_made_up_for_without_handling_twice(self) -> None:
        async with reader() as it:
            it.site.fail("DeleteMessage", times=1)
            it.send(spot_warning("i-1"))
            await it.read()
            await asyncio.sleep(31)
            await it.read()
            assert (len(it.handled), it.left) == (1, 0)


class TestTrouble:
    @pytest.mark.parametrize(
        "how",
        [
            {"code": "ThrottlingException", "status": 400},
            {"code": "AccessDeniedException", "status": 400},
            {"code": "InternalFailure", "status": 500},
            {"code": "AWS.SimpleQueueService.NonExistentQueue", "status": 400},
            {"code": ""},
        ],
    )
    async def test_a_queue_that_fails_is_told_and_tried_again_ever_later(self, how: dict[str, Any]) -> None:
        async with reader() as it:
            stopping = asyncio.Event()
            it.site.fail("ReceiveMessage", **how)
            running = asyncio.create_task(it.queue.run(stopping, it.handle, PERMIT))
            await asyncio.sleep(600)
            (fault,) = it.queue.faults()
            assert fault.about == "interruption queue"
            assert it.site.calls()["ReceiveMessage"] <= 120
            it.site.heal()
            it.send(spot_warning("i-1"))
            await asyncio.sleep(90)
            stopping.set()
            await running
            assert (len(it.handled), it.queue.faults()) == (1, [])

    async def test_a_queue_that_does_not_wait_is_not_asked_without_end(self) -> None:
        async with reader() as it:
            stopping = asyncio.Event()
            running = asyncio.create_task(it.queue.run(stopping, it.handle, PERMIT))
            await asyncio.sleep(30)
            stopping.set()
            await running
            assert it.site.calls()["ReceiveMessage"] <= 31

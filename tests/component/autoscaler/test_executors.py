"""Orders are carried out group by group: what one group's call does is felt by none of the others."""

import asyncio
from collections.abc import Callable

import pytest

from addons.autoscaler.controller.executors import Done, Executors
from addons.autoscaler.model.plans import Order
from addons.runtime.errors import Denied, OutsideError, Unavailable, Withheld
from addons.runtime.permit import Permit
from tests.support.permits import PERMIT

pytestmark = pytest.mark.virtual_time


def order(group: str, target: int = 1) -> Order:
    return Order(group=group, count=1, target=target, pods=(), why="for a pod")


class Aws:
    """What AWS is asked for, and how long each group's call takes or with what it fails."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.errors: dict[str, Exception] = {}
        self.calls: list[str] = []
        self.done: list[tuple[float, Done]] = []

    async def raise_to(self, order: Order, permit: Permit) -> OutsideError | None:
        self.calls.append(f"{order.group} {order.target}")
        return await self._answer(order.group)

    async def terminate(self, group: str, instance: str, permit: Permit) -> OutsideError | None:
        self.calls.append(f"{group} {instance}")
        return await self._answer(group)

    async def _answer(self, group: str) -> OutsideError | None:
        await asyncio.sleep(self.seconds.get(group, 0.0))
        if error := self.errors.get(group):
            raise error
        return None

    def executors(self, **settings: float) -> Executors:
        def tell(done: Done) -> None:
            self.done.append((asyncio.get_running_loop().time(), done))

        return Executors(raise_to=self.raise_to, terminate=self.terminate, done=tell, **settings)

    def ended(self, which: Callable[[Done], bool] = lambda done: True) -> list[str]:
        return [done.group for _, done in self.done if which(done)]


@pytest.fixture
def aws() -> Aws:
    return Aws()


async def test_a_group_that_hangs_delays_no_other(aws: Aws) -> None:
    aws.seconds["a"] = 25.0
    executors = aws.executors()
    for name in "abc":
        executors.order(order(name), PERMIT)
    await asyncio.sleep(1.0)
    assert aws.ended() == ["b", "c"]
    assert executors.targets == {"a": 1}
    assert list(executors.waiting_since()) == ["a"]
    await executors.settled()
    assert aws.ended() == ["b", "c", "a"]
    assert executors.targets == {}


async def test_what_has_no_answer_in_time_counts_as_failed(aws: Aws) -> None:
    aws.seconds["a"] = 1000.0
    executors = aws.executors(call_seconds=30.0)
    executors.order(order("a"), PERMIT)
    await executors.settled()
    ((at, done),) = aws.done
    assert at == 30.0
    assert isinstance(done.error, Unavailable)
    assert done.error.code == "Timeout"


@pytest.mark.parametrize("error", [Denied("no"), RuntimeError("a bug")])
async def test_a_group_that_fails_harms_itself_alone(aws: Aws, error: Exception) -> None:
    aws.errors["a"] = error
    executors = aws.executors()
    executors.order(order("a"), PERMIT)
    executors.order(order("b"), PERMIT)
    await executors.settled()
    assert {done.group: done.error is None for _, done in aws.done} == {"a": False, "b": True}


async def test_one_group_does_one_thing_at_a_time_in_order(aws: Aws) -> None:
    aws.seconds["a"] = 5.0
    executors = aws.executors()
    executors.order(order("a", 2), PERMIT)
    executors.order(order("a", 3), PERMIT)
    ended = asyncio.create_task(executors.terminate("a", "i-1", PERMIT))
    await asyncio.sleep(6.0)
    assert aws.calls == ["a 2", "a 3"]
    assert executors.targets == {"a": 3}
    assert await ended is None
    assert aws.calls == ["a 2", "a 3", "a i-1"]


async def test_a_group_goes_on_after_a_failure(aws: Aws) -> None:
    aws.errors["a"] = Denied("no")
    executors = aws.executors()
    executors.order(order("a", 2), PERMIT)
    await executors.settled()
    aws.errors.clear()
    executors.order(order("a", 3), PERMIT)
    await executors.settled()
    assert [done.error is None for _, done in aws.done] == [False, True]


async def test_without_permission_nothing_is_sent(aws: Aws) -> None:
    stopping = asyncio.Event()
    stopping.set()
    executors = aws.executors()
    executors.order(order("a"), Permit(stopping))
    error = await executors.terminate("b", "i-1", Permit(stopping))
    await executors.settled()
    assert isinstance(error, Withheld)
    assert aws.calls == []
    assert [isinstance(done.error, Withheld) for _, done in aws.done] == [True, True]

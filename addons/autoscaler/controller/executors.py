"""Whoever carries out what was decided: one task for each group, so that none waits for another's calls."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from addons.autoscaler.model.plans import Order
from addons.runtime.errors import OutsideError, Unavailable, Withheld
from addons.runtime.permit import Permit

log = logging.getLogger(__name__)

CALL_SECONDS = 30.0
"""What AWS has not answered after so long counts as failed; what came of it shows the next reading."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an order, or of ending an instance; `error` is None where AWS did it."""

    group: str
    error: OutsideError | None = None
    order: Order | None = None
    instance: str = ""


@dataclass(slots=True)
class _Lane:
    """What one group still has to do, in order."""

    work: deque[Callable[[], Awaitable[None]]] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None
    orders: list[Order] = field(default_factory=list)
    since: float | None = None


class Executors:
    """Raises groups and ends instances by AWS: group by group in order, groups beside each other.

    `raise_to(order, permit)` and `terminate(group, instance, permit)` make the calls; `done` is told
    what came of each. Under no permit nothing is begun.
    """

    def __init__(
        self,
        *,
        raise_to: Callable[[Order, Permit], Awaitable[OutsideError | None]],
        terminate: Callable[[str, str, Permit], Awaitable[OutsideError | None]],
        done: Callable[[Done], None],
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        self._raise_to = raise_to
        self._terminate = terminate
        self._done = done
        self._call_seconds = call_seconds
        self._lanes: dict[str, _Lane] = {}

    @property
    def targets(self) -> Mapping[str, int]:
        """Group -> the size that an order asks for which has not ended yet."""
        return {
            name: max(order.target for order in lane.orders)
            for name, lane in self._lanes.items()
            if lane.orders
        }

    def waiting_since(self) -> Mapping[str, float]:
        """Group -> the loop time since when its call has been under way."""
        return {name: lane.since for name, lane in self._lanes.items() if lane.since is not None}

    def order(self, order: Order, permit: Permit) -> None:
        """Have a group raised soon; the outcome comes to `done`."""
        lane = self._lanes.setdefault(order.group, _Lane())
        lane.orders.append(order)

        async def carry_out() -> None:
            error = await self._call(permit, lambda: self._raise_to(order, permit), lane)
            lane.orders.remove(order)
            self._done(Done(order.group, error, order=order))

        self._begin(order.group, lane, carry_out)

    async def terminate(self, group: str, instance: str, permit: Permit) -> OutsideError | None:
        """End an instance of a group, after what is under way in it; why not, if that failed."""
        lane = self._lanes.setdefault(group, _Lane())
        ended: asyncio.Future[OutsideError | None] = asyncio.get_running_loop().create_future()

        async def carry_out() -> None:
            error = await self._call(permit, lambda: self._terminate(group, instance, permit), lane)
            if not ended.done():
                ended.set_result(error)
            self._done(Done(group, error, instance=instance))

        self._begin(group, lane, carry_out)
        return await ended

    async def settled(self) -> None:
        """Return when nothing is under way any more."""
        while tasks := [lane.task for lane in self._lanes.values() if lane.task]:
            await asyncio.wait(tasks)

    async def end(self, seconds: float) -> None:
        """Wait for what is under way for so long, and give up what is not over then: it will not be sent."""
        tasks = [lane.task for lane in self._lanes.values() if lane.task]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _begin(self, group: str, lane: _Lane, carry_out: Callable[[], Awaitable[None]]) -> None:
        lane.work.append(carry_out)
        if lane.task is None:
            lane.task = asyncio.create_task(self._work(lane), name=f"group {group}")

    async def _work(self, lane: _Lane) -> None:
        try:
            while lane.work:
                await lane.work.popleft()()
        finally:
            lane.task = None

    async def _call(
        self, permit: Permit, make: Callable[[], Awaitable[OutsideError | None]], lane: _Lane
    ) -> OutsideError | None:
        """Make one call; what it fails with costs this group alone."""
        if refusal := permit.refusal():
            return refusal
        lane.since = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._call_seconds):
                return await make()
        except OutsideError as error:
            return error
        except TimeoutError:
            return Unavailable(f"no answer within {self._call_seconds:.0f} s", code="Timeout")
        except Exception as error:
            log.exception("crashed: a call for one group")
            return Unavailable(f"crashed: {error!r}", code="Crashed")
        finally:
            lane.since = None


def is_withheld(error: OutsideError | None) -> bool:
    """Whether a call was not made at all, as it was not permitted any more."""
    return isinstance(error, Withheld)

"""Evicts pods through the Eviction API, which honours disruption budgets."""

import asyncio
import random
from contextlib import suppress
from typing import Final, Literal

from addons.autoscaler import names
from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.pods import Pod
from addons.runtime.backoff import Backoff
from addons.runtime.errors import Conflict, Denied, NotFound, OutsideError, Throttled, Unavailable
from addons.runtime.kube import KubeClient
from addons.runtime.permit import Permit

SEVERAL: Final = "more than one PodDisruptionBudget"
"""In the message of a 500: no waiting helps."""
_ANOTHER: Final = "UID in the precondition"
"""In the message of a 409: a pod of the same name has taken its place."""
_ENDING: Final = "because it is being terminated"
"""In the message of a 403: the namespace goes, and the pod with it."""
_BUDGET: Final = "DisruptionBudget"

Evicted = Literal["evicted", "gone"] | WhyNot
"""`evicted`: the pod ends within its grace. `gone`: there is no such pod any more."""


class Evictions:
    """Sends evictions. `rng` keeps retries of many pods out of step."""

    def __init__(self, kube: KubeClient, rng: random.Random) -> None:
        self._kube = kube
        self._rng = rng

    async def evict(
        self,
        pod: Pod,
        *,
        longest_grace: float,
        seconds: float,
        permit: Permit,
    ) -> Evicted:
        """Evict a pod; while its budget, or the API server, does not permit it, try again for `seconds`.

        It is given its own grace, `longest_grace` at most. Raises Withheld when there is no permission to act
        any more; everything else that goes wrong comes as a WhyNot.
        """
        loop = asyncio.get_running_loop()
        end, backoff = loop.time() + seconds, Backoff(self._rng, first=1.0, longest=5.0)
        while True:
            if refusal := permit.refusal():
                raise refusal
            try:
                await self._kube.evict(
                    pod.namespace,
                    pod.name,
                    uid=pod.uid,
                    grace_period_seconds=grace_of(pod, longest_grace),
                )
                return "evicted"
            except NotFound:
                return "gone"
            except OutsideError as error:
                if _ANOTHER in error.message:
                    return "gone"
                wait = max(backoff.next(loop.time()), error.retry_after or 0.0)
                if not _may_pass(error) or loop.time() + wait >= end:
                    return _refused(pod, error, seconds)
            await _pause(permit.stopping, wait)

    async def evict_once(self, pod: Pod, *, longest_grace: float, permit: Permit) -> Evicted:
        """Try once: for pods that nobody waits for."""
        return await self.evict(pod, longest_grace=longest_grace, seconds=0.0, permit=permit)


def grace_of(pod: Pod, longest: float) -> int | None:
    """The grace to ask for: None leaves a pod its own, which is not too long."""
    return None if pod.grace_seconds <= longest else int(longest)


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()


def _may_pass(error: OutsideError) -> bool:
    if SEVERAL in error.message:
        return False
    if isinstance(error, Denied):
        return _ENDING in error.message
    return isinstance(error, Throttled | Unavailable | Conflict)


def _refused(pod: Pod, error: OutsideError, seconds: float) -> WhyNot:
    if SEVERAL in error.message:
        message = f"pod {pod} is covered by more than one disruption budget: it cannot be evicted"
        return WhyNot(names.BLOCKED_SEVERAL_BUDGETS, message, str(pod))
    if error.code == _BUDGET:
        message = (
            f"pod {pod} could not be evicted in {seconds:.0f} s: its disruption budget allows none to go"
        )
        return WhyNot(names.BLOCKED_BUDGET, message, str(pod))
    return WhyNot(names.EVICTION_REFUSED, f"pod {pod} could not be evicted: {error.message}", str(pod))

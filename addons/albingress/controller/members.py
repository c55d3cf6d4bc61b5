"""What is written on the Ingresses of a group: its finalizer, and the host name that serves them."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping

from addons.albingress.controller.groups import Place
from addons.albingress.desired.groups import finalizer_of
from addons.albingress.kube.finalizers import Finalizers
from addons.albingress.kube.statuses import Statuses
from addons.albingress.model.groups import GroupId
from addons.albingress.model.objects import Ingress
from addons.runtime.errors import OutsideError
from addons.runtime.objects import Key, key

Failed = Mapping[Key, OutsideError]
"""Ingresses that could not be written -> why."""


class Members:
    """Writes each Ingress by itself: what is refused of one keeps nothing from the others."""

    def __init__(self, finalizers: Finalizers, statuses: Statuses) -> None:
        self._finalizers = finalizers
        self._statuses = statuses

    async def take_in(self, group: GroupId, places: Iterable[Place]) -> Failed:
        """Have all who belong to a group hold its finalizer, before anything is made for them."""
        belong = [each.ingress for each in places if each.member and each.member.group == group]
        return await _all({key(each): self._finalizers.add(each, finalizer_of(group)) for each in belong})

    async def publish(self, ingresses: Iterable[Ingress], hostname: str, ports: Iterable[int]) -> Failed:
        """Have all of them tell the host name of their load balancer."""
        listed = tuple(ports)
        return await _all({key(each): self._statuses.publish(each, hostname, listed) for each in ingresses})

    async def let_go(self, group: GroupId, ingresses: Iterable[Ingress], hostnames: Iterable[str]) -> Failed:
        """Have nothing of the group on Ingresses of which nothing is left in AWS."""
        gone = tuple(hostnames)
        return await _all({key(each): self._let_go(group, each, gone) for each in ingresses})

    async def _let_go(self, group: GroupId, ingress: Ingress, hostnames: tuple[str, ...]) -> None:
        version = ""
        if not ingress.metadata.deletion_timestamp:
            version = await self._statuses.withdraw(ingress, hostnames)
        await self._finalizers.remove(ingress, finalizer_of(group), version)


async def _all(writes: Mapping[Key, Awaitable[object]]) -> Failed:
    """Make writes side by side; those that failed, and why. What is no OutsideError is raised."""
    results = await asyncio.gather(*writes.values(), return_exceptions=True)
    failed: dict[Key, OutsideError] = {}
    for which, result in zip(writes, results, strict=True):
        if isinstance(result, OutsideError):
            failed[which] = result
        elif isinstance(result, BaseException):
            raise result
    return failed

"""What is written on the Ingresses of a group: its finalizer, and the host name that serves them."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping

from addons.albingress import names
from addons.albingress.controller.groups import Place
from addons.albingress.controller.hand_overs import HandOvers
from addons.albingress.controller.lookups import Failed
from addons.albingress.desired.groups import finalizer_of
from addons.albingress.desired.inputs import GroupInputs
from addons.albingress.kube.finalizers import Finalizers
from addons.albingress.kube.statuses import Statuses
from addons.albingress.model.actions import (
    DeleteListener,
    DeleteLoadBalancer,
    DeleteRule,
    DeleteSecurityGroup,
    DeleteTargetGroup,
    Plan,
)
from addons.albingress.model.elb import LoadBalancer, ObservedStack
from addons.albingress.model.groups import GroupId
from addons.albingress.model.objects import Ingress
from addons.albingress.model.stack import Stack
from addons.runtime.errors import OutsideError
from addons.runtime.objects import Key, key, ref
from addons.runtime.outcomes import Problem

_LEFT_OF_ONE = (DeleteRule, DeleteTargetGroup, DeleteListener)
"""Actions that are still to be done for an Ingress of which something is left."""

_LEFT_BEHIND = (*_LEFT_OF_ONE, DeleteLoadBalancer, DeleteSecurityGroup)
"""The same for the last one of a group."""


class WritingBack:
    """Writes each Ingress by itself: what is refused of one keeps nothing from the others."""

    def __init__(self, finalizers: Finalizers, statuses: Statuses, hand_overs: HandOvers) -> None:
        self._finalizers = finalizers
        self._statuses = statuses
        self._hand_overs = hand_overs
        self._hostnames: dict[GroupId, set[str]] = {}

    async def take_in(self, group: GroupId, places: Iterable[Place]) -> Failed:
        """Have all who belong to a group hold its finalizer, before anything is made for them."""
        belong = [each.ingress for each in places if each.member and each.member.group == group]
        finalizer = finalizer_of(group)
        return await _all({key(each): self._finalizers.add(each, finalizer) for each in belong})

    def hostname(self, stack: Stack, observed: ObservedStack) -> str:
        """The DNS name by which a group is served now; empty when there is none."""
        balancer = _serving(stack, observed, self._hand_overs.published(stack.group))
        return balancer.dns_name.lower() if balancer else ""

    async def write(
        self, inputs: GroupInputs, stack: Stack, observed: ObservedStack, rest: Plan
    ) -> tuple[Problem, ...]:
        """Tell members their host name, and let those go of whom nothing is left; what could not be written.

        `rest` is what is still to be done.
        """
        group = stack.group
        self._hostnames.setdefault(group, set()).update(
            each.dns_name.lower() for each in observed.load_balancers
        )
        failed: dict[Key, OutsideError] = {}
        members = [member.ingress for member in inputs.members]
        balancer = _serving(stack, observed, self._hand_overs.published(group))
        if balancer and not stack.held:
            ports = tuple(listener.port for listener in balancer.listeners)
            hostname = balancer.dns_name
            failed |= await _all(
                {key(each): self._statuses.publish(each, hostname, ports) for each in members}
            )
            served = [each for each in members if key(each) not in failed]
            replaces = len(observed.load_balancers) > 1
            self._hand_overs.serves(group, hostname.lower(), served, is_all=not failed, replaces=replaces)
        elsewhere = [each for each in inputs.leaving if self._hand_overs.is_ours_no_more(each)]
        failed |= await _all({key(each): self._withdraw(group, each) for each in elsewhere})
        gone = [each for each in inputs.leaving if self._is_gone(each, stack, observed, rest)]
        failed |= await _all({key(each): self._let_go(group, each) for each in gone})
        return tuple(
            _unwritten(each, failed[key(each)]) for each in (*members, *inputs.leaving) if key(each) in failed
        )

    def _is_gone(self, ingress: Ingress, stack: Stack, observed: ObservedStack, rest: Plan) -> bool:
        """Whether nothing of a leaving Ingress is left, and somebody else serves it where it only moved."""
        if ingress.metadata.name and self._hand_overs.is_retained(ingress, stack.group):
            return False
        is_end = not stack.members and not stack.held
        if is_end and (observed.load_balancers or observed.target_groups or observed.security_groups):
            return False
        kinds = _LEFT_BEHIND if is_end else _LEFT_OF_ONE
        left = {each.ref for each in rest.actions if isinstance(each, kinds)}
        held = [skip.ref for skip in rest.skips if skip.reason in (names.DELETE_HELD, names.MASS_DELETE)]
        left |= {each for each in held if is_end or each}
        return left.isdisjoint({ref(ingress), None})

    async def _withdraw(self, group: GroupId, ingress: Ingress) -> str:
        """Have it tell the host name no more; give its version after that, where it changed.

        Names in DNS then go before the load balancer does, and whoever restarts in between still knows it.
        """
        return await self._statuses.withdraw(ingress, self._hostnames.get(group, ()))

    async def _let_go(self, group: GroupId, ingress: Ingress) -> None:
        is_deleted = ingress.metadata.deletion_timestamp
        version = "" if is_deleted else await self._withdraw(group, ingress)
        await self._finalizers.remove(ingress, finalizer_of(group), version)

    def next_try(self, ingresses: Iterable[Ingress]) -> float | None:
        """Seconds until one of these that leave need not be served here; None: others decide that."""
        return self._hand_overs.next_try(ingresses)

    def forget(self, group: GroupId) -> None:
        """A group is gone."""
        self._hostnames.pop(group, None)
        self._hand_overs.forget(group)


def _serving(stack: Stack, observed: ObservedStack, published: str) -> LoadBalancer | None:
    """The load balancer whose name is told: that which is asked for, once it may take over from another."""
    wanted = stack.load_balancer.name if stack.load_balancer else ""
    found = next((each for each in observed.load_balancers if each.name == wanted), None)
    others = [each for each in observed.load_balancers if each is not found]
    told = next((each for each in others if each.dns_name.lower() == published), None)
    if found is None or (found.state == "provisioning" and others):
        return told or next(iter(others), None)
    return found


async def _all(writes: Mapping[Key, Awaitable[object]]) -> dict[Key, OutsideError]:
    """Make writes side by side; those that failed, and why. What is no OutsideError is raised."""
    results = await asyncio.gather(*writes.values(), return_exceptions=True)
    failed: dict[Key, OutsideError] = {}
    for which, result in zip(writes, results, strict=True):
        if isinstance(result, OutsideError):
            failed[which] = result
        elif isinstance(result, BaseException):
            raise result
    return failed


def _unwritten(ingress: Ingress, error: OutsideError) -> Problem:
    return Problem(ref(ingress), names.ACTION_FAILED, f"it cannot be written: {error.message}")

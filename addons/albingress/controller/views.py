"""One moment as a plan sees it, beside what is asked for and what AWS has."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from addons.albingress import names
from addons.albingress.aws.load_balancers import LoadBalancers
from addons.albingress.aws.quotas import AccountQuotas
from addons.albingress.config import Config
from addons.albingress.controller.hand_overs import HandOvers
from addons.albingress.controller.history import History
from addons.albingress.controller.target_groups import TargetGroups
from addons.albingress.desired.frontend import backend_group
from addons.albingress.desired.inputs import GroupInputs
from addons.albingress.model.elb import (
    Listener,
    LoadBalancer,
    ObservedStack,
    Rule,
    SecurityGroup,
    TargetGroup,
)
from addons.albingress.model.groups import GroupId
from addons.albingress.model.quotas import Quotas
from addons.albingress.model.stack import Pairs, Stack
from addons.albingress.plan.quotas import is_near
from addons.albingress.plan.view import View, policy_of
from addons.runtime.objects import key, ref
from addons.runtime.outcomes import Skip

_COUNTED = (LoadBalancer, Listener, Rule, TargetGroup, SecurityGroup)


class Views:
    """Puts together what plans must know. `not_ready` says which caches are empty or out of date."""

    def __init__(
        self,
        config: Config,
        *,
        aws: LoadBalancers,
        history: History,
        hand_overs: HandOvers,
        target_groups: TargetGroups,
        quotas: AccountQuotas,
        not_ready: Callable[[], str],
        now: Callable[[], datetime],
    ) -> None:
        self._config = config
        self._policy = policy_of(config)
        self._aws = aws
        self._history = history
        self._hand_overs = hand_overs
        self._target_groups = target_groups
        self._account = quotas
        self._quotas = Quotas()
        self._not_ready = not_ready
        self._now = now

    def of(self, inputs: GroupInputs, observed: ObservedStack) -> View:
        """This moment, seen from one group."""
        group, past = inputs.group, self._history.of(inputs.group)
        retained = [each for each in inputs.leaving if self._hand_overs.is_retained(each, group)]
        return View(
            now=self._now(),
            policy=self._policy,
            quotas=self._quotas,
            is_fresh=not self._not_ready(),
            blocked=self._history.blocked(group),
            refused=self._history.refused.of(group),
            wanted_deletes=past.wanted_deletes,
            switched=self._hand_overs.switched(group),
            targets=self._target_groups.states(group),
            secrets=past.secrets,
            backend_group=self._config.backend_security_group or backend_group(self._config),
            backend_group_is_used=self._is_backend_group_used(observed),
            retained=frozenset("/".join(key(each)) for each in retained),
            members=tuple(each.ref for each in inputs.members),
            leaving=tuple(ref(each) for each in inputs.leaving),
            deleting=frozenset(
                "/".join(key(each)) for each in inputs.leaving if each.metadata.deletion_timestamp
            ),
            known=sum(len(self._aws.snapshot.all(kind)) for kind in _COUNTED),
            deleted_lately=self._history.deleted_lately(self._now()),
        )

    async def learn_quotas(self, stack: Stack, observed: ObservedStack) -> None:
        """Find out what AWS permits where that may matter. Raises OutsideError."""
        if stack.load_balancer and is_near(stack, observed, Quotas()):
            self._quotas = await self._account.of_load_balancers()

    async def complete(self, stack: Stack, observed: ObservedStack) -> ObservedStack:
        """What AWS has of a group, with the details that are asked for and were not read yet.

        On what we made a tag says what was asked for, and nothing is read; nor of what is not there.
        """
        unread = tuple(_unread(stack, observed))
        web_acl = bool(stack.load_balancer and stack.load_balancer.waf_acl)
        web_acl &= any(each.web_acl is None for each in observed.load_balancers)
        if not unread and not web_acl:
            return observed
        return await self._aws.read_more(stack.group, attributes_of=unread, web_acl=web_acl)

    def attributes_of(self, group: GroupId) -> tuple[str, ...]:
        """The ARNs of what has attributes that were read: those that an audit has to read again."""
        stack = self._aws.snapshot.stack(group)
        things: list[LoadBalancer | Listener | TargetGroup] = [*stack.load_balancers, *stack.target_groups]
        things += (each for balancer in stack.load_balancers for each in balancer.listeners)
        return tuple(each.arn for each in things if each.attributes is not None)

    async def ask_health(self, group: GroupId, skips: Iterable[Skip]) -> None:
        """Find out how the target groups are that rules wait for."""
        waiting = [skip.message for skip in skips if skip.reason == names.WAITING]
        states = self._target_groups.states(group)
        unwell = [name for name, state in states.items() if not state.is_healthy]
        await self._target_groups.ask_health(
            name for name in unwell if any(name in message for message in waiting)
        )

    def _is_backend_group_used(self, observed: ObservedStack) -> bool:
        """Whether the load balancer of another group has the security group that all share."""
        own = {each.arn for each in observed.load_balancers}
        shared = observed.backend_group
        others = (each for each in self._aws.snapshot.all(LoadBalancer) if each.arn not in own)
        return bool(shared) and any(shared.id in each.security_groups for each in others if shared)


def _unread(stack: Stack, observed: ObservedStack) -> Iterator[str]:
    """The ARNs of what attributes are asked of that bears no tag of ours, and whose were not read."""
    balancer, target_groups = stack.load_balancer, {each.name: each for each in stack.target_groups}
    listeners = {each.port: each for each in stack.listeners}
    for there in observed.load_balancers:
        if balancer and there.name == balancer.name and _is_unread(there, balancer.attributes):
            yield there.arn
        for each in there.listeners:
            wanted = listeners.get(each.port)
            if wanted and _is_unread(each, wanted.attributes):
                yield each.arn
    for group in observed.target_groups:
        asked = target_groups.get(group.name)
        if asked and _is_unread(group, asked.attributes):
            yield group.arn


def _is_unread(there: LoadBalancer | Listener | TargetGroup, asked: Pairs) -> bool:
    return bool(asked) and there.attributes is None and names.TAG_SPEC not in dict(there.tags)

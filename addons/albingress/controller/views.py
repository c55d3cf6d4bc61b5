"""One moment as a plan sees it, beside what is asked for and what AWS has."""

from collections.abc import Callable, Iterator
from datetime import datetime

from addons.albingress.aws.load_balancers import LoadBalancers
from addons.albingress.config import Config
from addons.albingress.controller.hand_overs import HandOvers
from addons.albingress.controller.history import History
from addons.albingress.controller.target_groups import TargetGroups
from addons.albingress.desired.inputs import GroupInputs
from addons.albingress.model.elb import ObservedStack
from addons.albingress.model.groups import GroupId
from addons.albingress.model.stack import Stack
from addons.albingress.plan.view import View, policy_of
from addons.runtime.objects import key, ref


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
        not_ready: Callable[[], str],
        now: Callable[[], datetime],
    ) -> None:
        self._config = config
        self._policy = policy_of(config)
        self._aws = aws
        self._history = history
        self._hand_overs = hand_overs
        self._target_groups = target_groups
        self._not_ready = not_ready
        self._now = now

    def of(self, inputs: GroupInputs, observed: ObservedStack) -> View:
        """This moment, seen from one group."""
        group, past = inputs.group, self._history.of(inputs.group)
        retained = [each for each in inputs.leaving if self._hand_overs.is_retained(each, group)]
        return View(
            now=self._now(),
            policy=self._policy,
            is_fresh=not self._not_ready(),
            blocked=self._history.blocked(group),
            refused=self._history.refused.of(group),
            wanted_deletes=past.wanted_deletes,
            switched=self._hand_overs.switched(group),
            targets=self._target_groups.states(group),
            secrets=past.secrets,
            backend_group=self._config.backend_security_group or backend_group(self._config),
            backend_group_is_used=self._is_backend_group_used(group, observed),
            retained=frozenset("/".join(key(each)) for each in retained),
            leaving=tuple(ref(each) for each in inputs.leaving),
            deleting=frozenset(
                "/".join(key(each)) for each in inputs.leaving if each.metadata.deletion_timestamp
            ),
            known=self._aws.known,
            deleted_lately=self._aws.deleted_lately,
        )

    def _is_backend_group_used(self, group: GroupId, observed: ObservedStack) -> bool:
        """Whether the load balancer of another group has the security group that all share."""
        shared = observed.backend_group
        return bool(shared and self._aws.is_used_elsewhere(shared.id, group))

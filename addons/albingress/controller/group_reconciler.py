"""Reconcile one ingress group: observe, plan, guard, apply, report."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.aws.load_balancers import LoadBalancers
from addons.albingress.config import Config
from addons.albingress.controller.groups import Groups, Place
from addons.albingress.controller.history import History
from addons.albingress.controller.lookups import Lookups
from addons.albingress.controller.members import Failed, Members
from addons.albingress.controller.metrics import Metrics
from addons.albingress.controller.telling import Telling
from addons.albingress.controller.views import Views
from addons.albingress.desired.inputs import GroupInputs, Member
from addons.albingress.desired.stack import desired_stack
from addons.albingress.model.actions import AwsAction, Plan
from addons.albingress.model.elb import LoadBalancer, ObservedStack
from addons.albingress.model.groups import GroupId
from addons.albingress.model.objects import Ingress
from addons.albingress.model.stack import Stack
from addons.albingress.plan.dry_run import preview
from addons.albingress.plan.guard import guard
from addons.albingress.plan.stack import plan_stack
from addons.runtime.errors import OutsideError, Withheld
from addons.runtime.loop import Result
from addons.runtime.objects import Key, key, ref
from addons.runtime.outcomes import ObjectRef, Outcome, Problem, Skip
from addons.runtime.permit import Permit
from addons.runtime.plan_output import PrintPlan

RECHECK_SECONDS = 45.0
"""What waits for something outside of Kubernetes is looked at again so often: a certificate, a subnet."""


class Pass(Struct, frozen=True, kw_only=True):
    """What one pass over a group found out, for the status page and for explanations."""

    stack: Stack
    observed: ObservedStack
    problems: tuple[Problem, ...] = ()
    skips: tuple[Skip, ...] = ()


class GroupReconciler:
    """Makes AWS have what the Ingresses of one group at a time ask for.

    With `print_plan` every plan is handed to it in place of being carried out, and nothing is written.
    """

    def __init__(
        self,
        config: Config,
        *,
        groups: Groups,
        lookups: Lookups,
        aws: LoadBalancers,
        views: Views,
        members: Members,
        telling: Telling,
        metrics: Metrics,
        print_plan: PrintPlan | None,
        now: Callable[[], datetime],
    ) -> None:
        self._config = config
        self._groups = groups
        self._lookups = lookups
        self._aws = aws
        self._views = views
        self._members = members
        self._telling = telling
        self._metrics = metrics
        self._print_plan = print_plan
        self._now = now
        self.passes: dict[GroupId, Pass] = {}
        """What the latest pass over each group has found out."""

    async def reconcile(self, group: GroupId, permit: Permit) -> Result:
        """Make one pass. Raises what fails the whole group."""
        places = self._groups.of(group)
        everybody = [ref(place.ingress) for place in places]
        try:
            observed = await self._aws.observe(group)
            unwritten = {} if self._print_plan else await self._members.take_in(group, places)
            inputs = await self._lookups.inputs(group, places, observed, unwritten)
        except Withheld:
            raise
        except OutsideError as error:
            self._telling.waiting(group, "AWS cannot be read", error, everybody)
            raise
        self._telling.going_on(group)
        return await self._pass(group, inputs, observed, permit)

    async def _pass(
        self, group: GroupId, inputs: GroupInputs, observed: ObservedStack, permit: Permit
    ) -> Result:
        stack, problems = desired_stack(inputs)
        view = await self._views.of(group, inputs, observed)
        plan = self._plan(stack, observed, view)
        if self._print_plan:
            self._print_plan(preview(plan))
            self._keep(Pass(stack=stack, observed=observed, problems=problems, skips=plan.skips))
            return Result()
        results = await self._aws.apply(group, plan.actions, permit)
        outcomes = [each for each in results if isinstance(each, Outcome)]
        is_news = self._history.learn(group, plan.actions, outcomes)
        observed = await self._aws.observe(group)
        done = Pass(
            stack=stack,
            observed=observed,
            problems=(*problems, *await self._write_back(inputs, stack, observed)),
            skips=(*plan.skips, *(each for each in results if isinstance(each, Skip))),
        )
        self._tell(inputs, done, outcomes)
        self._keep(done)
        return Result(again_in=self._again_in(done, outcomes, is_news=is_news), acted=any(map(_ok, outcomes)))

    def _plan(self, stack: Stack, observed: ObservedStack, view: View) -> Plan:
        """Plan and guard, and remember for how long deletions have been wanted."""
        wanted = plan_stack(stack, observed, view)
        past = self._history.of(stack.group)
        past.wanted_deletes = remember_deletes(past.wanted_deletes, wanted, view.now)
        return guard(wanted, observed, replace(view, wanted_deletes=past.wanted_deletes))

    async def _write_back(
        self, inputs: GroupInputs, stack: Stack, observed: ObservedStack
    ) -> tuple[Problem, ...]:
        """Tell the members their host name, and let those go of which nothing is left in AWS."""
        balancer, failed = serving(stack, observed), dict[Key, OutsideError]()
        members = [member.ingress for member in inputs.members]
        if balancer and not stack.held:
            ports = [listener.port for listener in balancer.listeners]
            failed |= await self._members.publish(members, balancer.dns_name, ports)
            self._served(stack.group, members, failed)
        gone = await self._gone(inputs, stack, observed)
        failed |= await self._members.let_go(stack.group, gone, self._hostnames(stack.group, observed))
        return tuple(_unwritten(each, failed) for each in (*members, *gone) if key(each) in failed)

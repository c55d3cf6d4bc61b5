"""Reconcile one ingress group: observe, plan, guard, apply, report."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial

from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.aws.load_balancers import LoadBalancers
from addons.albingress.config import Config
from addons.albingress.controller.groups import Groups
from addons.albingress.controller.guilt import guilty_of
from addons.albingress.controller.history import History
from addons.albingress.controller.lookups import Lookups
from addons.albingress.controller.metrics import Metrics
from addons.albingress.controller.passes import Pass
from addons.albingress.controller.target_groups import TargetGroups
from addons.albingress.controller.telling import Telling
from addons.albingress.controller.views import Views
from addons.albingress.controller.writing_back import WritingBack
from addons.albingress.desired.inputs import GroupInputs
from addons.albingress.desired.stack import desired_stack
from addons.albingress.model.actions import AwsAction, CreateTargetGroup, Plan
from addons.albingress.model.elb import ObservedStack
from addons.albingress.model.groups import GroupId
from addons.albingress.model.objects import Ingress
from addons.albingress.model.stack import Stack
from addons.albingress.plan.attributes import given_up
from addons.albingress.plan.dry_run import preview
from addons.albingress.plan.guard import counted_deletes, guard, remember_deletes
from addons.albingress.plan.hand_over import with_serving_groups
from addons.albingress.plan.stack import plan_stack
from addons.albingress.plan.view import View, policy_of
from addons.runtime.errors import Exhausted, Invalid, NotFound, OutsideError, Throttled, Withheld
from addons.runtime.loop import Result
from addons.runtime.objects import ref
from addons.runtime.outcomes import ObjectRef, Outcome, Skip
from addons.runtime.permit import Permit
from addons.runtime.plan_output import PrintPlan

RECHECK_SECONDS = 45.0
"""What waits for something outside of Kubernetes is looked at again so often: a certificate, a subnet."""

_SHORTLY = 0.2
_PROVISIONING_SECONDS = 5.0
"""A load balancer that is being made is looked at so often."""

_HEALTH_SECONDS = 2.0
"""So often it is asked whether targets are healthy for which rules wait."""

_RETRY_SECONDS = 5.0
"""What AWS throttles, and what the API server does not take, is tried again so soon."""

_HEALS_OUTSIDE = frozenset(
    {names.CERTIFICATE_MISSING, names.SUBNETS_MISSING, names.BROKEN_RULE, names.INVALID_ANNOTATION}
)
"""Reasons of problems that may be mended in AWS, where nobody tells us."""


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
        history: History,
        writing_back: WritingBack,
        target_groups: TargetGroups,
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
        self._history = history
        self._writing_back = writing_back
        self._target_groups = target_groups
        self._telling = telling
        self._metrics = metrics
        self._print_plan = print_plan
        self._now = now
        self.passes: dict[GroupId, Pass] = {}
        """What the latest pass over each group has found out."""

    async def reconcile(self, group: GroupId, permit: Permit) -> Result:
        """Make one pass. Raises what fails the whole group, once its members are told."""
        places = self._groups.of(group)
        try:
            observed = await self._observe(group)
            unwritten = {} if self._print_plan else await self._writing_back.take_in(group, places)
            inputs = await self._lookups.inputs(
                group,
                places,
                observed,
                unwritten=unwritten,
                refused_certificates=self._history.refused.certificates(group),
                unopened=self._history.unopened(group),
            )
        except Withheld:
            raise
        except OutsideError as error:
            everybody = [ref(place.ingress) for place in places]
            self._telling.waiting(group, "AWS or Kubernetes does not answer", error, everybody)
            raise
        self._telling.going_on(group)
        result = await self._pass(group, inputs, observed, permit)
        if not self._groups.of(group):
            self.forget(group)
        return result

    def forget(self, group: GroupId) -> None:
        """Keep nothing about a group that is gone."""
        self.passes.pop(group, None)
        self._history.forget(group)
        self._lookups.forget(group)
        self._target_groups.forget(group)
        self._telling.forget(group)
        self._metrics.forget(group)

    def sure_in(self, group: GroupId) -> float:
        """Seconds until deletions of a group are certain, 0 where there are none before it."""
        done = self.passes.get(group)
        times = [each.retry_at for each in done.skips if each.reason == names.DELETE_HELD] if done else []
        waits = [(at - self._now()).total_seconds() for at in times if at]
        longest = policy_of(self._config).two_pass.total_seconds()
        return max((each for each in waits if 0 < each <= longest), default=0.0)

    def woken(self, group: GroupId) -> None:
        """An object has changed that may matter to a group."""
        self._metrics.woken(group, _now())
        self._history.rests(group)

    def held(self, group: GroupId, refusal: Withheld) -> None:
        """Nothing of a group may be changed now. Who else leads is news for the members."""
        members = [ref(each.ingress) for each in self._groups.of(group)]
        self._telling.held(group, refusal, members)

    def forget_figures(self) -> None:
        """Show no figures any more: another replica leads."""
        self._metrics.forget_all()

    async def _observe(self, group: GroupId) -> ObservedStack:
        """What AWS has of a group, compared with AWS when that is due."""
        past, at = self._history.of(group), _now()
        if past.audit_at and at >= past.audit_at:
            past.audit_at = at + self._config.sync_period.total_seconds()
            self._lookups.forget(group)
            if await self._aws.audit(group, attributes_of=self._views.attributes_of(group)):
                self._metrics.drifted()
                self._telling.drift(group, "AWS was not as it was left: it is put right")
        past.audit_at = past.audit_at or at + self._config.sync_period.total_seconds()
        if past.recheck_at and at >= past.recheck_at:
            past.recheck_at = 0.0
            self._lookups.forget(group)
        return await self._aws.observe(group)

    async def _pass(
        self, group: GroupId, inputs: GroupInputs, observed: ObservedStack, permit: Permit
    ) -> Result:
        stack, problems = desired_stack(inputs)
        view = self._views.of(inputs, observed)
        stack = with_serving_groups(stack, observed, view.leaving, view.retained)
        observed = await self._views.complete(stack, observed)
        await self._views.learn_quotas(stack, observed)
        last = self.passes.get(group)
        await self._views.ask_health(group, last.skips if last else ())
        view = self._views.of(inputs, observed)
        plan = self._plan(stack, observed, view)
        if self._print_plan:
            self._print_plan(preview(plan))
            self._target_groups.follow(stack, observed)
            self.passes[group] = Pass(stack=stack, observed=observed, problems=problems, skips=plan.skips)
            return Result()
        results = await self._apply(stack, plan, permit)
        outcomes = [each for each in results if isinstance(each, Outcome)]
        observed = await self._aws.observe(group)
        is_news = self._learn(stack, observed, plan, view, outcomes)
        self._target_groups.follow(stack, observed)
        rest = self._rest(stack, observed, self._views.of(inputs, observed)) if inputs.leaving else Plan()
        unwritten = await self._writing_back.write(inputs, stack, observed, rest)
        done = Pass(
            stack=stack,
            observed=observed,
            problems=(*problems, *unwritten),
            skips=(
                *plan.skips,
                *(given_up(last.stack, stack) if last else ()),
                *(each for each in results if isinstance(each, Skip)),
            ),
        )
        self.passes[group] = done
        self._tell(inputs, done, outcomes)
        is_cut_short = any(isinstance(outcome.error, Throttled) for outcome in outcomes)
        again_in = self._again_in(done, inputs.leaving, is_news=is_news, is_cut_short=is_cut_short)
        return Result(again_in=again_in, acted=any(outcome.ok for outcome in outcomes))

    def _learn(
        self,
        stack: Stack,
        observed: ObservedStack,
        plan: Plan,
        view: View,
        outcomes: Sequence[Outcome[AwsAction]],
    ) -> bool:
        """Remember what became of a plan; True when the next pass may have something to do."""
        group, done = stack.group, [each.action for each in outcomes if each.ok]
        is_news = self._history.learn(group, plan.actions, outcomes)
        self._history.deleted(counted_deletes(plan, view), outcomes, self._now())
        self._history.keep_secrets(self._config.cluster_name, stack, observed, done)
        if done and self._history.is_hopeless(group):
            again = ", ".join(sorted({action.key for action in done})[:5])
            self._telling.drift(group, f"AWS does not keep what it is asked for, again and again: {again}")
        return is_news or bool(done)

    def _plan(self, stack: Stack, observed: ObservedStack, view: View) -> Plan:
        """Plan and guard, and remember for how long deletions have been wanted."""
        wanted = plan_stack(stack, observed, view)
        past = self._history.of(stack.group)
        past.wanted_deletes = remember_deletes(wanted, view)
        return guard(wanted, replace(view, wanted_deletes=past.wanted_deletes))

    def _rest(self, stack: Stack, observed: ObservedStack, view: View) -> Plan:
        """All that is still to be done, whether or not it may be done now."""
        return plan_stack(stack, observed, replace(view, blocked={}))

    async def _apply(self, stack: Stack, plan: Plan, permit: Permit) -> list[Outcome[AwsAction] | Skip]:
        """Carry out a plan: new target groups first, which are filled before any rule leads to them."""
        first = [each for each in plan.actions if isinstance(each, CreateTargetGroup)]
        made = await self._aws.apply(stack.group, first, permit)
        done = {each.action.key for each in made if isinstance(each, Outcome) and each.ok}
        missing = {each.key for each in first} - done
        if done:
            observed = await self._aws.observe(stack.group)
            new = {each.target_group.name for each in first if each.key in done}
            self._target_groups.follow(stack, observed, new=new)
            await self._target_groups.filled(new)
        then = [each for each in plan.actions if not isinstance(each, CreateTargetGroup)]
        begun, left = _parted(then, missing)
        return [*made, *await self._aws.apply(stack.group, begun, permit), *left]

    def _tell(self, inputs: GroupInputs, done: Pass, outcomes: Sequence[Outcome[AwsAction]]) -> None:
        group, members = inputs.group, [member.ref for member in inputs.members]
        leaving = [ref(ingress) for ingress in inputs.leaving]
        self._telling.problems(group, done.problems, members)
        self._telling.skips(group, done.skips)
        told = [
            each
            for each in outcomes
            if not self._history.refused.explains(group, each.action)
            and not self._history.is_patient(group, each)
        ]
        self._telling.outcomes(group, told, members, leaving, blame=partial(_blamed, inputs))
        changed = {outcome.action.ref for outcome in outcomes if outcome.ok and outcome.action.ref}
        hostname = self._writing_back.hostname(done.stack, done.observed)
        self._telling.reconciled(
            group, {each: hostname if each in members else "" for each in changed & {*members, *leaving}}
        )
        rules = (rule.state for listener in done.stack.listeners for rule in listener.rules)
        self._metrics.found(group, done.problems, done.skips, rules)
        self._metrics.passed(group, outcomes, _now())

    def _again_in(
        self, done: Pass, leaving: Iterable[Ingress], *, is_news: bool, is_cut_short: bool
    ) -> float:
        """Seconds until the group is to be looked at again, if nothing changes until then."""
        group, at = done.stack.group, _now()
        if is_news:
            return self._history.after_work(group)
        self._history.rests(group)
        past = self._history.of(group)
        if any(problem.reason in _HEALS_OUTSIDE for problem in done.problems):
            past.recheck_at = past.recheck_at or at + RECHECK_SECONDS
        waits = [past.audit_at - at, *([past.recheck_at - at] if past.recheck_at else [])]
        waits += [(skip.retry_at - self._now()).total_seconds() for skip in done.skips if skip.retry_at]
        waits += filter(None, [self._history.next_try(group), self._writing_back.next_try(leaving)])
        if any(each.state == "provisioning" for each in done.observed.load_balancers):
            waits.append(_PROVISIONING_SECONDS)
        if any(skip.reason == names.WAITING and skip.retry_at for skip in done.skips):
            waits.append(_HEALTH_SECONDS)
        if is_cut_short or any(problem.reason == names.ACTION_FAILED for problem in done.problems):
            waits.append(_RETRY_SECONDS)
        return max(_SHORTLY, min(waits))


def _blamed(inputs: GroupInputs, outcome: Outcome[AwsAction]) -> Sequence[ObjectRef]:
    """Who asked for what AWS has refused; nobody where it could not do it now, or that is not known."""
    if not isinstance(outcome.error, Invalid | NotFound | Exhausted):
        return ()
    return guilty_of(outcome.action, outcome.error, (member.ingress for member in inputs.members))


def _parted(actions: Iterable[AwsAction], missing: set[str]) -> tuple[list[AwsAction], list[Skip]]:
    """The actions that may be begun, and why the others may not: what they need is not there."""
    begun: list[AwsAction] = []
    left: list[Skip] = []
    gone = set(missing)
    for action in actions:
        needed = next((key for key in action.needs if key in gone), "")
        if needed:
            gone.add(action.key)
            left.append(Skip(action.key, action.ref, names.WAITING, f"waits for {needed}"))
        else:
            begun.append(action)
    return begun, left


def _now() -> float:
    return asyncio.get_running_loop().time()

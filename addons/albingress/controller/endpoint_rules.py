"""The rules of nodes' and pods' security groups: registration never waits for them."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from addons.albingress import names
from addons.albingress.aws.endpoint_groups import EndpointGroups
from addons.albingress.aws.interfaces import Interfaces
from addons.albingress.config import Config
from addons.albingress.desired.endpoint_rules import Openings, desired_permissions
from addons.albingress.model.stack import Permission
from addons.albingress.plan.endpoint_rules import RulePlan, RuleView, plan_endpoint_rules
from addons.runtime.errors import Exhausted, OutsideError
from addons.runtime.ledger import Ledger
from addons.runtime.loop import ReconcileLoop, Result
from addons.runtime.outcomes import Fault
from addons.runtime.permit import Permit
from addons.runtime.reporter import Report, Reporter

_TOGETHER_SECONDS: Final = 0.5
"""Targets that come within so long are looked up in one call."""

SECOND_LOOK_SECONDS: Final = 15.0
"""After so long what is useless is looked at again, and then goes; so is what was not found."""

_READ_SECONDS: Final = 5.0
"""What was read of a security group so long ago counts, as long as nothing is taken away."""

_WORKERS: Final = 4
_LONGEST_REST: Final = 60.0

_RULES, _LOST = "endpoint rules", "endpoints without security group"
"""Topics of what is told."""


class EndpointRules:
    """Keeps in the security groups of nodes and pods the rules that load balancers need, and no others.

    Wishes come by target group (`update`). Nothing is taken away until all sources of wishes have told of
    theirs (`complete`), nor while anybody's are unknown.
    """

    def __init__(
        self, config: Config, *, interfaces: Interfaces, groups: EndpointGroups, reporter: Reporter
    ) -> None:
        self._sync_seconds = config.sync_period.total_seconds()
        self._interfaces = interfaces
        self._groups = groups
        self._reporter = reporter
        self._wishes: dict[str, tuple[Openings, ...]] = {}
        self._unknown: set[str] = set()
        self._hosts: dict[str, str] = {}
        self._group_of: dict[str, str] = {}
        self._lost: Mapping[str, str] = {}
        self._wanted: dict[str, frozenset[Permission]] = {}
        self._stale: dict[str, tuple[Permission, ...]] = {}
        self._most: dict[str, int] = {}
        self._sources: frozenset[str] = frozenset()
        self._is_complete = False
        self._was_known = False
        self._searched: frozenset[str] = frozenset()
        self._searched_at = float("-inf")
        self._lookups: ReconcileLoop[str] = ReconcileLoop(
            "endpoint groups",
            self._look_up,
            coalesce_seconds=_TOGETHER_SECONDS,
            ledger=Ledger(first=1.0, longest=_LONGEST_REST),
        )
        self._loop: ReconcileLoop[str] = ReconcileLoop(
            "endpoint rules",
            self._reconcile,
            workers=_WORKERS,
            ledger=Ledger(first=1.0, longest=_LONGEST_REST),
        )

    def update(
        self, group: str, wishes: Iterable[Openings], hosts: Mapping[str, str], *, is_known: bool
    ) -> None:
        """What is to be let in to the targets of a group; what it had stays where that is not known.

        `hosts` has the instances that targets are on.
        """
        now = tuple(wishes)
        self._hosts.update(hosts)
        was_known = group not in self._unknown
        if is_known:
            self._unknown.discard(group)
        else:
            self._unknown.add(group)
            now = (
                *self._wishes.get(group, ()),
                *(each for each in now if each not in self._wishes.get(group, ())),
            )
        if self._wishes.get(group) != now or was_known != is_known:
            self._wishes[group] = now
            self._lookups.wake("")

    def forget(self, group: str) -> None:
        """A target group asks for nothing any more."""
        self._unknown.discard(group)
        if self._wishes.pop(group, None) is not None:
            self._lookups.wake("")

    def complete(self, sources: Iterable[str]) -> None:
        """All sources of wishes have told of theirs; load balancers send from these security groups.

        What was left behind in any security group that lets these in is found.
        """
        now = frozenset(sources)
        if not self._is_complete or not now <= self._sources:
            self._is_complete, self._sources = True, self._sources | now
            self._lookups.wake("")

    async def run(self, permit: Permit) -> None:
        """Keep rules as they are wished for until the permit is stopped."""
        self._searched_at = float("-inf")
        self._wanted.clear()
        self._stale.clear()
        self._was_known = False
        self._lookups.wake("")
        async with asyncio.TaskGroup() as group:
            group.create_task(self._lookups.run(permit))
            group.create_task(self._loop.run(permit))

    async def run_once(self, permit: Permit) -> dict[str, str]:
        """Bring about what is wished for, once; what failed, by security group."""
        await self._lookups.run_once([""], permit)
        await self._loop.run_once(tuple(self._wanted), permit)
        return self.failures

    @property
    def failures(self) -> dict[str, str]:
        """What failed and has not succeeded since: security group -> why."""
        found = {f"security group {each}": why for each, why in self._loop.errors.items()}
        lost = self._lookups.errors.get("")
        return found | ({"security groups of endpoints": lost} if lost else {})

    @property
    def _is_known(self) -> bool:
        """Whether everybody's wishes are known: only then anything is taken away."""
        return self._is_complete and not self._unknown and not self._lost

    def faults(self) -> Iterator[Fault]:
        """The same as what keeps the daemon from its work."""
        for loop, kind in ((self._loop, "security group"), (self._lookups, "security groups of endpoints")):
            for key, reason in loop.reasons.items():
                yield Fault("aws", f"{kind} {key}".rstrip(), reason, loop.errors[key])

    async def _look_up(self, _: str, permit: Permit) -> Result:
        """Find the security groups of all targets, and have those looked at whose rules are to change."""
        if refusal := permit.refusal():
            raise refusal
        ids = {id_ for wishes in self._wishes.values() for wish in wishes for id_ in wish}
        self._group_of = {id_: group for id_, group in self._group_of.items() if id_ in ids}
        self._hosts = {id_: host for id_, host in self._hosts.items() if id_ in ids}
        missing = {id_: self._hosts.get(id_, "") for id_ in sorted(ids - self._group_of.keys())}
        found = await self._interfaces.rule_groups(missing)
        self._group_of.update(found.groups)
        self._lost = found.unknown
        self._reporter.tell_current(_LOST, map(_lost_report, sorted(self._lost.items())))
        wanted = desired_permissions(
            (each for all_ in self._wishes.values() for each in all_), self._group_of
        )
        is_search = self._is_search_due()
        left_behind = await self._left_behind() if is_search else set()
        looks_at_all = is_search or (self._is_known and not self._was_known)
        self._was_known = self._is_known
        for group in set(wanted) | set(self._wanted) | left_behind:
            is_news = looks_at_all or self._wanted.get(group) != wanted.get(group, frozenset())
            self._wanted[group] = wanted.get(group, frozenset())
            if is_news:
                self._loop.wake(group, after=0)
        return Result(again_in=SECOND_LOOK_SECONDS if self._lost else self._sync_seconds)

    def _is_search_due(self) -> bool:
        """Whether to look for rules that nobody wishes for: once in each period, and for each new source."""
        if not (self._is_complete and self._sources):
            return False
        is_over = asyncio.get_running_loop().time() >= self._searched_at + self._sync_seconds
        return is_over or self._sources != self._searched

    async def _left_behind(self) -> set[str]:
        """All security groups with rules of ours."""
        sources = self._sources
        found = set(await self._groups.that_admit(sources))
        self._searched, self._searched_at = sources, asyncio.get_running_loop().time()
        return found

    async def _reconcile(self, group: str, permit: Permit) -> Result:
        """Let in what is wished for, then take away what is useless for the second time."""
        if refusal := permit.refusal():
            raise refusal
        view = RuleView(
            wanted=self._wanted.get(group, frozenset()),
            observed=await self._observed(group),
            stale_before=self._stale.get(group, ()),
            is_known=self._is_known,
            most=self._most.get(group, 0),
        )
        plan = plan_endpoint_rules(view)
        try:
            await self._carry_out(group, plan, permit)
        except Exhausted:
            rules = self._most.get(group) or len(view.wanted)
            self._most[group] = max(1, rules // 2)
            raise
        except OutsideError:
            self._stale.pop(group, None)
            raise
        self._stale[group] = plan.stale
        if not (view.wanted or plan.stale):
            self._wanted.pop(group, None)
        return Result(
            again_in=SECOND_LOOK_SECONDS if plan.stale else self._sync_seconds,
            acted=bool(plan.authorize or plan.revoke),
        )

    async def _observed(self, group: str) -> tuple[Permission, ...]:
        """What a security group lets in now; nothing where it is gone."""
        found = await self._groups.read([group], age_seconds=_READ_SECONDS)
        return found[group].permissions if group in found else ()

    async def _carry_out(self, group: str, plan: RulePlan, permit: Permit) -> None:
        for is_new, permissions in (
            (False, plan.make_room),
            (True, plan.authorize),
            (False, plan.revoke),
        ):
            if not permissions:
                continue
            if is_new:
                await self._groups.authorize(group, permissions, permit)
            else:
                await self._groups.revoke(group, permissions, permit)
            self._reporter.tell(_changed_report(group, permissions, is_new=is_new))


def _changed_report(group: str, permissions: Sequence[Permission], *, is_new: bool) -> Report:
    said = ", ".join(
        f"{each.protocol} {each.port}{f'-{each.to_port}' if each.to_port != each.port else ''}"
        f" from {each.security_group or each.cidr or each.prefix_list}"
        for each in permissions
    )
    verb = "lets in" if is_new else "lets in no more"
    return Report(
        key=group,
        ref=None,
        action="authorize" if is_new else "revoke",
        reason=names.RULES_CHANGED,
        message=f"security group {group} {verb} {said}",
        is_change=True,
    )


def _lost_report(lost: tuple[str, str]) -> Report:
    id_, why = lost
    return Report(
        key=id_,
        ref=None,
        action="skip",
        reason=names.WAITING,
        message=why,
        log="warning",
    )

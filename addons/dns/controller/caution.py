"""What keeps a plan from doing harm: holds, the budget for deletes, and names that flap."""

from collections.abc import Callable, Container, Iterable, Mapping
from datetime import datetime, timedelta

from addons.dns.config import Config
from addons.dns.controller.budget import DeleteBudget, Held
from addons.dns.controller.memory import Flaps, Holds
from addons.dns.model.actions import ChangeGroup, Plan
from addons.dns.model.records import ZoneRecords
from addons.dns.model.registry import Registry
from addons.dns.plan.guard import await_successors
from addons.dns.plan.records import Rules
from addons.runtime.outcomes import Blocked, Outcome


class Caution:
    """All memory of the past that plans obey. Lost with the process, which only makes holds longer."""

    def __init__(
        self,
        config: Config,
        *,
        registry: Registry,
        is_routine: Callable[[str], bool],
        now: Callable[[], datetime],
    ) -> None:
        self._config = config
        self._registry = registry
        self._is_routine = is_routine
        self._now = now
        self._holds = Holds(config.empty_target_hold, now)
        self._flaps = Flaps(now)
        self._budget = DeleteBudget(
            percent=config.delete_budget,
            approved=config.approve_plan,
            registry=registry,
            is_routine=is_routine,
            now=now,
        )

    @property
    def held(self) -> Mapping[str, Held]:
        """The deletes that the budget holds, by zone id."""
        return self._budget.held

    def rules(self, blocked: Mapping[str, Blocked], alias_zones: Mapping[str, str]) -> Rules:
        """The rules for a plan that is made now."""
        return Rules(
            self._registry,
            self._config.policy,
            blocked,
            now=self._now(),
            target_holds=self._holds.ends,
            flapping=self._flaps.resting(),
            alias_zones=alias_zones,
        )

    def guard(self, zone_id: str, plan: Plan, observed: ZoneRecords, held: str, pod_hold: timedelta) -> Plan:
        """The plan without deletes that may not happen now; `held` says why none may.

        Those of names that come and go with pods may not for `pod_hold` from now.
        """
        if pod_hold and not held:
            plan = await_successors(plan, self._is_routine, self._now() + pod_hold)
        return self._budget.guard(zone_id, plan, observed, held)

    def learn(
        self,
        zone_id: str,
        plan: Plan,
        outcomes: Iterable[Outcome[ChangeGroup]],
        planned: Container[str],
    ) -> None:
        """Remember what became of a plan for the keys, zone/name, in `planned`."""
        done = list(outcomes)
        self._holds.follow(plan.skips, planned)
        self._budget.spend(zone_id, done)
        self._flaps.count(done)

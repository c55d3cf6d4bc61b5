"""Reconcile this node: what its pods are granted, and the credentials for it, before they ask."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from random import Random

from prometheus_client import Gauge

from addons.iamproxy import names
from addons.iamproxy.aws.sts import Sts
from addons.iamproxy.cache.addresses import ALWAYS, Addresses
from addons.iamproxy.cache.credentials import CredentialCache
from addons.iamproxy.config import Config, base_arn
from addons.iamproxy.controller.policy_file import PolicyFile
from addons.iamproxy.controller.state import ambiguous_addresses, decisions_on, node_state, uncovered_state
from addons.iamproxy.desired.grants import Desired, Rules, desired_grants
from addons.iamproxy.kube import reports
from addons.iamproxy.kube.assignments import Assignments
from addons.iamproxy.model.actions import Drop, Plan
from addons.iamproxy.model.credentials import CredentialKey
from addons.iamproxy.model.objects import NAMESPACES, Namespace, Pod
from addons.iamproxy.model.verdicts import Grant
from addons.iamproxy.plan import guard, next_look, plan_credentials, preview
from addons.runtime.app import end_within
from addons.runtime.backoff import Backoff
from addons.runtime.clock import utc_now
from addons.runtime.decisions import Decision
from addons.runtime.errors import OutsideError
from addons.runtime.kube import KubeClient
from addons.runtime.kube_access import own_pod
from addons.runtime.loop import ReconcileLoop, Result
from addons.runtime.objects import PODS, ref
from addons.runtime.outcomes import Fault
from addons.runtime.permit import Permit
from addons.runtime.plan_output import PrintPlan
from addons.runtime.reporter import Reporter
from addons.runtime.watches import Watches

log = logging.getLogger(__name__)

_PODS = Gauge("addons_iamproxy_pods", "Pods of this node.", ["verdict"])

_UNCOVERED = Gauge(
    "addons_iamproxy_uncovered_pods", "Pods of the host's network that reach the node's own metadata."
)

_LONGEST_LOOK = 10.0
_SHORTEST_LOOK = 0.1

_PATIENCE_SECONDS = 60.0
"""For roles for which STS fails, before a new daemon takes the redirect from one that may have them."""


class Controller:
    """Keeps `addresses` and `credentials` as the pods of the node need them.

    `uncovered` tells why the redirect cannot stop pods of the host's network; "" when it can. `trouble` tells
    why AWS cannot be asked at present: what failed meanwhile is fetched anew when that is over. In a dry run
    `print_plan` takes every plan in place of its being carried out.
    """

    def __init__(
        self,
        config: Config,
        *,
        kube: KubeClient,
        sts: Sts,
        reporter: Reporter,
        policy: PolicyFile | None = None,
        uncovered: Callable[[], str] = lambda: "",
        trouble: Callable[[], str] = lambda: "",
        print_plan: PrintPlan | None = None,
        now: Callable[[], datetime] = utc_now,
        rng: Random | None = None,
    ) -> None:
        self._config = config
        self._sts = sts
        self._reporter = reporter
        self._policy = policy
        self._uncovered = uncovered
        self._trouble = trouble
        self._had_trouble = False
        self._print_plan = print_plan
        self._now = now
        self._rng = rng or Random()  # noqa: S311
        self._base = base_arn(config)
        self._desired = Desired((), {}, frozenset())
        self._has_looked = False
        self._began = 0.0  # loop time
        self._is_current = False  # whether all that was heard is in the table of addresses
        self._loop: ReconcileLoop[str] = ReconcileLoop("iamproxy", self.reconcile)
        self.watches = Watches(kube)
        self.pods = self.watches.add(
            PODS, Pod, field_selector=f"spec.nodeName={config.node}", on_change=lambda change: self._wake()
        )
        self._namespaces = self.watches.add(NAMESPACES, Namespace, on_change=lambda change: self._wake())
        self.assignments = Assignments(config.cni_socket, on_read=self._assignments_read)
        self.addresses = Addresses(
            is_trusted=lambda: self._is_current and not self._why_untrusted(),
            on_wait=lambda ip: self.assignments.hurry(),
        )
        self.credentials = CredentialCache(
            sts.fetch,
            ttl=config.iam_role_session_ttl,
            now=now,
            rng=self._rng,
            on_outcome=self._fetch_ended,
        )

    async def run(self, stopping: asyncio.Event) -> None:
        """Reconcile until `stopping`."""
        self._began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            finding = group.create_task(self._find_base())
            self._wake()
            await self._loop.run(Permit(stopping))
            finding.cancel()
        await self.credentials.close()

    async def run_once(self, stopping: asyncio.Event) -> dict[str, str]:
        """Fetch what the pods of the node need; what failed, by key."""
        await end_within(0.0, self.watches.wait_settled(), stopping)
        failures = self.watches.faults() | await self._try_base()
        while self._pass().actions and not (self._print_plan or stopping.is_set()):
            failures |= {str(key): error for key, error in (await self.credentials.settle()).items()}
        return failures

    async def reconcile(self, key: str, permit: Permit) -> Result:
        """One round for the node; it never waits for STS."""
        plan = self._pass()
        due = next_look(plan, self._desired.keys, self.credentials.held(), now=self._now())
        seconds = (due - self._now()).total_seconds() if due else _LONGEST_LOOK
        return Result(again_in=min(max(seconds, _SHORTEST_LOOK), _LONGEST_LOOK))

    def not_ready(self) -> str:
        """Why nobody can be served, or only some; empty when the caches are complete and fresh."""
        failed = "".join(f"the last round failed: {error}" for error in self._loop.errors.values())
        awaits_base = self._config.auto_discover_base_arn and not self._base
        return (
            self._why_untrusted()
            or failed
            or ("the base of role ARNs is not known yet" if awaits_base else "")
        )

    def is_followed(self) -> bool:
        """Whether another pod of our DaemonSet is on the node, to take our place; it may not listen yet.

        The probes do not tell that: on the port that both share, we answer those of the one that starts.
        """
        us = own_pod()
        pod = self.pods.get(us.namespace, us.name) if us else None
        if pod is None or pod.metadata.controller is None:
            return False
        return any(
            each.metadata.controller == pod.metadata.controller
            and each.metadata.uid != pod.metadata.uid
            and not each.metadata.deletion_timestamp
            and each.status.phase in ("Pending", "Running")
            for each in self.pods.all()
        )

    def last_pass(self) -> datetime | None:
        """When a pass ended last."""
        return self._loop.last_pass

    def faults(self) -> Iterator[Fault]:
        """What of STS or the API server is in the way of the pods."""
        yield from self.watches.unreadable()
        gets_nothing = self.credentials.failing and self.credentials.is_empty
        if self.credentials.is_away or gets_nothing:
            message = next(iter(self.credentials.errors().values()), "no answer")
            yield Fault("aws", "STS", "Unavailable", message)

    @property
    def is_warm(self) -> bool:
        """Whether pods can be answered from memory: they are known, and all that STS would give is there.

        After a while a few roles for which STS fails count no more; no role at all does.
        """
        if not self._has_looked or self.not_ready() or self._trouble() or self.credentials.under_way:
            return False
        is_patient = asyncio.get_running_loop().time() < self._began + _PATIENCE_SECONDS
        return not self.credentials.failing or not (is_patient or self.credentials.is_empty)

    def state(self) -> dict[str, object]:
        """What the status page shows."""
        return {
            "node": self._config.node,
            "baseRoleArn": self._base,
            "sts": "away" if self.credentials.is_away else "in use",
            "addressesFrom": "the API server" if self.assignments.found is None else "the cni",
            "notStoppedByTheRedirect": uncovered_state(self._uncovered(), self._desired),
            "problems": [*self._problems(), *ambiguous_addresses(self._desired)],
            "pods": node_state(self._desired, self.credentials.held(), self.credentials.errors()),
        }

    def decisions_on(self, about: str) -> Iterator[Decision]:
        """What holds now of one pod."""
        held, errors = self.credentials.held(), self.credentials.errors()
        yield from decisions_on(about, self._desired, held, errors, self.credentials.denied, self._now())
        if about.startswith("pod/") and about not in {str(ref(pod)) for pod in self.pods.all()}:
            message = f"there is no {about} on {self._config.node}, the node of this daemon"
            yield Decision(self._now(), about, about, "skip", names.POD_NOT_HERE, message)

    def _why_untrusted(self) -> str:
        return self.watches.not_ready() or self.assignments.not_ready()

    def _pass(self) -> Plan:
        """The five steps. One that fails leaves nobody to be served: the table says what is no more."""
        self._is_current = False
        self._refresh_policy()
        read_at = ALWAYS if self.assignments.found is None else self.assignments.read_at
        namespaces = {namespace.metadata.name: namespace for namespace in self._namespaces.all()}
        desired = desired_grants(self.pods.all(), namespaces, self.assignments.found, self._rules())
        self._desired = desired
        self._is_current = True
        self.addresses.replace(desired.addresses, doubtful=desired.doubtful, read_at=read_at)
        plan = self._plan(desired)
        self._apply(plan)
        self._report(desired, plan)
        self._has_looked = True
        return plan

    def _rules(self) -> Rules:
        return Rules(self._config, self._base, self._policy.policy if self._policy else None)

    def _plan(self, desired: Desired) -> Plan:
        now = self._now()
        had_trouble, self._had_trouble = self._had_trouble, bool(self._trouble())
        if had_trouble and not self._had_trouble:
            self.credentials.forget_failures()
        self.credentials.mark(desired.keys)
        prefetch = self._config.prefetch or self._config.once
        plan = plan_credentials(
            desired.keys, self.credentials.held(), self.credentials.blocked(), now=now, prefetch=prefetch
        )
        return guard(plan, room=max(1, int(self._config.sts_rate)) - self.credentials.under_way, now=now)

    def _apply(self, plan: Plan) -> None:
        """Begin what is planned; how it ends is heard by `_fetch_ended`."""
        if self._print_plan:
            self._print_plan(preview(self._desired.pods, plan))
            return
        for action in plan.actions:
            if isinstance(action, Drop):
                self.credentials.drop(action.key)
            else:
                self.credentials.start(action.key)

    def _report(self, desired: Desired, plan: Plan) -> None:
        tell = self._reporter.tell_current
        tell("verdicts", map(reports.of_verdict, desired.pods))
        tell("addresses", [reports.of_address(*found) for found in desired.ambiguous_addresses])
        tell("problems", map(reports.of_problem, desired.problems))
        tell("skips", map(reports.of_skip, plan.skips))
        exposed = desired.of_host_network if self._uncovered() else ()
        message = f"{self._uncovered()}: {', '.join(sorted(map(str, exposed)))}"
        tell("uncovered", [reports.of_fault(names.HOST_NETWORK_UNCOVERED, message)] if exposed else [])
        _UNCOVERED.set(len(exposed))
        granted = sum(isinstance(verdict, Grant) for verdict in desired.pods)
        _PODS.labels("granted").set(granted)
        _PODS.labels("refused").set(len(desired.pods) - granted)

    def _problems(self) -> list[dict[str, str]]:
        return [
            {"object": str(problem.ref), "reason": problem.reason, "message": problem.message}
            for problem in sorted(set(self._desired.problems))
        ]

    def _refresh_policy(self) -> None:
        if self._policy and self._policy.refresh():
            message = f"the policy as it was stays in force: {self._policy.error}"
            self._reporter.tell(reports.of_fault(names.POLICY_UNREADABLE, message))

    async def _find_base(self) -> None:
        """Find the base ARN, however long it takes."""
        backoff = Backoff(self._rng, longest=10.0)
        clock = asyncio.get_running_loop().time
        while failed := await self._try_base():
            seconds = backoff.next(clock())
            log.info("%s; again in %.0f s", *failed.values(), seconds)
            await asyncio.sleep(seconds)
        self._wake()

    async def _try_base(self) -> dict[str, str]:
        if self._base or not self._config.auto_discover_base_arn:
            return {}
        try:
            self._base = await self._sts.base_arn()
        except OutsideError as error:
            message = f"base role ARN not found: {error.message}"
            self._reporter.tell(reports.of_fault(names.BASE_ARN_UNKNOWN, message))
            return {"base role ARN": error.message}
        return {}

    def _fetch_ended(self, key: CredentialKey, error: OutsideError | None) -> None:
        pods = [
            verdict.pod for verdict in self._desired.pods if isinstance(verdict, Grant) and verdict.key == key
        ]
        for report in reports.of_fetch(key, error, pods):
            self._reporter.tell(report)

    def _assignments_read(self, changed: bool) -> None:
        if changed:
            self._wake()
        elif self._is_current:
            self.addresses.confirm(self.assignments.read_at)

    def _wake(self) -> None:
        self._is_current = False
        self._loop.wake(self._config.node, after=0)

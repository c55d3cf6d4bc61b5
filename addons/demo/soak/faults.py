"""What goes wrong, drawn at random: each kind strikes, lasts for seconds, and is taken back."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from addons.demo.suite.charts import NAMESPACE
from addons.demo.suite.logs import daemons_of
from addons.demo.suite.site import BATCH, Site
from addons.sim.kubeapi.faults import Fault
from addons.sim.kubeapi.status import StatusError

SERVICES = ("route53", "sts", "ec2", "autoscaling", "elasticloadbalancing", "tagging")
_THROTTLED = {"ec2": "RequestLimitExceeded", "route53": "Throttling"}
_SEVERAL = 6
"""So many calls fail of a service that is struck."""
_READ = ("services", "ingresses", "pods", "nodes", "endpointslices", "namespaces")


@dataclass
class Faults:
    """Strikes the site; `struck` counts by kind, `killed` daemons by name.

    Kinds are drawn as from a deck of cards: each once, in any order, and then all again. `rng` draws these
    and the pauses alone, so that a seed gives the same ones; `details` draws what depends on what there is.
    """

    site: Site
    rng: random.Random
    details: random.Random
    struck: Counter[str] = field(default_factory=Counter)
    killed: Counter[str] = field(default_factory=Counter)
    _deck: list[str] = field(default_factory=list)

    async def strike(self) -> None:
        """Let something go wrong for a while."""
        if not self._deck:
            self._deck = sorted(self._kinds())
            self.rng.shuffle(self._deck)
        kind = self._deck.pop()
        self.struck[kind] += 1
        await self._kinds()[kind]()

    def clear(self) -> None:
        """Let everything work again."""
        self.site.aws.faults.clear()
        self.site.api.faults.clear()
        self.site.aws.sts.knobs.latency_seconds = 0.0

    def _kinds(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        return {
            "daemon killed": self._kill,
            "daemon's pod deleted": self._delete_pod,
            "AWS: errors": self._aws_errors,
            "AWS: throttling": self._aws_throttling,
            "AWS: answers lost": self._aws_lost,
            "AWS: slow": self._aws_slow,
            "STS: slow": self._sts_slow,
            "API: watches cut": lambda: self._api(verb="watch", resource=self._kind(), cut_after=0, times=4),
            "API: watches expired (410)": lambda: self._api(
                verb="watch", resource=self._kind(), expire_after=0, times=4
            ),
            "API: half-closed watches": lambda: self._api(
                verb="watch", resource=self._kind(), half_close=True, times=1
            ),
            "API: too many requests (429)": lambda: self._api(status=429, retry_after=1, times=20),
            "API: errors (503)": lambda: self._api(status=503, times=20),
            "API: slow": lambda: self._api(latency=1.5, times=30),
            "lease out of reach": lambda: self._api(
                seconds=17, resource="leases", status=503, message="etcd has no leader"
            ),
            "lease deleted": self._delete_lease,
            "node lost": self._lose_node,
        }

    def _service(self) -> str:
        return self.details.choice(SERVICES)

    def _kind(self) -> str:
        return self.details.choice(_READ)

    async def _kill(self) -> None:
        """SIGKILL for one daemon; its kubelet starts it again."""
        running = [(name, each) for name, run in daemons_of(self.site) for each in run.containers if each.pid]
        if running:
            name, container = self.details.choice(running)
            self.killed[name] += 1
            with suppress(ProcessLookupError):
                os.kill(container.pid, signal.SIGKILL)

    async def _delete_pod(self) -> None:
        """Delete the pod of a daemon; another one comes in its place."""
        name, run = self.details.choice(list(daemons_of(self.site)))
        self.killed[name] += 1
        with suppress(StatusError):
            self.site.store.delete("v1", "pods", NAMESPACE, run.name, grace_seconds=25)

    async def _aws_errors(self) -> None:
        service = self._service()
        self.site.aws.faults.add(
            operation="*", service=service, code="InternalFailure", status=500, times=_SEVERAL
        )

    async def _aws_throttling(self) -> None:
        service = self._service()
        code = _THROTTLED.get(service, "Throttling")
        status = 503 if service == "ec2" else 400
        self.site.aws.faults.add(
            operation="*", service=service, code=code, message="Rate exceeded", status=status, times=_SEVERAL
        )

    async def _aws_lost(self) -> None:
        """Changes that happen, and whose answers do not arrive."""
        self.site.aws.faults.add(operation="changes", service=self._service(), before=False, times=2)

    async def _aws_slow(self) -> None:
        self.site.aws.faults.slow("*", self.details.uniform(0.5, 3.0), service=self._service())
        await asyncio.sleep(self.details.uniform(3, 8))
        self.site.aws.faults.quicken("*")

    async def _sts_slow(self) -> None:
        knobs = self.site.aws.sts.knobs
        knobs.latency_seconds = self.details.uniform(1, 4)
        await asyncio.sleep(self.details.uniform(3, 8))
        knobs.latency_seconds = 0.0

    async def _api(self, *, seconds: float = 4.0, **what: object) -> None:
        fault = self.site.api.faults.add(Fault(**what))  # type: ignore[arg-type]
        await asyncio.sleep(seconds)
        self.site.api.faults.remove(fault)

    async def _delete_lease(self) -> None:
        leases = self.site.store.list("coordination.k8s.io/v1", "leases", NAMESPACE)
        if leases:
            name = self.details.choice(leases)["metadata"]["name"]
            self.site.store.delete("coordination.k8s.io/v1", "leases", NAMESPACE, name)

    async def _lose_node(self) -> None:
        """AWS takes an instance back without a word; its group launches another one."""
        members = list(self.site.aws.autoscaling.groups[BATCH].members.values())
        if members:
            self.site.aws.ec2.instances.terminate(self.details.choice(members).id)

"""The way from endpoints to targets, whole: its parts put together, and what the others tell it."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from addons.albingress.aws.endpoint_groups import EndpointGroups
from addons.albingress.aws.interfaces import Interfaces
from addons.albingress.aws.network import Network
from addons.albingress.aws.targets import Targets
from addons.albingress.aws.users_groups import UsersGroups
from addons.albingress.config import Config
from addons.albingress.controller.endpoint_rules import EndpointRules
from addons.albingress.controller.gates import Gates
from addons.albingress.controller.targets import TargetRegistrar
from addons.albingress.controller.user_bindings import UserBindings
from addons.albingress.kube.endpoints import Endpoints, Touched
from addons.albingress.model.bindings import TargetGroupBinding
from addons.albingress.model.targets import Binding
from addons.runtime.clock import utc_now
from addons.runtime.kube import KubeClient
from addons.runtime.outcomes import Fault
from addons.runtime.permit import Permit
from addons.runtime.reporter import Reporter
from addons.runtime.watches import Cache

_COMPLETE_SECONDS = 1.0


class TargetPath:
    """Targets, readiness gates, rules of nodes and pods, and users' bindings, independent of all group work.

    Group reconcilers tell of their `bindings` and where target groups are (`located`, `gone`), the caches
    tell what was `touched`. When every group has told of its bindings once, `complete` says so.
    """

    def __init__(
        self,
        config: Config,
        *,
        kube: KubeClient,
        endpoints: Endpoints,
        user_bindings: Cache[TargetGroupBinding],
        targets: Targets,
        interfaces: Interfaces,
        endpoint_groups: EndpointGroups,
        users_groups: UsersGroups,
        network: Network,
        reporter: Reporter,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.rules = EndpointRules(config, interfaces=interfaces, groups=endpoint_groups, reporter=reporter)
        self.gates = Gates(
            config, kube=kube, endpoints=endpoints, targets=targets, reporter=reporter, now=now
        )
        self.registrar = TargetRegistrar(
            config,
            endpoints=endpoints,
            targets=targets,
            network=network,
            gates=self.gates,
            rules=self.rules,
            reporter=reporter,
        )
        self.users = UserBindings(
            config,
            kube=kube,
            bindings=user_bindings,
            groups=users_groups,
            registrar=self.registrar,
            reporter=reporter,
        )
        self._is_complete = False
        self._sources: frozenset[str] = frozenset()

    def bindings(self, source: str, bindings: Iterable[Binding]) -> None:
        """From now on a group has these bindings and no others."""
        self.registrar.bindings(source, tuple(bindings))

    def located(self, group: str, arn: str, *, is_new: bool = False) -> None:
        """A target group of ours has this ARN; one that `is_new` was just made and has no targets."""
        self.registrar.located(group, arn, is_new=is_new)

    def gone(self, group: str) -> None:
        """A target group of ours is no more."""
        self.registrar.gone(group)

    def touched(self, touched: Touched) -> None:
        """An object changed that targets may depend on: any of those that are watched."""
        self.registrar.touched(touched)
        self.users.touched(touched)

    def complete(self, sources: Iterable[str]) -> None:
        """Every group has told of its bindings; load balancers send from these security groups."""
        self._is_complete = True
        self._sources = frozenset(sources)
        self._tell_complete()

    async def run(self, permit: Permit) -> None:
        """Do all of it until the permit is stopped; calls under way end."""
        async with asyncio.TaskGroup() as group:
            completing = group.create_task(self._complete())
            parts = [
                group.create_task(part.run(permit))
                for part in (self.registrar, self.gates, self.rules, self.users)
            ]
            await asyncio.wait(parts)
            completing.cancel()

    async def run_once(self, permit: Permit) -> dict[str, str]:
        """One full pass; what failed, by name."""
        failures = await self.users.run_once(permit)
        failures |= await self.registrar.run_once(permit)
        self._tell_complete()
        return failures | await self.rules.run_once(permit)

    @property
    def failures(self) -> dict[str, str]:
        """What failed and has not succeeded since."""
        return self.users.failures | self.registrar.failures | self.gates.failures | self.rules.failures

    def faults(self) -> Iterator[Fault]:
        """What of AWS keeps targets from being registered, or security groups from being opened."""
        messages = self.registrar.failures
        for group, reason in self.registrar.reasons.items():
            yield Fault("aws", f"target group {group}", reason, messages[group])
        yield from self.rules.faults()

    async def _complete(self) -> None:
        """Say that all bindings are known, once the users' are too."""
        while True:
            self._tell_complete()
            await asyncio.sleep(_COMPLETE_SECONDS)

    def _tell_complete(self) -> None:
        if self._is_complete and self.users.is_complete:
            self.gates.complete()
            self.rules.complete(self._sources)

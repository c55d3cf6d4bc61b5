"""What the wishes of a group are read from: its members, what they name, and what AWS says of that."""

import asyncio
from collections.abc import Awaitable, Container, Iterable, Iterator, Mapping
from typing import TypeVar

from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.aws.certificates import Certificates
from addons.albingress.aws.network import Network
from addons.albingress.aws.users_groups import UsersGroups
from addons.albingress.config import Config
from addons.albingress.controller.groups import Groups, Place
from addons.albingress.desired.groups import in_order
from addons.albingress.desired.inputs import GroupInputs, Member, Resolved, Unresolved
from addons.albingress.desired.references import Named, named_in
from addons.albingress.kube.watches import AlbWatches
from addons.albingress.model.elb import ObservedStack
from addons.albingress.model.groups import GroupId
from addons.albingress.model.objects import Secret, Service
from addons.runtime.errors import OutsideError
from addons.runtime.objects import Key
from addons.runtime.outcomes import Problem

T = TypeVar("T")

Failed = Mapping[Key, OutsideError]
"""Ingresses that could not be written -> why."""

_SECRET_SECONDS = 5.0
"""So long a Secret is waited for that was named a moment ago."""


class Lookups:
    """Puts together what one group is made of. AWS is asked only for what is named, and not again before the
    question changes or somebody wants to know anew: a pass that has nothing to do makes no call.

    `gone` has the Services that went a moment ago.
    """

    def __init__(
        self,
        config: Config,
        *,
        watches: AlbWatches,
        groups: Groups,
        network: Network,
        certificates: Certificates,
        users_groups: UsersGroups,
        gone: Container[Key],
    ) -> None:
        self._config = config
        self._watches = watches
        self._groups = groups
        self._network = network
        self._certificates = certificates
        self._users_groups = users_groups
        self._gone = gone
        self._answers: dict[GroupId, tuple[Named, Resolved]] = {}

    def forget(self, group: GroupId) -> None:
        """Have AWS asked again for what a group names."""
        self._answers.pop(group, None)

    async def inputs(
        self,
        group: GroupId,
        places: Iterable[Place],
        observed: ObservedStack,
        *,
        unwritten: Failed,
        refused_certificates: Mapping[str, str],
        unopened: frozenset[int],
    ) -> GroupInputs:
        """All that a group's wishes are read from. `unwritten`: those that could not be given its finalizer.

        Nothing new is made for these, as it might be forgotten; what AWS has of them stays.
        """
        listed = tuple(places)
        found = [each.member for each in listed if each.member and each.member.group == group]
        incumbent = observed if _is_there(observed) else None
        members = in_order([_doubted(each, unwritten) for each in found], incumbent)
        services = {service for each in listed for service in each.services}
        secrets, unread_secrets = await self._secrets(listed)
        return GroupInputs(
            group=group,
            config=self._config,
            members=members,
            leaving=tuple(each.ingress for each in listed if group in each.left),
            services=dict(self._services(services)),
            secrets=secrets,
            unread_secrets=unread_secrets,
            recently_gone=frozenset(service for service in services if service in self._gone),
            resolved=replace(
                await self._resolved(group, members, incumbent),
                refused_certificates=refused_certificates,
                unopened=unopened,
            ),
            incumbent=incumbent,
        )

    def _services(self, wanted: Iterable[Key]) -> Iterator[tuple[Key, Service]]:
        for which in wanted:
            if service := self._watches.services.get(*which):
                yield which, service

    async def _secrets(self, places: Iterable[Place]) -> tuple[dict[Key, Secret], dict[Key, str]]:
        """The Secrets that are there, and why others could not be read."""
        wanted = {secret for place in places if place.member for secret in self._groups.secrets_of(place)}
        if wanted:
            self._watches.secrets.keep(self._groups.all_secrets())
            try:
                async with asyncio.timeout(_SECRET_SECONDS):
                    await self._watches.secrets.wait_answered(wanted)
            except TimeoutError:
                pass
        found = {which: self._watches.secrets.get(which) for which in wanted}
        unread = {which: self._watches.secrets.unknown(which) for which in wanted}
        return (
            {which: secret for which, secret in found.items() if secret},
            {which: why for which, why in unread.items() if why},
        )

    async def _resolved(
        self, group: GroupId, members: Iterable[Member], incumbent: ObservedStack | None
    ) -> Resolved:
        """What AWS says of what the members name; an earlier answer counts while nothing else is named."""
        balancers = incumbent.load_balancers if incumbent else ()
        named = named_in(members, self._config, next(iter(balancers), None))
        known = self._answers.get(group)
        if known and known[0] == named:
            return known[1]
        resolved = await self._ask(named)
        if not _is_unresolved(resolved):
            self._answers[group] = (named, resolved)
        return resolved

    async def _ask(self, named: Named) -> Resolved:
        nothing: dict[str, tuple[str, ...]] = {}
        subnets, certificates, security_groups, target_groups = await asyncio.gather(
            _answer(self._network.subnets(with_routes=True)) if named.subnets else _ready(()),
            _answer(self._certificates.issued()) if named.certificates else _ready(()),
            _answer(self._network.security_groups(named.security_groups))
            if named.security_groups
            else _ready(nothing),
            _answer(self._target_groups(named.target_groups)),
        )
        return Resolved(
            vpc=await self._network.vpc() if named.subnets else None,
            subnets=subnets,
            certificates=certificates,
            security_groups=_each(named.security_groups, security_groups),
            target_groups=_each(named.target_groups, target_groups),
        )

    async def _target_groups(self, wanted: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """The ARN of each target group that is there, by its name."""
        found = {name: await self._users_groups.find(name) for name in wanted}
        return {name: (group.arn,) if group else () for name, group in found.items()}


def _each(
    texts: Iterable[str], answer: Mapping[str, tuple[str, ...]] | Unresolved
) -> Mapping[str, tuple[str, ...] | Unresolved]:
    if isinstance(answer, Unresolved):
        return dict.fromkeys(texts, answer)
    return {text: answer.get(text, ()) for text in texts}


async def _answer(question: Awaitable[T]) -> T | Unresolved:
    try:
        return await question
    except OutsideError as error:
        return Unresolved(error.message)


async def _ready(answer: T) -> T:
    return answer


def _is_unresolved(resolved: Resolved) -> bool:
    each = (*resolved.security_groups.values(), *resolved.target_groups.values())
    return any(isinstance(one, Unresolved) for one in (resolved.subnets, resolved.certificates, *each))


def _is_there(observed: ObservedStack) -> bool:
    return bool(observed.load_balancers or observed.target_groups or observed.security_groups)


def _doubted(member: Member, unwritten: Failed) -> Member:
    error = unwritten.get(member.key)
    if error is None:
        return member
    message = f"its finalizer cannot be written: {error.message}"
    problem = Problem(member.ref, names.ACTION_FAILED, message)
    return replace(member, doubt=message, problems=(*member.problems, problem))
